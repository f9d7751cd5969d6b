namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>What is sent for a query and waits for its answer.</summary>
internal enum QueryStep
{
    None,

    /// <summary>Opens the transaction.</summary>
    Begin,

    /// <summary>Sets the session to what the job asks for.</summary>
    SetUp,

    /// <summary>Asks when the transaction began.</summary>
    Clock,

    /// <summary>Marks where the statement begins, so that what it did can be asked for after it has failed.</summary>
    Mark,

    /// <summary>Runs the statement, described before.</summary>
    Statement,

    /// <summary>Fails if the statement has changed the encoding that its rows were sent in.</summary>
    Check,

    Commit,

    /// <summary>
    /// Asks for the number of the session's transaction, just before the statement. Executed whatever became of the
    /// steps before.
    /// </summary>
    NumberBefore,

    /// <summary>The same, just behind it.</summary>
    NumberBehind,

    /// <summary>Leaves nothing of the job in the session. Executed whatever became of the steps before.</summary>
    Reset,
}
