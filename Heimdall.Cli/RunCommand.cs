using System.CommandLine;
using System.Text.Json;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary><c>heimdall run</c>.</summary>
internal static class RunCommand
{
    private const string WaitingForApproval = "WAITING_FOR_APPROVAL";

    /// <summary>A job that runs is followed over a restart of the API.</summary>
    private static readonly TimeSpan FollowRetry = TimeSpan.FromMinutes(2);

    public static Command Create(CliSession session)
    {
        var file = new Argument<string>("FILE") { Description = "The script, or - for stdin. Its text is sent." };
        var variables = CliOptions.Texts("--set", "NAME=VALUE", "What :name in the script stands for; may be repeated.");
        var secrets = CliOptions.Secrets(
            "The same, read from env:VARIABLE or file:PATH and shown to nobody; may be repeated.");
        var transaction = CliOptions.OneOf(
            "--transaction", "MODE", "single: all or nothing (default). none: each statement by itself.",
            "single", "none");
        var onError = CliOptions.OneOf(
            "--on-error", "MODE", "stop (default), or with --transaction none: continue.", "stop", "continue");
        var target = CliOptions.OneOf(
            "--target", "TARGET", "any: on one of the clusters that match (default). all: on each of them.", "any",
            "all");
        var parallel = CliOptions.Number<int>("--max-parallel", "With --target all: on so many clusters at once.");
        var canary = CliOptions.Number<int>(
            "--canary", "With --target all: on so many clusters first, and on the others only if it succeeds there.");
        var stopAfter = CliOptions.Number<int>(
            "--stop-after-failures", "With --target all: begin on no other cluster once it has failed on so many.");
        var priority = CliOptions.Number<int>("--priority", "-100 to 100; your jobs with a higher one come first.");
        var key = CliOptions.Text("--idempotency-key", "KEY", "Sent again with the same key, the script runs once.");
        var detach = CliOptions.Flag("--detach", "Print the id of the job and do not wait for its end.");
        var dryRun = CliOptions.Flag("--dry-run", "Print the statements that would run, and run none.");
        var (cluster, command, name) = (CliOptions.Cluster(), CliOptions.Command(), CliOptions.Name("that of the file"));
        var run = new Command(
            "run",
            "Run a script as a job, follow its log and wait for its end. "
            + "Ctrl-C asks to cancel the job, a second one leaves at once.")
        {
            file, variables, secrets, transaction, onError, cluster, command, target, parallel, canary, stopAfter,
            priority, key, detach, dryRun, name,
        };
        run.SetAction(async (result, cancellationToken) =>
        {
            var terminal = session.Terminal;
            var path = result.GetRequiredValue(file);
            session.Sql = await terminal.ReadTextAsync(path);
            var submission = new HeimdallSubmission
            {
                Name = result.GetValue(name) ?? (path == "-" ? "stdin" : Path.GetFileName(path)),
                Query = session.Sql,
                ClusterCriteria = session.FindClusters(result, result.GetRequiredValue(cluster)),
                CommandCriteria = CliSession.ToCommands(result.GetRequiredValue(command)),
                Variables = ToVariables(result.GetRequiredValue(variables)),
                Secrets = await SecretSource.ReadAllAsync(terminal, result.GetRequiredValue(secrets)),
                Transaction = result.GetValue(transaction),
                OnError = result.GetValue(onError),
                Priority = result.GetValue(priority),
                Target = result.GetValue(target),
                MaxParallel = result.GetValue(parallel),
                Canary = result.GetValue(canary),
                StopAfterFailures = result.GetValue(stopAfter),
            };
            using var client = session.Connect(result);
            if (result.GetValue(dryRun))
            {
                return await PreviewAsync(terminal, client, submission, cancellationToken);
            }
            var job = await SubmitAsync(terminal, client, submission, result.GetValue(key), cancellationToken);
            if (result.GetValue(detach) && !cancellationToken.IsCancellationRequested)
            {
                await terminal.PrintAsync(job.Id.ToString());
                return CliExitCode.Succeeded;
            }
            terminal.Say(job.Children is { } children
                ? $"job {job.Id} on {ChildGrid.Count(children.Total)}"
                : $"job {job.Id} on cluster {job.ClusterName}");
            if (job.Status == WaitingForApproval)
            {
                terminal.Say($"It waits for approval by an operator: heimdall approve {job.Id}");
            }
            using var follower = session.Connect(result, FollowRetry);
            await using var interrupt = cancellationToken.Register(
                () => _ = AskToCancelAsync(terminal, follower, job.Id));
            var ended = await FollowAsync(terminal, follower, job.Id);
            if (ended.Children is not null)
            {
                await ChildGrid.PrintAsync(terminal, follower, ended.Id, CancellationToken.None);
            }
            ProblemText.SayEnd(terminal, ended, session.Sql);
            return CliExitCode.Of(ended.Status);
        });
        return run;
    }

