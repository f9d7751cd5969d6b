namespace Heimdall.Core.Plugins;

/// <summary>What became of an attempt whose process died.</summary>
public enum AttemptFate
{
    /// <summary>Its work is committed: the job has succeeded and must not run again.</summary>
    Committed,

    /// <summary>None of its work took effect: the job can run again.</summary>
    NothingHappened,

    /// <summary>It was stopped on its way, and what it had done by then stays. The job must not run again by itself.</summary>
    Interrupted,

    /// <summary>Nobody can tell. The job must not run again by itself.</summary>
    Unknown,
}
