using Heimdall.Core.Plugins;

namespace Heimdall.Core.Running;

/// <summary>Says how a batch that was interrupted can be resumed.</summary>
internal static class ResumeHint
{
    /// <returns>
    /// The message with the hint behind it; without one where what ran is not known, or is no batch that commits as it
    /// goes.
    /// </returns>
    public static string AddTo(string message, Guid jobId, JobProgress progress) =>
        progress is { ResumeFrom: { } next, Sha256: not null, CanResume: not false }
            ? $"{message} POST /api/v1/job/{jobId}/retry with {{\"from_statement\": {next}}} resumes at the first "
                + "statement that is not known to be done."
            : message;
}
