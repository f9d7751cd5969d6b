using System.CommandLine;
using System.Text.Json;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary><c>heimdall run</c>.</summary>
internal static class RunCommand
{
    public static Command Create(CliSession session)
    {
        var file = new Argument<string>("FILE")
        {
            Description = "The script, or - for stdin. Its text is sent, or put there first: see --upload.",
        };
        var variables = CliOptions.Texts("--set", "NAME=VALUE", "What :name in the script stands for; may be repeated.");
        var secrets = CliOptions.Secrets(
            "The same, read from env:VARIABLE or file:PATH and shown to nobody; may be repeated.");
        var transaction = CliOptions.OneOf(
            "--transaction", "MODE", "single: all or nothing (default). none: each statement by itself.",
            "single", "none");
        var onError = CliOptions.OneOf(
            "--on-error", "MODE", "stop (default), or with --transaction none: continue.", "stop", "continue");
        var fanOut = new FanOutOptions();
        var priority = CliOptions.Number<int>("--priority", "-100 to 100; your jobs with a higher one come first.");
        var key = CliOptions.Text("--idempotency-key", "KEY", "Sent again with the same key, the script runs once.");
        var upload = CliOptions.Text(
            "--upload", "PATH", "Put the script there first, such as reports/a.sql, and name it with its SHA-256.");
        var detach = CliOptions.Flag("--detach", "Print the id of the job and do not wait for its end.");
        var dryRun = CliOptions.Flag("--dry-run", "Print the statements that would run, and run none.");
        var (cluster, command, name) = (CliOptions.Cluster(), CliOptions.Command(), CliOptions.Name("that of the file"));
        var run = new Command(
            "run",
            "Run a script as a job, follow its log and wait for its end. "
            + "Ctrl-C asks to cancel the job, a second one leaves at once.")
        {
            file, variables, secrets, transaction, onError, cluster, command, priority, key, upload, detach, dryRun,
            name,
        };
        fanOut.AddTo(run);
        run.SetAction(async (result, cancellationToken) =>
        {
            var terminal = session.Terminal;
            var path = result.GetRequiredValue(file);
            session.Sql = await terminal.ReadTextAsync(path);
            var text = new HeimdallSubmission
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
            };
            var submission = fanOut.Fill(text, result);
            using var client = session.Connect(result);
            var uploadPath = result.GetValue(upload);
            if (result.GetValue(dryRun))
            {
                return uploadPath is null
                    ? await PreviewAsync(terminal, client, submission, cancellationToken)
                    : throw new UsageException("--dry-run changes nothing: leave out --upload, and the text is sent.");
            }
            var job = await SubmitAsync(
                terminal, client, submission, uploadPath, result.GetValue(key), cancellationToken);
            if (result.GetValue(detach) && !cancellationToken.IsCancellationRequested)
            {
                await terminal.PrintAsync(job.Id.ToString());
                return CliExitCode.Succeeded;
            }
            using var follower = session.Connect(result, FollowedJob.RetryFor);
            var ended = await FollowedJob.WaitAsync(terminal, follower, job, cancellationToken);
            if (ended.Children is not null)
            {
                await ChildGrid.PrintAsync(terminal, follower, ended.Id, CancellationToken.None);
            }
            ProblemText.SayEnd(terminal, ended, session.Sql);
            return CliExitCode.Of(ended.Status);
        });
        return run;
    }

    /// <summary>Submits the text, or its path where that is asked for or the text is too large for a job.</summary>
    private static async Task<HeimdallJob> SubmitAsync(
        Terminal terminal, HeimdallClient client, HeimdallSubmission text, string? path, string? key,
        CancellationToken cancellationToken)
    {
        HeimdallSubmission script;
        if (path is not null)
        {
            script = await ScriptUpload.PutAsync(terminal, client, text, path, cancellationToken);
        }
        else
        {
            try
            {
                return await FollowedJob.SubmitAsync(terminal, client, text, key, cancellationToken);
            }
            catch (HeimdallException e) when (e.Status == 413)
            {
                script = await ScriptUpload.PutLargeAsync(terminal, client, text, e, cancellationToken);
            }
        }
        return await FollowedJob.SubmitAsync(terminal, client, script, key, cancellationToken);
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
}
