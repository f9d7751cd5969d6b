namespace Heimdall.Api.Rights;

/// <summary>What a caller needs for something. <see cref="AccessTable"/> says who has it, and what needs it.</summary>
internal enum Right
{
    /// <summary>Nobody has to be known.</summary>
    None,

    /// <summary>Somebody must be known, whatever their roles are.</summary>
    Known,

    SeeCatalog,
    Submit,
    SeeJobs,
    StopJobs,
    RetryJobs,

    /// <summary>To approve jobs that wait for it, and to refuse them. Nobody does so with what is their own.</summary>
    DecideJobs,
    SeeSchedules,
    ChangeSchedules,
    SeeScripts,
    ChangeScripts,

    /// <summary>Pauses and statuses of commands, clusters and the queue.</summary>
    ControlQueue,

    /// <summary>
    /// Definitions of commands and clusters. Their tags say whose jobs they get, so that no role for some tags bounds
    /// what they do.
    /// </summary>
    ChangeCatalog,

    /// <summary>Hooks, and all messages to them.</summary>
    SeeHooks,

    /// <summary>To try a hook, and to send a message again.</summary>
    ControlHooks,

    /// <summary>Hangfire's own pages, which show everybody's jobs.</summary>
    SeeEngine,

    /// <summary>What Hangfire's pages could change. Nobody has it: it would change no job.</summary>
    ChangeEngine,

    /// <summary>Who did what.</summary>
    SeeAudit,

    /// <summary>To sign browsers out.</summary>
    EndSessions,
}
