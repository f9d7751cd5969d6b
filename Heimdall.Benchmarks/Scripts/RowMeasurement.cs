using Heimdall.Benchmarks.Contenders;
using Heimdall.Benchmarks.Inputs;
using Heimdall.Benchmarks.Reporting;
using Heimdall.Benchmarks.Servers;
using Npgsql;

namespace Heimdall.Benchmarks.Scripts;

/// <summary>Runs a row: all contenders in turns, so that a slow minute of the machine is everybody's.</summary>
internal sealed class RowMeasurement(PostgresServer server, int rounds) : IAsyncDisposable
{
    private readonly List<BenchDatabase> _kept = [];

    /// <summary>The database of a run; that of a job is known to Heimdall before it is there.</summary>
    public static string LabelOf(string contender, ScriptRow row, string mode, int round) =>
        $"{contender}_{row.Name}_{mode}_{round}".ToLowerInvariant().Replace('-', '_');

    public async Task<RowResult> RunAsync(
        ScriptRow row, string mode, IContender psql, IContender executor, IContender? job, CancellationToken cancellationToken)
    {
        var result = new RowResult(row, new Series(psql), new Series(executor), job is null ? null : new Series(job));
        foreach (var series in result.All)
        {
            await TryAsync(series, () => series.Contender.PrepareAsync(row, cancellationToken));
        }
        long? expected = null;
        for (var round = 1; round <= rounds; round++)
        {
            // In turns the other way round, so that nobody always follows the same one. psql is the first of all: its count is the right one.
            foreach (var series in round % 2 == 1 ? result.All : result.All.Reverse())
            {
                await TryAsync(series, async () =>
                {
                    var (run, count) = await RunOnceAsync(series.Contender, row, mode, round, cancellationToken);
                    expected ??= series == result.Psql ? count : null;
                    if (count != expected)
                    {
                        throw new BenchmarkException($"It left a count of {count}, and psql {expected?.ToString(provider: null) ?? "failed"}.");
                    }
                    series.Add(run);
                });
            }
        }
        return result;
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var database in _kept)
        {
            await database.DisposeAsync();
        }
    }

    private static async Task TryAsync(Series series, Func<Task> action)
    {
        if (series.Failure is not null)
        {
            return;
        }
        try
        {
            await action();
        }
        catch (Exception e) when (e is BenchmarkException or NpgsqlException)
        {
            series.Fail(e.Message);
        }
    }

    private async Task<(TimedRun Run, long Count)> RunOnceAsync(IContender contender, ScriptRow row, string mode, int round, CancellationToken cancellationToken)
    {
        var database = await server.CreateDatabaseAsync(LabelOf(contender.Name, row, mode, round), cancellationToken);
        if (row.Input.MakesManyFiles)
        {
            _kept.Add(database);
            return await RunInAsync(database, contender, row, mode, round, cancellationToken);
        }
        await using (database)
        {
            return await RunInAsync(database, contender, row, mode, round, cancellationToken);
        }
    }

    private async Task<(TimedRun Run, long Count)> RunInAsync(
        BenchDatabase database, IContender contender, ScriptRow row, string mode, int round, CancellationToken cancellationToken)
    {
        await database.ExecuteAsync(row.Input.Setup, cancellationToken);
        await server.CheckpointAsync(cancellationToken);
        var run = await contender.RunAsync(row, database, cancellationToken);
        await Console.Error.WriteLineAsync(FormattableString.Invariant($"{row.Name}, {mode}, round {round} of {rounds}: {contender.Name} {run.Seconds:0.000} s"));
        return (run, await database.CountAsync(row.Input.CountSql, cancellationToken));
    }
}
