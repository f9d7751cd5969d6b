using Heimdall.Plugins.Postgres.Rules;

namespace Heimdall.Plugins.Postgres.Psql;

/// <summary>How a script is read.</summary>
internal sealed record PsqlReaderOptions
{
    /// <summary>False where psql's commands are refused.</summary>
    public required bool ReadsCommands { get; init; }

    /// <summary>What the job gives; null when it gives none.</summary>
    public IReadOnlyDictionary<string, string>? Variables { get; init; }

    public required long MostVariableBytes { get; init; }

    public required bool StopsOnError { get; init; }

    public required bool IsOneTransaction { get; init; }

    /// <summary>The job's script when it is a file, as a path below the directory of scripts; else empty.</summary>
    public string Path { get; init; } = "";

    /// <summary>Where the job runs, as far as it is known.</summary>
    public PsqlPlace? Place { get; init; }

    /// <summary>True where nothing is run, so that what the server would answer is not known.</summary>
    public bool IsCheck { get; init; }

    public bool NoticesWords { get; init; }

    /// <summary>What the command refuses; null for nothing.</summary>
    public StatementRules? Rules { get; init; }

    /// <summary>Whether a statement may be run again by a command behind it.</summary>
    public bool KeepsPrevious { get; init; }

    /// <summary>True to leave the job's script open.</summary>
    public bool LeavesOpen { get; init; }
}
