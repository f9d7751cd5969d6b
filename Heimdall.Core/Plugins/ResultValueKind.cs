namespace Heimdall.Core.Plugins;

/// <summary>How the text of a value may be written down in a format that has types of its own.</summary>
public enum ResultValueKind
{
    /// <summary>A string, whatever it holds.</summary>
    Text,

    /// <summary>A number with every digit, or one of <c>NaN</c>, <c>Infinity</c>, <c>-Infinity</c>.</summary>
    Number,

    /// <summary><c>t</c> or <c>f</c>.</summary>
    Boolean,

    /// <summary>A JSON value, valid by the database's own check.</summary>
    Json,
}
