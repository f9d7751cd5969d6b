namespace Heimdall.Plugins.Postgres.Contexts;

/// <summary>How int8 and numeric are written in JSON.</summary>
internal enum NumberForm
{
    /// <summary>As numbers with every digit. The default.</summary>
    Number,

    /// <summary>As strings, for clients that would round them.</summary>
    String,
}
