namespace Heimdall.Plugins.Postgres.Contexts;

/// <summary>Whether a batch is one transaction.</summary>
internal enum TransactionMode
{
    /// <summary>All of it takes effect or none, as with <c>psql -1</c>. The default.</summary>
    Single,

    /// <summary>Each statement commits by itself, and the script's own BEGIN and COMMIT rule, as with <c>psql -f</c>.</summary>
    None,
}

/// <summary>What becomes of the rest of a batch when a statement of it has failed.</summary>
internal enum OnError
{
    /// <summary>It is not run, as with ON_ERROR_STOP in psql. The default.</summary>
    Stop,

    /// <summary>It is run all the same.</summary>
    Continue,
}
