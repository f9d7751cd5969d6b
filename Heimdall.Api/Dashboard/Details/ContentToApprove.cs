using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using System.Text.Unicode;
using Heimdall.Api.Callers;
using Heimdall.Api.Rights;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Scripts;
using Heimdall.Core.Submission;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>
/// What a job that waits for an approval would run, whole: for who may decide on it, also where they may read no scripts
/// otherwise. Bytes are read only as long as they are those that were submitted.
/// </summary>
internal sealed class ContentToApprove(ScriptFolder scripts, JobApprover approver)
{
    /// <summary>A page with more would be read by nobody.</summary>
    public const int MostBytes = 1024 * 1024;

    /// <returns>Null of a job that does not wait, and for who may not decide on it.</returns>
    public async Task<ShownContent?> ReadAsync(HttpContext context, Job job, CancellationToken cancellationToken)
    {
        if (job is not { Status: JobStatus.WaitingForApproval, ParentId: null }
            || !context.Caller().Rights.Over(Right.DecideJobs, job)
            || approver.FindProblem(job, context.CallerName()) is not null)
        {
            return null;
        }
        if (job.Approval?.Content is not { } content
            || job.Context["query"] is not JsonValue value || !value.TryGetValue(out string? query))
        {
            return new([], "What it would run is not known here.");
        }
        var path = ScriptFolder.IsPath(query) ? query.Trim() : null;
        var shown = new List<ShownFile>();
        var left = MostBytes;
        try
        {
            var problem = await ShowAsync(
                path,
                () => path is null ? new MemoryStream(Encoding.UTF8.GetBytes(query)) : scripts.Open(query),
                content.Sha256);
            foreach (var file in content.Files ?? [])
            {
                problem ??= await ShowAsync(file.Path, () => scripts.OpenFile(file.Path), file.Sha256);
            }
            return new(shown, problem);
        }
        catch (Exception missing) when (missing is JobRefusedException or IOException or ScriptStorageException)
        {
            return new(shown, "A file that it reads is not there any more, or cannot be read: so it would fail.");
        }

        async Task<string?> ShowAsync(string? name, Func<Stream> open, string sha256)
        {
            await using var file = open();
            if (file.Length > left)
            {
                return TooLong;
            }
            var bytes = new byte[file.Length];
            await file.ReadExactlyAsync(bytes, cancellationToken);
            left -= bytes.Length;
            if (Convert.ToHexStringLower(SHA256.HashData(bytes)) != sha256)
            {
                return $"{name ?? "The SQL"} is not what was submitted for approval any more: so the job would fail.";
            }
            if (!Utf8.IsValid(bytes))
            {
                return $"{name ?? "The SQL"} is not UTF-8, and cannot be shown as it is.";
            }
            shown.Add(new(name, Encoding.UTF8.GetString(bytes)));
            return null;
        }
    }

    private static string TooLong =>
        $"It is longer than the {MostBytes} bytes that this page shows. Compare the files with their SHA-256, and approve "
        + "it by the command line or REST.";
}

/// <summary>What of a job is shown to who may approve it.</summary>
/// <param name="Files">Each as a whole, with the hash that was submitted.</param>
/// <param name="Problem">Why that is not all of it; null where it is.</param>
internal sealed record ShownContent(IReadOnlyList<ShownFile> Files, string? Problem);

/// <param name="Path">Null for the SQL of the job.</param>
/// <param name="Text">All of it.</param>
internal sealed record ShownFile(string? Path, string Text);
