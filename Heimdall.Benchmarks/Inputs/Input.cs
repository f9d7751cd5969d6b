namespace Heimdall.Benchmarks.Inputs;

/// <summary>A script that is run by everyone who is compared.</summary>
internal sealed record Input
{
    /// <summary>The name of its file. Says all that decides its content: a file that is there is not made again.</summary>
    public required string File { get; init; }

    /// <summary>What it is, for the table.</summary>
    public required string Title { get; init; }

    /// <summary>Run before the script and not timed; "" for a script that needs nothing.</summary>
    public string Setup { get; init; } = "";

    /// <summary>Asks how much the script has left behind.</summary>
    public required string CountSql { get; init; }

    /// <summary>
    /// Whether making files is a part of the work. ext4 looks long for an inode when many were freed within the last five minutes
    /// (its recently_deleted), so the databases of such a script are not dropped before all is measured.
    /// </summary>
    public bool MakesManyFiles { get; init; }

    /// <summary>Writes the script to a path.</summary>
    public required Func<string, CancellationToken, Task> WriteAsync { get; init; }
}
