namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>What ReadyForQuery says of the transaction.</summary>
internal enum TransactionStatus
{
    /// <summary>None is open.</summary>
    Idle,

    Open,

    /// <summary>One is open in which a statement failed: it can only be rolled back.</summary>
    Failed,
}
