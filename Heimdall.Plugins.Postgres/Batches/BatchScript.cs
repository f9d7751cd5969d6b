using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Psql;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>A script that has been checked and is to be run.</summary>
/// <param name="Stream">At its beginning.</param>
/// <param name="Files">What it reads beside itself.</param>
/// <param name="Check">What was found in it; null of a script that is checked as it runs.</param>
/// <param name="Settings">The job's.</param>
/// <param name="Place">Where it runs.</param>
/// <param name="OwnDatabase">
/// The database that the session is in, where the script creates it and then connects to it; null of other scripts.
/// </param>
/// <param name="Resumption">Where it begins; null for its beginning.</param>
internal sealed record BatchScript(
    ScriptStream Stream,
    ScriptFiles Files,
    ScriptCheck? Check,
    JobSettings Settings,
    PsqlPlace Place,
    string? OwnDatabase,
    ScriptResumption? Resumption)
{
    public bool IsOneTransaction => Settings.Transaction == TransactionMode.Single;

    /// <summary>Whether it or one of its files was written to while it was read.</summary>
    public bool HasChanged => Stream.HasChanged || Files.HaveChanged;
}