    /// <summary>Follows a job to its end. Ctrl-C does not end this: the job does.</summary>
    private static async Task<HeimdallJob> FollowAsync(Terminal terminal, HeimdallClient client, Guid id)
    {
        try
        {
            await JobFollower.FollowAsync(terminal, client, id, CancellationToken.None);
        }
        catch (HeimdallException e) when (e.Type == "too-many-watchers")
        {
            terminal.Say($"The job cannot be followed, and runs on: {e.Message} `heimdall logs {id}` prints its log.");
        }
        catch (HeimdallException)
        {
            terminal.Say($"The job runs on: heimdall logs {id} -f");
            throw;
        }
        return await client.WaitAsync(id, cancelJob: false, CancellationToken.None);
    }

    private static Dictionary<string, string>? ToVariables(string[] given)
    {
        var variables = new Dictionary<string, string>();
        foreach (var pair in given)
        {
            if (pair.Split('=', 2) is not [{ Length: > 0 } name, var value])
            {
                throw new UsageException($"--set {pair}: write name=value.");
            }
            variables[name] = value;
        }
        return variables.Count > 0 ? variables : null;
    }

    /// <summary>Submits a job. Ctrl-C does not end this: a job that is not known cannot be cancelled.</summary>
    private static async Task<HeimdallJob> SubmitAsync(
        Terminal terminal, HeimdallClient client, HeimdallSubmission submission, string? key,
        CancellationToken cancellationToken)
    {
        await using var interrupt = cancellationToken.Register(() => terminal.Say(
            "The job is being submitted, and is cancelled then. Ctrl-C once more leaves at once; the job may run: "
            + $"heimdall jobs --name '{submission.Name}'"));
        return await client.SubmitAsync(submission, key, CancellationToken.None);
    }

    private static async Task<int> PreviewAsync(
        Terminal terminal, HeimdallClient client, HeimdallSubmission submission, CancellationToken cancellationToken)
    {
        var preview = await client.DryRunAsync(submission, cancellationToken);
        if (preview.TryGetProperty("targets", out var targets))
        {
            return await PreviewTargetsAsync(terminal, preview, targets);
        }
        foreach (var statement in preview.GetProperty("statements").EnumerateArray())
        {
            var number = statement.GetProperty("statement");
            var (line, tag) = (statement.GetProperty("line"), statement.GetProperty("tag"));
            await terminal.PrintAsync($"{number}  line {line}  {tag}");
        }
        var (cluster, command) = (preview.GetProperty("cluster_name"), preview.GetProperty("command_name"));
        terminal.Say($"Would run on cluster {cluster} by command {command}. Nothing was run.");
        return CliExitCode.Succeeded;
    }

    private static async Task<int> PreviewTargetsAsync(Terminal terminal, JsonElement preview, JsonElement targets)
    {
        foreach (var target in targets.EnumerateArray())
        {
            string[] remarks =
            [
                .. target.GetProperty("is_canary").GetBoolean() ? ["canary"] : Array.Empty<string>(),
                .. target.GetProperty("waits").GetBoolean() ? ["waits"] : Array.Empty<string>(),
                .. target.GetProperty("is_healthy").GetBoolean()
                    ? Array.Empty<string>()
                    : ["did not answer its last health check"],
            ];
            await terminal.PrintAsync($"{target.GetProperty("cluster_id")}  {string.Join(", ", remarks)}".TrimEnd());
        }
        foreach (var other in preview.GetProperty("left_out").EnumerateArray())
        {
            terminal.Say($"not on {other.GetProperty("cluster_id")}: {other.GetProperty("reason")}");
        }
        terminal.Say(
            $"Would run on {ChildGrid.Count(targets.GetArrayLength())} by command "
            + $"{preview.GetProperty("command_name")}. Nothing was run.");
        return CliExitCode.Succeeded;
    }

    private static async Task AskToCancelAsync(Terminal terminal, HeimdallClient client, Guid id)
    {
        try
        {
            terminal.SayAbove("Asking to cancel the job; Ctrl-C once more leaves at once.");
            await client.CancelAsync(id, CancellationToken.None);
        }
        catch (HeimdallException e) when (e.Type == "already-ended")
        {
            // Then there is nothing to cancel.
        }
        catch (HeimdallException e)
        {
            terminal.SayAbove($"The job could not be cancelled: {e.Message}");
        }
    }
}
