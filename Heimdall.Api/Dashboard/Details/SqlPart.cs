using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Scripts;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Scripts;

namespace Heimdall.Api.Dashboard.Details;

/// <summary>What a job ran, as text or from its script, and the rest of its context.</summary>
internal sealed class SqlPart(ScriptFolder scripts, ScriptAccess access)
{
    private const string Query = "query";
    private const long MostHashed = 64 * 1024 * 1024; // the most that can be approved

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    /// <param name="context">The request: a script is shown to who may read it only.</param>
    /// <param name="job">What ran, or will.</param>
    /// <param name="times">What its statements took.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    public async Task<Markup> DrawAsync(
        HttpContext context, Job job, StatementTimes times, CancellationToken cancellationToken)
    {
        IReadOnlyList<StatementError> errors = job.Failure?.Errors ?? job.Progress.Errors ?? [];
        if (job.Context[Query] is not JsonValue value || !value.TryGetValue(out string? query))
        {
            return Markup.Empty;
        }
        if (ScriptFolder.IsPath(query))
        {
            return await DrawScriptAsync(context, job, query.Trim(), errors, times, cancellationToken);
        }
        using var text = new StringReader(query);
        return Section(times.DrawSlowest(), await ListAsync(text, job, errors, times, cancellationToken));
    }

    /// <summary>All lines of what somebody is to approve, and of the files that it reads.</summary>
    public static async Task<Markup> DrawWholeAsync(ShownContent shown, CancellationToken cancellationToken)
    {
        var parts = new List<Markup>();
        foreach (var file in shown.Files)
        {
            using var text = new StringReader(file.Text);
            var listing = await SqlListing.DrawWholeAsync(text, cancellationToken);
            parts.Add(file.Path is null ? listing : Markup.Of($"""
                <p>{(parts.Count == 0 ? "Script" : "It reads")} <code>{file.Path}</code></p>
                <p class="hd-aside">As it was submitted for approval: the SHA-256 is the same.</p>{listing}
                """));
        }
        return Section(Markup.Empty, Markup.Join(parts));
    }

    /// <summary>The SQL of jobs to come.</summary>
    public async Task<Markup> DrawPlannedAsync(
        HttpContext context, JsonObject planned, CancellationToken cancellationToken)
    {
        if (planned[Query] is not JsonValue value || !value.TryGetValue(out string? query))
        {
            return Markup.Empty;
        }
        if (!ScriptFolder.IsPath(query))
        {
            using var text = new StringReader(query);
            return Section(Markup.Empty, await ListAsync(text, cancellationToken));
        }
        var name = Markup.Of($"<p>Script <code>{query.Trim()}</code></p>");
        return await ReadScriptAsync(context, query.Trim(), name, async file =>
        {
            using var text = new StreamReader(file);
            return Section(name, await ListAsync(text, cancellationToken));
        }, cancellationToken);
    }

    /// <summary>Everything of a context but the SQL.</summary>
    public static Markup DrawContext(JsonObject context)
    {
        var rest = new JsonObject(context.Where(field => field.Key != Query)
            .Select(field => KeyValuePair.Create(field.Key, field.Value?.DeepClone())));
        return rest.Count == 0
            ? Markup.Empty
            : Markup.Of($"""<h2>Context</h2><pre class="hd-json" tabindex="0" aria-label="Context">{rest.ToJsonString(Indented)}</pre>""");
    }

    private async Task<Markup> DrawScriptAsync(
        HttpContext context, Job job, string path, IReadOnlyList<StatementError> errors, StatementTimes times,
        CancellationToken cancellationToken)
    {
        var name = Markup.Of($"<p>Script <code>{path}</code></p>");
        return await ReadScriptAsync(context, path, name, async file =>
        {
            var expected = job.Progress.Sha256 ?? job.Approval?.Content?.Sha256;
            var isSame = expected is { } sha256 && file.Length <= MostHashed
                ? await ScriptPlace.HashAsync(file, cancellationToken) == sha256
                : (bool?)null;
            file.Position = 0;
            using var text = new StreamReader(file);
            return Section(
                Markup.Of($"{name}{Told(isSame, job)}{times.DrawSlowest()}"),
                await ListAsync(text, job, errors, times, cancellationToken));
        }, cancellationToken);
    }

    /// <summary>Draws a script, or says why it cannot be shown.</summary>
    private async Task<Markup> ReadScriptAsync(
        HttpContext context, string path, Markup name, Func<FileStream, Task<Markup>> drawAsync,
        CancellationToken cancellationToken)
    {
        try
        {
            var place = scripts.Locate(path);
            if (place.Kind == ScriptPlaceKind.Script && !await access.SeesAsync(context, place, cancellationToken))
            {
                return Section(name, Pieces.Alert("info", Markup.Of($"The script is not yours to read.")));
            }
            await using var file = place.Kind == ScriptPlaceKind.Script ? place.Open() : null;
            return file is null
                ? Section(name, Pieces.Alert("warning", Markup.Of($"The script is not there any more.")))
                : await drawAsync(file);
        }
        catch (Exception exception) when (exception is ScriptStorageException or IOException)
        {
            return Section(name, Pieces.Alert("warning", Markup.Of($"The script cannot be read.")));
        }
    }

    private static Task<Markup> ListAsync(
        TextReader text, Job job, IReadOnlyList<StatementError> errors, StatementTimes times,
        CancellationToken cancellationToken) =>
        SqlListing.DrawAsync(text, errors, times, isRunning: job.Status is JobStatus.Running, cancellationToken);

    private static Task<Markup> ListAsync(TextReader text, CancellationToken cancellationToken) =>
        SqlListing.DrawAsync(text, [], StatementTimes.None, isRunning: false, cancellationToken);

    /// <summary>A script is shown as it is now, which need not be what ran.</summary>
    private static Markup Told(bool? isSame, Job job) => isSame switch
    {
        true when IsToRun(job) =>
            Markup.Of($"""<p class="hd-aside">As it was submitted for approval: the SHA-256 is the same.</p>"""),
        false when IsToRun(job) => Pieces.Alert(
            "warning",
            Markup.Of($"The script has been changed since it was submitted for approval: so the job will fail.")),
        true when job.Progress.Sha256 is null => Markup.Of(
            $"""<p class="hd-aside">As it was submitted for approval: the SHA-256 is the same.</p>"""),
        false when job.Progress.Sha256 is null => Pieces.Alert(
            "warning", Markup.Of($"The script has been changed since it was submitted for approval.")),
        true => Markup.Of($"""<p class="hd-aside">As it ran: the SHA-256 is the same.</p>"""),
        false => Pieces.Alert("warning", Markup.Of($"The script has been changed since: these are not the lines that ran.")),
        null when job.Attempt == 0 => Markup.Of($"""<p class="hd-aside">As it is now.</p>"""),
        null => Markup.Of($"""<p class="hd-aside">As it is now, which need not be what ran: it has not been compared.</p>"""),
    };

    private static bool IsToRun(Job job) => job.Status is JobStatus.WaitingForApproval or JobStatus.Accepted;

    private static Markup Section(Markup head, Markup listing) => Markup.Of($"<h2>SQL</h2>{head}{listing}");
}
