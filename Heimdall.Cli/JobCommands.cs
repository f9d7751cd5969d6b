using System.CommandLine;
using System.Globalization;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary>Commands about jobs that there are.</summary>
internal static class JobCommands
{
    public const int UsualCount = 20;
    public const int LongestPage = 200;

    public static Command CreateList(CliSession session)
    {
        var status = CliOptions.Texts("--status", "STATUS", "One of these, such as FAILED; may be repeated.");
        var name = CliOptions.Text("--name", "TEXT", "Jobs of this name.");
        var version = CliOptions.Text("--version", "TEXT", "Jobs of this version.");
        var user = CliOptions.Text("--user", "TEXT", "Jobs of this caller.");
        var command = CliOptions.Text("--command", "TEXT", "Jobs by this command.");
        var cluster = CliOptions.Text("--cluster", "TEXT", "Jobs on this cluster.");
        var tag = CliOptions.Text("--tag", "TEXT", "Jobs with this tag.");
        var schedule = CliOptions.Text("--schedule", "TEXT", "Jobs of this schedule.");
        var parent = new Option<Guid?>("--parent")
        {
            HelpName = "ID", Description = "The children of this job with target: all.",
        };
        var text = CliOptions.Text(
            "--text", "TEXT", "Jobs with this in the name, the description, the SQL or the errors.");
        var after = CliOptions.Time("--created-after", "A time such as 2026-01-31T12:00:00Z.");
        var before = CliOptions.Time("--created-before", "A time such as 2026-01-31T12:00:00Z.");
        var order = CliOptions.OneOf(
            "--order-by", "FIELD", "created_at (default) or updated_at.", "created_at", "updated_at");
        var direction = CliOptions.OneOf("--direction", "DIRECTION", "desc (default) or asc.", "desc", "asc");
        var limit = CliOptions.Number<int>("--limit", $"How many at most. Default: {UsualCount}.");
        var format = CliOptions.ListFormat();
        var jobs = new Command("jobs", "List jobs, the newest first.")
        {
            status, name, version, user, command, cluster, tag, schedule, parent, text, after, before, order, direction,
            limit, format,
        };
        jobs.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            var most = Math.Max(0, result.GetValue(limit) ?? UsualCount);
            var filter = new HeimdallJobFilter
            {
                Status = result.GetRequiredValue(status),
                Name = result.GetValue(name),
                Version = result.GetValue(version),
                User = result.GetValue(user),
                Command = result.GetValue(command),
                Cluster = result.GetValue(cluster),
                Tag = result.GetValue(tag),
                Schedule = result.GetValue(schedule),
                Parent = result.GetValue(parent),
                Text = result.GetValue(text),
                CreatedAfter = result.GetValue(after),
                CreatedBefore = result.GetValue(before),
                OrderBy = result.GetValue(order),
                Direction = result.GetValue(direction),
                PageSize = (int)Math.Clamp(most + 1L, 1, LongestPage),
            };
            await TextTables.PrintAsync(
                session.Terminal,
                CutAsync(session.Terminal, client.ListAsync(filter, cancellationToken), most, "jobs"),
                result.GetValue(format),
                ("id", job => job.Id.ToString()), ("name", job => job.Name), ("status", job => job.Status),
                ("user", job => job.User),
                ("cluster", job => job.Children is { } children ? ChildGrid.Count(children.Total) : job.ClusterName),
                ("created", job => ToText(job.CreatedAt)),
                ("error", job => job.Error));
            return CliExitCode.Succeeded;
        });
        return jobs;
    }

    /// <summary>The first of them, and a sentence where there are more.</summary>
    public static async IAsyncEnumerable<T> CutAsync<T>(
        Terminal terminal, IAsyncEnumerable<T> all, int most, string what)
    {
        await foreach (var (index, one) in all.Index())
        {
            if (index == most)
            {
                terminal.Say($"There are more {what} than --limit {most}.");
                yield break;
            }
            yield return one;
        }
    }

    public static Command CreateJob(CliSession session)
    {
        var (id, format) = (Id(), CliOptions.ListFormat());
        var job = new Command("job", "Show one job.") { id, format };
        job.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            var found = await client.JobAsync(result.GetRequiredValue(id), cancellationToken);
            if (result.GetValue(format) == "json")
            {
                await session.Terminal.PrintAsync(found.Json.GetRawText());
                return CliExitCode.Succeeded;
            }
            var members = found.Json.EnumerateObject().Where(member => member.Name is not ("context" or "errors"));
            foreach (var member in members)
            {
                await session.Terminal.PrintAsync($"{member.Name}: {member.Value}");
            }
            if (found.Children is not null)
            {
                await ChildGrid.PrintAsync(session.Terminal, client, found.Id, cancellationToken);
            }
            if (found.HasEnded)
            {
                ProblemText.SayEnd(session.Terminal, found, SqlOf(found));
            }
            return CliExitCode.Succeeded;
        });
        return job;
    }

    public static Command CreateLogs(CliSession session)
    {
        var id = Id();
        var follow = CliOptions.Flag("--follow", "Print what is added, until the job has ended.", "-f");
        var logs = new Command("logs", "Print the log of a job: the run log on stdout, notices and errors on stderr.")
        {
            id, follow,
        };
        logs.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            var job = result.GetRequiredValue(id);
            if (result.GetValue(follow))
            {
                await JobFollower.FollowAsync(session.Terminal, client, job, cancellationToken);
                return CliExitCode.Succeeded;
            }
            await foreach (var line in client.ReadLogAsync(job, notices: false, cancellationToken))
            {
                await session.Terminal.PrintAsync(line);
            }
            await foreach (var line in client.ReadLogAsync(job, notices: true, cancellationToken))
            {
                session.Terminal.Say(line);
            }
            return CliExitCode.Succeeded;
        });
        return logs;
    }

    public static Command CreateCancel(CliSession session)
    {
        var ids = Ids();
        var cancel = new Command("cancel", "Ask for jobs to be stopped, and print where each stands.") { ids };
        SetAction(
            session, cancel, ids, (client, _, id, cancellationToken) => client.CancelAsync(id, cancellationToken));
        return cancel;
    }

    public static Command CreateApprove(CliSession session)
    {
        var ids = Ids();
        var approve = new Command("approve", "Let jobs of others run that wait for it, and print where each stands.")
        {
            ids,
        };
        SetAction(
            session, approve, ids, (client, _, id, cancellationToken) => client.ApproveAsync(id, cancellationToken));
        return approve;
    }

    public static Command CreateRefuse(CliSession session)
    {
        var ids = Ids();
        var reason = new Option<string>("--reason")
        {
            HelpName = "TEXT", Description = "What their owners learn.", Required = true,
        };
        var refuse = new Command("refuse", "End jobs of others that wait for approval, and print where each stands.")
        {
            ids, reason,
        };
        SetAction(session, refuse, ids, (client, result, id, cancellationToken) =>
            client.RefuseAsync(id, result.GetRequiredValue(reason), cancellationToken));
        return refuse;
    }

    private static Argument<Guid[]> Ids() => new("ID") { Description = "The jobs.", Arity = ArgumentArity.OneOrMore };

    /// <summary>Does something with each of some jobs. One that fails keeps none of the others from it.</summary>
    private static void SetAction(
        CliSession session, Command command, Argument<Guid[]> ids,
        Func<HeimdallClient, ParseResult, Guid, CancellationToken, Task<HeimdallJob>> act) =>
        command.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            var code = CliExitCode.Succeeded;
            foreach (var id in result.GetRequiredValue(ids))
            {
                try
                {
                    var job = await act(client, result, id, cancellationToken);
                    await session.Terminal.PrintAsync($"{id} {job.Status}");
                }
                catch (HeimdallException e) when (e.Status is 403 or 404 or 409)
                {
                    session.Terminal.Say($"heimdall: {e.Message}");
                    code = CliExitCode.Wrong;
                }
            }
            return code;
        });

    public static Command CreateRetry(CliSession session)
    {
        var id = Id();
        var from = CliOptions.Number<long>("--from", "Of a script with --transaction none: the statement to resume from.");
        var secrets = CliOptions.Secrets(
            "A secret that the job had, read from env:VARIABLE or file:PATH; may be repeated.");
        var retry = new Command("retry", "Run a job that has ended once more, and print the id of the new job.")
        {
            id, from, secrets,
        };
        retry.SetAction(async (result, cancellationToken) =>
        {
            using var client = session.Connect(result);
            var job = await client.RetryAsync(
                result.GetRequiredValue(id), result.GetValue(from),
                await SecretSource.ReadAllAsync(session.Terminal, result.GetRequiredValue(secrets)), cancellationToken);
            if (job.HooksLeftOut.Count > 0)
            {
                var hooks = string.Join(", ", job.HooksLeftOut);
                session.Terminal.Say($"Hooks that no process has any more are left out: {hooks}");
            }
            await session.Terminal.PrintAsync(job.Id.ToString());
            return CliExitCode.Succeeded;
        });
        return retry;
    }

    public static Command CreateResult(CliSession session)
    {
        var (id, format) = (Id(), CliOptions.RowFormat());
        var parallel = CliOptions.Number<int>(
            "--parallel", "Read so many chunks at once, and check the SHA-256 of each. Not of arrow and parquet.");
        var result = new Command("result", "Print the stored rows of a job.") { id, format, parallel };
        result.SetAction(async (parsed, cancellationToken) =>
        {
            using var client = session.Connect(parsed);
            return await PrintedRows.PrintAsync(
                session.Terminal, client, parsed.GetRequiredValue(id), parsed.GetValue(format),
                parsed.GetValue(parallel), cancellationToken);
        });
        return result;
    }

    public static string ToText(DateTimeOffset time) =>
        time.UtcDateTime.ToString("yyyy-MM-dd HH:mm:ss'Z'", CultureInfo.InvariantCulture);

    private static Argument<Guid> Id() => new("ID") { Description = "The job." };

    private static string? SqlOf(HeimdallJob job) =>
        job.Json.TryGetProperty("context", out var context) && context.TryGetProperty("query", out var query)
            ? query.ToString()
            : null;
}
