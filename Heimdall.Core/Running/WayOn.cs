using Heimdall.Core.Plugins;

namespace Heimdall.Core.Running;

/// <summary>Tells how a batch that was interrupted can be gone on with.</summary>
internal static class WayOn
{
    /// <returns>The message with the way on behind it; without one where what ran is not known, or is no batch that commits as it goes.</returns>
    public static string AddTo(string message, Guid jobId, JobProgress progress) => progress is { ResumeFrom: { } next, Sha256: not null }
        ? $"{message} POST /api/v1/job/{jobId}/retry with {{\"from_statement\": {next}}} goes on with the first that is not known to be done."
        : message;
}
