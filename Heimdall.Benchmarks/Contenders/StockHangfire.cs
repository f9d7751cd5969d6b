using System.Diagnostics;
using System.Globalization;
using Hangfire;
using Hangfire.PostgreSql;
using Hangfire.PostgreSql.Factories;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Servers;
using Npgsql;

namespace Heimdall.Benchmarks.Contenders;

/// <summary>Hangfire on its stock storage, with the options that Heimdall.Core/Queue/QueueStorage.cs sets for SQL jobs.</summary>
internal static class StockHangfire
{
    /// <summary>Not for people: <see cref="DrainAsync"/> calls it.</summary>
    public const string Word = "hangfire";

    private static readonly TimeSpan Lease = TimeSpan.FromSeconds(5);
    private static int _left;
    private static long _firstAt;
    private static readonly ManualResetEventSlim _allRun = new();

    /// <summary>Has a server of its own process run jobs that do nothing and wait in its queue.</summary>
    /// <param name="server">Where its tables are, in a fresh database.</param>
    /// <param name="jobs">How many.</param>
    /// <param name="slots">How many run at once.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>Seconds from the first start to the last acknowledgement, and the seconds of processor time of the process.</returns>
    public static async Task<(double Seconds, double Cpu)> DrainAsync(PostgresServer server, int jobs, int slots, CancellationToken cancellationToken)
    {
        await using var database = await server.CreateDatabaseAsync("hangfire", cancellationToken);
        await using var program = InnerProgram.Start(database.ConnectionString, Word, $"{jobs}", $"{slots}");
        var reply = (await program.ReadLineAsync(cancellationToken)).Split(' ');
        return (double.Parse(reply[0], CultureInfo.InvariantCulture), double.Parse(reply[1], CultureInfo.InvariantCulture));
    }

    /// <summary>Is the server, until its queue is empty.</summary>
    public static async Task<int> ServeAsync(string[] args, CancellationToken cancellationToken)
    {
        var (jobs, slots) = (int.Parse(args[0], CultureInfo.InvariantCulture), int.Parse(args[1], CultureInfo.InvariantCulture));
        _left = jobs;
        await using var database = new BenchDatabase("", InnerProgram.Database, () => Task.CompletedTask);
        var storage = Open();
        new BackgroundJobClient(storage).Enqueue(() => DoNothing());
        await database.ExecuteAsync(CopySql.Replace("{more}", $"{jobs - 1}", StringComparison.Ordinal), cancellationToken);
        await database.ExecuteAsync("vacuum (analyze)", cancellationToken);
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        using (new BackgroundJobServer(new BackgroundJobServerOptions { WorkerCount = slots, ShutdownTimeout = Lease }, storage))
        {
            _allRun.Wait(cancellationToken);
            while (await database.ScalarAsync<bool>("select exists (select from hangfire.jobqueue)", cancellationToken))
            {
                await Task.Delay(10, cancellationToken);
            }
            var seconds = Stopwatch.GetElapsedTime(_firstAt).TotalSeconds;
            var used = Process.GetCurrentProcess().TotalProcessorTime - cpu;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seconds} {used.TotalSeconds}"));
        }
        return 0;
    }

    /// <summary>The job: a method that Hangfire can find.</summary>
    public static void DoNothing()
    {
        Interlocked.CompareExchange(ref _firstAt, Stopwatch.GetTimestamp(), 0);
        if (Interlocked.Decrement(ref _left) == 0)
        {
            _allRun.Set();
        }
    }

    // All rows that Hangfire's client writes for a job, once more for others: it would take minutes itself.
    private const string CopySql = """
        with copies as materialized (
            select nextval(pg_get_serial_sequence('hangfire.job', 'id')) as id, nextval(pg_get_serial_sequence('hangfire.state', 'id')) as stateid
            from generate_series(1, {more})),
        original as (select * from hangfire.job order by id limit 1),
        jobs as (
            insert into hangfire.job (id, stateid, statename, invocationdata, arguments, createdat, expireat)
            select copies.id, copies.stateid, statename, invocationdata, arguments, createdat, expireat from copies cross join original),
        states as (
            insert into hangfire.state (id, jobid, name, reason, createdat, data)
            select copies.stateid, copies.id, state.name, state.reason, state.createdat, state.data
            from copies cross join hangfire.state join original on state.jobid = original.id),
        parameters as (
            insert into hangfire.jobparameter (jobid, name, value)
            select copies.id, jobparameter.name, jobparameter.value
            from copies cross join hangfire.jobparameter join original on jobparameter.jobid = original.id)
        insert into hangfire.jobqueue (jobid, queue) select copies.id, 'default' from copies
        """;

    private static PostgreSqlStorage Open()
    {
        var options = new PostgreSqlStorageOptions
        {
            AllowDegradedModeWithoutStorage = false,
            StartupConnectionMaxRetries = 0,
            InvisibilityTimeout = Lease,
            UseSlidingInvisibilityTimeout = true,
            EnableLongPolling = true,
            QueuePollInterval = TimeSpan.FromSeconds(1),
            DistributedLockTimeout = Lease,
            EnableTransactionScopeEnlistment = true,
        };
        var connection = new NpgsqlConnectionStringBuilder(InnerProgram.Database) { PersistSecurityInfo = true };
        return new PostgreSqlStorage(new NpgsqlConnectionFactory(connection.ConnectionString, options), options);
    }
}
