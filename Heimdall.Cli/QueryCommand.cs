using System.CommandLine;
using System.Text.Json.Nodes;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary><c>heimdall query</c>.</summary>
internal static class QueryCommand
{
    public static Command Create(CliSession session)
    {
        var sql = new Argument<string>("SQL") { Description = "One statement, or - for stdin." };
        var parameters = CliOptions.Texts(
            "--param", "VALUE",
            "Of $1, of $2 and so on: 5 and null are themselves, int8:5 names a type, secret:env:PIN is secret.");
        var readOnly = CliOptions.Flag("--read-only", "In a READ ONLY transaction.");
        var limit = CliOptions.Number<long>("--limit", "Rows after which the result is cut.");
        var (cluster, command, name) = (CliOptions.Cluster(), CliOptions.Command(), CliOptions.Name("query"));
        var format = CliOptions.RowFormat();
        var fanOut = new FanOutOptions();
        var query = new Command("query", "Run one statement and print its rows. Ctrl-C cancels it.")
        {
            sql, format, parameters, cluster, command, readOnly, limit, name,
        };
        fanOut.AddTo(query);
        query.SetAction(async (result, cancellationToken) =>
        {
            var given = result.GetRequiredValue(sql);
            session.Sql = given == "-" ? await session.Terminal.ReadTextAsync(given) : given;
            using var client = session.Connect(result);
            var question = new HeimdallSubmission
            {
                Name = result.GetValue(name) ?? "query",
                Query = session.Sql,
                ClusterCriteria = session.FindClusters(result, result.GetRequiredValue(cluster)),
                CommandCriteria = CliSession.ToCommands(result.GetRequiredValue(command)),
                Parameters = await ToParametersAsync(session.Terminal, result.GetRequiredValue(parameters)),
                ReadOnly = result.GetValue(readOnly),
                RowLimit = result.GetValue(limit),
            };
            var submission = fanOut.Fill(question, result);
            if (fanOut.IsForAll(result))
            {
                using var follower = session.Connect(result, FollowedJob.RetryFor);
                return await RunOnAllAsync(session, follower, submission, result.GetValue(format), cancellationToken);
            }
            if (RowOutput.FindCopied(result.GetValue(format)) is { } mediaType)
            {
                return await RowCopy.RunAsync(
                    session.Terminal, client,
                    target => client.CopyQueryAsync(submission, mediaType, target, cancellationToken),
                    cancellationToken);
            }
            await using var rows = await client.QueryAsync(submission, cancellationToken);
            await RowOutput.PrintAsync(session.Terminal, rows, result.GetValue(format), cancellationToken);
            return CliExitCode.Succeeded;
        });
        return query;
    }

    /// <summary>
    /// Prints the rows of all clusters once each job there has ended, or how each has ended where one failed.
    /// </summary>
    private static async Task<int> RunOnAllAsync(
        CliSession session, HeimdallClient client, HeimdallSubmission submission, string? format,
        CancellationToken cancellationToken)
    {
        var terminal = session.Terminal;
        if (RowOutput.FindCopied(format) is not null)
        {
            _ = terminal.OpenBytes(); // before anything runs
        }
        var queued = await FollowedJob.SubmitAsync(
            terminal, client, submission with { ReturnResult = true }, key: null, cancellationToken);
        var ended = await FollowedJob.WaitAsync(terminal, client, queued, cancellationToken);
        if (ended.Status != "SUCCEEDED")
        {
            await ChildGrid.SayAsync(terminal, client, ended.Id, CancellationToken.None);
            ProblemText.SayEnd(terminal, ended, session.Sql);
            return CliExitCode.Of(ended.Status);
        }
        try
        {
            return await PrintedRows.PrintAsync(
                terminal, client, ended.Id, format, parallel: null, cancellationToken);
        }
        catch (HeimdallException e) when (e.Type == "columns-differ")
        {
            await ChildGrid.SayAsync(terminal, client, ended.Id, CancellationToken.None);
            throw;
        }
    }

    private static async Task<JsonArray?> ToParametersAsync(Terminal terminal, string[] values)
    {
        var parameters = new JsonArray();
        foreach (var value in values)
        {
            parameters.Add(await ParameterOption.ReadAsync(terminal, value));
        }
        return parameters.Count > 0 ? parameters : null;
    }
}
