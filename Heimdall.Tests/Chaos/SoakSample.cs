using System.Globalization;
using Heimdall.Tests.Support;

namespace Heimdall.Tests.Chaos;

/// <summary>What a soak holds at a moment, and how late its work was in the minute before.</summary>
internal sealed record SoakSample
{
    /// <summary>What must not grow.</summary>
    public static IReadOnlyList<(string What, Func<SoakSample, double> Of)> Figures { get; } =
    [
        ("memory of the API", sample => sample.ApiMegabytes),
        ("memory of the worker", sample => sample.WorkerMegabytes),
        ("connections", sample => sample.Connections),
        ("rows", sample => sample.Rows),
        ("size of the store", sample => sample.StoreMegabytes),
    ];

    public required double ApiMegabytes { get; init; }

    public required double WorkerMegabytes { get; init; }

    /// <summary>To the store and to the target.</summary>
    public required long Connections { get; init; }

    /// <summary>Of jobs, attempts, logs, results, runs and Hangfire's.</summary>
    public required long Rows { get; init; }

    public required double StoreMegabytes { get; init; }

    /// <summary>Seconds from a job's submission to its start: median, 99 of 100, most.</summary>
    public required double[] Waits { get; init; }

    /// <summary>Seconds from a planned time to its job: median, 99 of 100, most.</summary>
    public required double[] Lateness { get; init; }

    public static async Task<SoakSample> TakeAsync(
        HeimdallInstance heimdall, int api, int worker, CancellationToken cancellationToken)
    {
        Task<long> CountAsync(string sql) => heimdall.Store.ScalarAsync<long>(sql, cancellationToken);
        Task<double[]> SpreadAsync(string sql) =>
            heimdall.Store.ScalarAsync<double[]>($"select coalesce(({sql}), array[0, 0, 0])", cancellationToken);
        return new SoakSample
        {
            ApiMegabytes = Megabytes(api),
            WorkerMegabytes = Megabytes(worker),
            Connections = await CountAsync(
                $"select count(*) from pg_stat_activity where datname in ('{heimdall.Store.Name}', '{heimdall.Target.Name}')"),
            Rows = await CountAsync(
                """
                select (select count(*) from heimdall.job) + (select count(*) from heimdall.job_attempt)
                    + (select count(*) from heimdall.job_log) + (select count(*) from heimdall.job_result)
                    + (select count(*) from heimdall.job_result_chunk) + (select count(*) from heimdall.schedule_run)
                    + (select count(*) from hangfire.job) + (select count(*) from hangfire.state)
                """),
            StoreMegabytes = await CountAsync("select pg_database_size(current_database())") / 1e6,
            Waits = await SpreadAsync(
                """
                select percentile_disc(array[0.5, 0.99, 1]) within group
                    (order by extract(epoch from started_at - created_at)::float8)
                from heimdall.job where not is_sync and started_at > now() - interval '1 minute'
                """),
            Lateness = await SpreadAsync(
                """
                select percentile_disc(array[0.5, 0.99, 1]) within group
                    (order by extract(epoch from job.created_at - run.planned_at)::float8)
                from heimdall.schedule_run run join heimdall.job on job.id = run.job_id
                where run.planned_at > now() - interval '1 minute'
                """),
        };
    }

    public override string ToString() => string.Create(
        CultureInfo.InvariantCulture,
        $"""
        API {ApiMegabytes:0} MB, worker {WorkerMegabytes:0} MB, {Connections} connections, {Rows} rows, store {StoreMegabytes:0} MB, waits {Spread(Waits)}, schedules late by {Spread(Lateness)}
        """);

    private static string Spread(double[] seconds) =>
        string.Join("/", seconds.Select(one => one.ToString("0.00", CultureInfo.InvariantCulture))) + " s";

    private static double Megabytes(int processId) => double.Parse(
        File.ReadLines($"/proc/{processId}/status").First(line => line.StartsWith("VmRSS:", StringComparison.Ordinal))
            .Split(' ', StringSplitOptions.RemoveEmptyEntries)[1],
        CultureInfo.InvariantCulture) / 1024;
}
