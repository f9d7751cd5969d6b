namespace Heimdall.Core.Plugins;

/// <summary>What became of an attempt whose process died.</summary>
public enum AttemptFate
{
    /// <summary>Its work is committed: the job has succeeded and must not run again.</summary>
    Committed,

    /// <summary>None of its work took effect: the job can run again.</summary>
    NothingHappened,

    /// <summary>Nobody can tell. The job must not run again by itself.</summary>
    Unknown,
}
