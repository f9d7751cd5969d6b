using System.Collections.Concurrent;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Queue;
using Heimdall.Core.Results;
using Heimdall.Core.Running;
using Heimdall.Core.Secrets;
using Heimdall.Tests.Configuration;
using Heimdall.Tests.Schedules;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;

namespace Heimdall.Tests.Running;

/// <summary>What watchers of running jobs may ask of clusters.</summary>
[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
[CancelAfter(60_000)]
public sealed class JobActivityTests
{
    private readonly AskedPlugin _plugin = new();
    private readonly ManualClock _clock = new(new DateTime(2026, 1, 31, 12, 0, 0, DateTimeKind.Utc));
    private TestDatabase _database = null!;
    private ServiceProvider _services = null!;
    private JobActivity _activity = null!;

    [SetUp]
    public async Task Start()
    {
        _database = await TestDatabase.CreateStoreAsync();
        _services = Build();
        await _services.GetRequiredService<StoreMigrator>().MigrateAsync(
            async token =>
            {
                foreach (var preparation in _services.GetServices<IStorePreparation>())
                {
                    await preparation.PrepareAsync(token);
                }
            },
            CancellationToken.None);
        await _services.GetRequiredService<LiveCatalog>().RefreshAsync(CancellationToken.None);
        _activity = _services.GetRequiredService<JobActivity>();
    }

    [TearDown]
    public async Task Stop()
    {
        await _services.DisposeAsync();
        await _database.DisposeAsync();
    }

    [Test]
    public async Task However_many_watch_a_job_its_cluster_is_asked_once_a_second(CancellationToken cancellationToken)
    {
        var job = NewJob("near");

        var first = Enumerable.Range(0, 10).Select(_ => _activity.FindAsync(job, cancellationToken)).ToArray();
        _plugin.Answer("near");
        var answers = await Task.WhenAll(first);
        await _activity.FindAsync(job, cancellationToken);
        var asked = _plugin.Asked.Count;
        _clock.Now += TimeSpan.FromSeconds(1);
        await _activity.FindAsync(job, cancellationToken);

        Assert.That(answers.Select(answer => (answer.Answered, answer.Session?.Pid)), Is.All.EqualTo((true, (int?)42)));
        Assert.That((asked, _plugin.Asked.Count), Is.EqualTo((1, 2)));
    }

    [Test]
    public async Task A_cluster_is_asked_one_question_at_a_time_and_holds_up_no_other(CancellationToken cancellationToken)
    {
        _plugin.Answer("far");
        var first = _activity.FindAsync(NewJob("near"), cancellationToken);
        await Eventually.Is(() => Task.FromResult(_plugin.Asked.Contains("near")), cancellationToken);

        var other = await _activity.FindAsync(NewJob("far"), cancellationToken);
        var second = await _activity.FindAsync(NewJob("near"), cancellationToken);

        Assert.That(other.Answered, Is.True);
        Assert.That(second.Answered, Is.False, "the one before is still being asked");
        Assert.That(_plugin.Asked, Is.EqualTo(new[] { "near", "far" }));
        _plugin.Answer("near");
        Assert.That((await first).Answered, Is.True);
    }

    private ServiceProvider Build()
    {
        var config = new HeimdallConfig
        {
            Database = new() { ConnectionString = _database.ConnectionString },
            Commands = [new() { Name = "sql", Plugin = _plugin.Name, Version = "1", Tags = ["a:b"], ClusterTags = ["a:b"] }],
            Clusters = [NewCluster("near"), NewCluster("far")],
        };
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton(config);
        services.AddSingleton<TimeProvider>(_clock);
        services.AddSingleton<PluginCatalog>();
        services.AddSingleton<IPlugin>(_plugin);
        services.AddStore(config.Database, ConnectionLimits.ForApi);
        services.AddSecrets(new SecretsConfig());
        services.AddCatalog();
        services.AddResults(config.Results);
        services.AddJobRunning();
        services.AddJobQueue(config);
        return services.BuildServiceProvider();
    }

    private static ClusterConfig NewCluster(string name) => new() { Name = name, Tags = ["a:b"], Context = new() { ["connection_string"] = "none" } };

    private static Job NewJob(string cluster) => new()
    {
        Id = Guid.CreateVersion7(),
        Name = "watched",
        Version = "",
        User = "test",
        Status = JobStatus.Running,
        IsSync = false,
        ReturnResult = false,
        CommandId = "sql",
        CommandName = "sql",
        ClusterId = cluster,
        ClusterName = cluster,
        Context = [],
        Attempt = 1,
    };

    /// <summary>Tells which clusters were asked, and lets the test answer for them.</summary>
    private sealed class AskedPlugin : StubPlugin, IPlugin
    {
        private readonly ConcurrentDictionary<string, TaskCompletionSource> _answers = new();

        public ConcurrentQueue<string> Asked { get; } = [];

        public void Answer(string cluster) => AnswerOf(cluster).SetResult();

        public async Task<SessionActivity?> FindActivityAsync(PluginJob job, string? evidence, CancellationToken cancellationToken)
        {
            Asked.Enqueue(job.TargetCluster.Id);
            await AnswerOf(job.TargetCluster.Id).Task;
            return new SessionActivity { Pid = 42 };
        }

        private TaskCompletionSource AnswerOf(string cluster) =>
            _answers.GetOrAdd(cluster, _ => new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
    }
}
