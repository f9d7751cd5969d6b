using System.Text.Json.Nodes;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Hooks;
using Heimdall.Core.Plugins;
using Heimdall.Core.Queue;
using Heimdall.Core.Results;
using Heimdall.Core.Running;
using Heimdall.Core.Schedules;
using Heimdall.Core.Secrets;
using Heimdall.Core.Submission;
using Heimdall.Core.Upkeep;
using Heimdall.Plugins.Postgres;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;

namespace Heimdall.Tests.Schedules;

/// <summary>
/// A real store with Hangfire's tables in it, whose clock the test sets, and processes around it. Nothing calls, nothing
/// runs a job.
/// </summary>
internal sealed class ScheduleTestStore : IAsyncDisposable
{
    /// <summary>Of the schedule that most tests have.</summary>
    public const string Id = "minutely";

    private readonly List<ServiceProvider> _processes = [];

    /// <summary>The store's clock is a function here, which comes before that of the server.</summary>
    private const string ClockSql = """
        create table heimdall.test_clock (at timestamptz not null, step interval not null);
        insert into heimdall.test_clock values ($1, '0');
        create function heimdall.clock_timestamp() returns timestamptz language plpgsql volatile as $$
        begin
            if exists (select from heimdall.test_clock where step > '0') then
                update heimdall.test_clock set at = at + step;
            end if;
            return (select at from heimdall.test_clock);
        end $$
        """;

    private const string OwnFunctionsFirst = "Options=-c search_path=heimdall,pg_catalog";

    private ScheduleTestStore(TestDatabase database, StoreTestClock clock) => (Database, Clock) = (database, clock);

    public static DateTime Noon { get; } = new(2026, 5, 4, 12, 0, 0, DateTimeKind.Utc);

    public static ScheduleDefinition EveryMinute { get; } = new()
    {
        Id = Id, Name = "raise", Cron = "* * * * *", User = "alice", Tags = ["nightly"], CommandCriteria = ["type:postgres"], ClusterCriteria = ["data:local"],
        Context = new JsonObject { ["query"] = "select 1" },
    };

    public TestDatabase Database { get; }

    public StoreTestClock Clock { get; }

    public static async Task<ScheduleTestStore> CreateAsync(DateTime now)
    {
        var database = await TestDatabase.CreateStoreAsync();
        foreach (var statement in ClockSql.Split(";\n", 3))
        {
            await database.ExecuteAsync(
                statement, CancellationToken.None, statement.Contains("$1", StringComparison.Ordinal) ? [now] : []);
        }
        return new(database, new StoreTestClock(database, now));
    }

    /// <summary>
    /// What a worker process has, as it is when it has been ready for long. Those before it stopped long ago, and the
    /// keeper has looked at the schedules of files.
    /// </summary>
    public async Task<IServiceProvider> StartAsync(CancellationToken cancellationToken, params ScheduleConfig[] schedules)
    {
        foreach (var earlier in _processes)
        {
            await earlier.GetRequiredService<LivingProcesses>().GoneAsync(cancellationToken);
        }
        var process = await StartBesideAsync(cancellationToken, schedules);
        await PassTimeAsync(cancellationToken);
        await process.GetRequiredService<RemovedSchedules>().FollowFilesAsync(cancellationToken);
        return process;
    }

    /// <summary>As if all processes had started an hour earlier, and those that are gone had stopped as long ago.</summary>
    public Task PassTimeAsync(CancellationToken cancellationToken) => Database.ExecuteAsync(
        """
        update heimdall.worker
        set started_at = started_at - interval '1 hour', gone_at = gone_at - interval '1 hour'
        """,
        cancellationToken);

    /// <summary>The same while those before it live on.</summary>
    public async Task<IServiceProvider> StartBesideAsync(
        CancellationToken cancellationToken, params ScheduleConfig[] schedules)
    {
        var process = Build(Database, Clock, schedules);
        _processes.Add(process);
        await process.GetRequiredService<StoreMigrator>().MigrateAsync(
            async token =>
            {
                foreach (var preparation in process.GetServices<IStorePreparation>())
                {
                    await preparation.PrepareAsync(token);
                }
            },
            cancellationToken);
        return process;
    }

