namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>What a statement asks of whoever runs it.</summary>
internal enum ScriptStatementKind
{
    /// <summary>Sent as it is.</summary>
    Sql,

    /// <summary>The data follows in the script: <see cref="ScriptScanner.CopyDataAsync"/>.</summary>
    CopyFromStdin,

    /// <summary>The server answers with copy data instead of rows.</summary>
    CopyToStdout,

    /// <summary>Opens or ends a transaction. Savepoints are not among these: they live inside one.</summary>
    TransactionControl,

    /// <summary>The server refuses it inside a transaction block, and behind other statements that share a Sync.</summary>
    OutsideTransaction,
}
