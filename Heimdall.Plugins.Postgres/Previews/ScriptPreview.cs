using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Batches;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Psql;

namespace Heimdall.Plugins.Postgres.Previews;

/// <summary>Says of a script what its run would be, without asking the server.</summary>
internal static class ScriptPreview
{
    /// <exception cref="JobFailedException">The script is refused, or has statements that its mode does not
    /// allow.</exception>
    public static async Task<JobPreview> ReadAsync(
        ScriptStream script,
        JobSettings settings,
        ScriptFiles files,
        PsqlPlace? place,
        CancellationToken cancellationToken)
    {
        var check = await ScriptCheck.RunAsync(
            script, settings, files, place, standardStrings: true, resumption: null, cancellationToken);
        if (check.PreviewedFailure is { } failure)
        {
            throw new JobFailedException(failure);
        }

        return script.HasChanged || files.HaveChanged
            ? throw new JobFailedException(
                JobFailureKind.Refused, "The script was changed while it was read; try again when it is complete.")
            : new JobPreview
            {
                ReturnResult = settings.ReturnResult,
                Sha256 = script.Sha256,
                Statements = check.Statements,
                StatementsTotal = check.HasStopped ? null : check.StatementsTotal,
            };
    }

    /// <returns>Why the script cannot be resumed there; null when it can.</returns>
    /// <exception cref="JobFailedException">The script cannot be read.</exception>
    public static async Task<string?> FindResumeProblemAsync(
        ScriptStream script,
        JobSettings settings,
        ScriptFiles files,
        ResumePoint resume,
        CancellationToken cancellationToken)
    {
        var resumption = new ScriptResumption(resume.Statement);
        var check = await ScriptCheck.RunAsync(
            script, settings, files, place: null, standardStrings: true, resumption, cancellationToken);
        return ResumePoint.HashOf(script.Sha256, files.Hashes) != resume.Sha256
            ? ScriptResumption.ScriptChanged
            : check.Failure?.Message ?? check.ResumeProblem;
    }
}