    /// <summary>The same, once somebody has put a schedule.</summary>
    public async Task<IServiceProvider> StartAsync(ScheduleDefinition definition, CancellationToken cancellationToken)
    {
        var process = await StartAsync(cancellationToken);
        await process.GetRequiredService<ScheduleControl>().PutAsync(definition, scopes: null, _ => true,
            cancellationToken);
        return process;
    }

    /// <summary>Has a process look at the schedule, as Hangfire does, when the clock is so far.</summary>
    public async Task FireAtAsync(IServiceProvider process, DateTime now, CancellationToken cancellationToken)
    {
        Clock.Now = now;
        await process.GetRequiredService<ScheduleFirer>().FireDueAsync(Id, cancellationToken);
    }

    /// <summary>What a worker would look at by itself now.</summary>
    public static Task<IReadOnlyList<string>> ForgottenAsync(
        IServiceProvider process, CancellationToken cancellationToken) =>
        process.GetRequiredService<ScheduleStore>().FindForgottenAsync(after: "", cancellationToken);

    /// <summary>The same on a store that is there already, which is left as it is.</summary>
    public static ServiceProvider Build(TestDatabase database, TimeProvider clock, params ScheduleConfig[] schedules)
    {
        var config = new HeimdallConfig
        {
            Database = new() { ConnectionString = $"{database.ConnectionString};{OwnFunctionsFirst}" },
            Commands = [new() { Name = "sql", Plugin = "postgres", Version = "1", Tags = ["type:postgres"], ClusterTags = ["data:local"] }],
            Clusters = [new() { Name = "local", Tags = ["data:local"], Context = new() { ["connection_string"] = database.ConnectionString } }],
            Schedules = schedules,
        };
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton(config);
        services.AddSingleton(clock);
        services.AddSingleton<PluginCatalog>();
        services.AddPostgresPlugin();
        services.AddStore(config.Database, ConnectionLimits.ForApi);
        services.AddSecrets(new SecretsConfig());
        services.AddCatalog();
        services.AddResults(config.Results);
        services.AddJobRunning();
        services.AddJobQueue(config);
        services.AddHooks();
        services.AddJobSubmission();
        services.AddSchedules();
        services.AddUpkeep();
        return services.BuildServiceProvider();
    }

    /// <summary>All runs of a schedule, the oldest first: when, what became of it, who asked.</summary>
    public Task<List<string>> RunsAsync(string schedule, CancellationToken cancellationToken) => Database.ColumnAsync<string>(
        """
        select to_char(planned_at at time zone 'UTC', 'HH24:MI:SS') || ' ' || outcome || coalesce(' by ' || triggered_by, '')
        from heimdall.schedule_run where schedule = $1 order by planned_at, id
        """,
        cancellationToken, schedule);

    /// <summary>Ends the jobs of a schedule that are open, as their runner would.</summary>
    public Task EndJobsAsync(string schedule, CancellationToken cancellationToken) => Database.ExecuteAsync(
        "update heimdall.job set status = 'SUCCEEDED', finished_at = now() where schedule = $1 and status in ('ACCEPTED', 'RUNNING', 'CANCELING')",
        cancellationToken, schedule);

    /// <summary>Has them running, as their runner would.</summary>
    public Task StartJobsAsync(string schedule, CancellationToken cancellationToken) => Database.ExecuteAsync(
        "update heimdall.job set status = 'RUNNING', started_at = now(), attempt = 1 where schedule = $1 and status = 'ACCEPTED'",
        cancellationToken, schedule);

    public async ValueTask DisposeAsync()
    {
        foreach (var process in _processes)
        {
            await process.DisposeAsync();
        }
        await Database.DisposeAsync();
    }
}
