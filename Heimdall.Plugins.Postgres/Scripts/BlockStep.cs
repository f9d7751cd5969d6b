namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>What a statement does to the transaction block around it.</summary>
internal enum BlockStep
{
    None,

    /// <summary>BEGIN, START TRANSACTION: opens one; inside one, it is no more than a warning.</summary>
    Begin,

    /// <summary>COMMIT, ROLLBACK, PREPARE TRANSACTION: ends it.</summary>
    End,

    /// <summary>COMMIT AND CHAIN, ROLLBACK AND CHAIN: ends it and opens the next.</summary>
    EndAndBegin,

    /// <summary>ROLLBACK TO SAVEPOINT: stays inside, and may bring it back to life after an error.</summary>
    Restore,
}
