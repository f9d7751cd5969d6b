using System.Net;
using System.Net.Http.Json;
using System.Text;
using NUnit.Framework;

namespace Heimdall.Tests.Support;

/// <summary>
/// Heimdall as it is run: an API, any number of workers, a store and a target database, one configuration file. API and workers are hosts
/// in the tests' process (<see cref="HeimdallHost"/>). A test of what only a process can show (kill, freeze, signals, its start) derives
/// from <see cref="RealProcessTests"/> and starts processes by the methods that say so.
/// </summary>
internal sealed class HeimdallInstance : IAsyncDisposable
{
    /// <summary>The password in every connection string here. The tests' server does not ask for it; no reply may show it.</summary>
    public const string Canary = "canary-5up3rs3cret";

    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(60);

    private readonly string _folder = Directory.CreateTempSubdirectory("heimdall-instance-").FullName;
    private readonly string _address;
    private readonly List<IAsyncDisposable> _programs = [];
    private readonly List<string> _logs = [];
    private readonly Lock _lock = new();
    private HeimdallHost? _hostedApi;

    private HeimdallInstance(TestDatabase store, TestDatabase target)
    {
        Store = store;
        Target = target;
        _address = $"http://127.0.0.1:{FreePort.Find()}";
        Client = new HttpClient { BaseAddress = new Uri(_address) };
        Directory.CreateDirectory(SqlDirectory);
    }

    public TestDatabase Store { get; }

    public TestDatabase Target { get; }

    public HttpClient Client { get; }

    public string SqlDirectory => Path.Combine(_folder, "sql");

    public string ConfigFile => Path.Combine(_folder, "heimdall.yaml");

    public Uri Address => Client.BaseAddress!;

    /// <summary>The API's process, where it has one.</summary>
    public HeimdallProcess? Api { get; private set; }

    /// <summary>What the API in the tests' process is made of.</summary>
    public IServiceProvider ApiServices => _hostedApi!.Services;

    /// <summary>What each host and each process has logged so far.</summary>
    public IEnumerable<string> Logs => _logs.Select(HeimdallProcess.Read);

    /// <summary>Sees each reply to what the methods of this class send.</summary>
    public Action<HttpRequestMessage, Reply>? OnReply { get; set; }

    /// <summary>In the environment of processes that are started from now on.</summary>
    public Dictionary<string, string> Variables { get; } = [];

    /// <summary>Databases and configuration; nothing runs yet.</summary>
    /// <param name="configure">Changes the configuration.</param>
    /// <param name="storeServer">A server of the test's own for the store; else the tests' one.</param>
    /// <param name="targetServer">The same for the target.</param>
    /// <param name="isFirstStart">With an empty database for the store, as it always is on a server of the test's own.</param>
    public static async Task<HeimdallInstance> CreateAsync(
        Func<InstanceConfig, InstanceConfig>? configure = null,
        string? storeServer = null,
        string? targetServer = null,
        bool isFirstStart = false)
    {
        var store = storeServer is null && !isFirstStart ? TestDatabase.CreateStoreAsync() : TestDatabase.CreateAsync(storeServer);
        var instance = new HeimdallInstance(await store, await TestDatabase.CreateAsync(targetServer));
        instance.Configure(configure ?? (config => config));
        return instance;
    }

    /// <summary>With an API and, if asked for, a worker running in the tests' process.</summary>
    public static Task<HeimdallInstance> StartAsync(Func<InstanceConfig, InstanceConfig>? configure = null, bool worker = true) => StartAsync(
        configure,
        async instance =>
        {
            await instance.StartApiAsync();
            if (worker)
            {
                await instance.StartWorkerAsync();
            }
        });

    /// <summary>The same in processes of their own.</summary>
    public static Task<HeimdallInstance> StartProcessesAsync(Func<InstanceConfig, InstanceConfig>? configure = null, bool worker = true) => StartAsync(
        configure,
        async instance =>
        {
            if (worker)
            {
                instance.StartWorkerProcess();
            }
            await instance.StartApiProcessAsync();
        });

    /// <summary>Writes the configuration file anew, for processes that are started from now on.</summary>
    public void Configure(Func<InstanceConfig, InstanceConfig> configure)
    {
        var target = $"{Target.ConnectionString};Password={Canary}";
        var config = new InstanceConfig { Store = $"{Store.ConnectionString};Password={Canary}", Target = target }
            .WithCluster("postgres", "type:postgres, data:local", target);
        File.WriteAllText(ConfigFile, configure(config).ToYaml(_address));
    }

    /// <summary>Starts the API in the tests' process.</summary>
    /// <param name="clock">Of the process; null for that of this machine.</param>
    public async Task StartApiAsync(TimeProvider? clock = null)
    {
        Api = null;
        _hostedApi = Add(await HeimdallHost.StartApiAsync(ConfigFile, NextLog("Heimdall.Api"), clock));
        await WaitUntilReadyAsync();
    }

    /// <summary>Starts one more worker in the tests' process.</summary>
    /// <param name="clock">Of the process; null for that of this machine.</param>
    public async Task<HeimdallHost> StartWorkerAsync(TimeProvider? clock = null) =>
        Add(await HeimdallHost.StartWorkerAsync(ConfigFile, NextLog("Heimdall.Worker"), clock));

    public async Task StopApiAsync() => await _hostedApi!.DisposeAsync();

    /// <summary>Stops the API and starts it again.</summary>
    public async Task RestartApiAsync()
    {
        await StopApiAsync();
        await StartApiAsync();
    }

    public async Task StartApiProcessAsync()
    {
        Api = StartProcess("Heimdall.Api");
        await WaitUntilReadyAsync();
    }

    public HeimdallProcess StartWorkerProcess(params KeyValuePair<string, string>[] variables) => StartProcess("Heimdall.Worker", variables);

    /// <summary>Gives jobs something to wait for: <see cref="WaitAt"/>.</summary>
    public async Task CloseGateAsync(string gate, CancellationToken cancellationToken)
    {
        await Target.ExecuteAsync("create table if not exists gate (name text primary key)", cancellationToken);
        await Target.ExecuteAsync("insert into gate values ($1)", cancellationToken, gate);
    }

    public Task OpenGateAsync(string gate, CancellationToken cancellationToken) =>
        Target.ExecuteAsync("delete from gate where name = $1", cancellationToken, gate);

    /// <summary>A statement that ends when the gate is opened.</summary>
    public static string WaitAt(string gate) =>
        $"do $$ begin while exists (select from gate where name = '{gate}') loop perform pg_sleep(0.02); end loop; end $$";

    /// <summary>Whether the target still works for a job, or holds a transaction open for it.</summary>
    public async Task<bool> HasBackendAsync(Guid id, CancellationToken cancellationToken) => await Target.ScalarAsync<bool>(
        "select exists (select from pg_stat_activity where application_name like $1 and state <> 'idle')", cancellationToken, $"heimdall {id} %");

    /// <summary>How Hangfire sees a job.</summary>
    public Task<string> QueueStateAsync(Guid id, CancellationToken cancellationToken) => Store.ScalarAsync<string>(
        """
        select concat(state.name, ': ', state.reason)
        from heimdall.job join hangfire.job queued on queued.id = job.queue_id::bigint join hangfire.state on state.id = queued.stateid
        where job.id = $1
        """,
        cancellationToken,
        id);

    public void WriteScript(string name, string sql)
    {
        var file = Path.Combine(SqlDirectory, name);
        Directory.CreateDirectory(Path.GetDirectoryName(file)!);
        File.WriteAllText(file, sql);
    }

    public Task<Reply> GetAsync(string path, CancellationToken cancellationToken) => SendAsync(HttpMethod.Get, path, cancellationToken);

    public Task<Reply> SendAsync(HttpMethod method, string path, CancellationToken cancellationToken, HttpContent? content = null, params (string Name, string Value)[] headers)
    {
        var request = new HttpRequestMessage(method, path) { Content = content };
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        return SendAsync(request, cancellationToken);
    }

    /// <summary>Submits a body as it stands, well-formed or not.</summary>
    public Task<Reply> PostJobAsync(string body, CancellationToken cancellationToken, params (string Name, string Value)[] headers) =>
        SendAsync(HttpMethod.Post, "/api/v1/job", cancellationToken, new StringContent(body, Encoding.UTF8, "application/json"), headers);

    public async Task<Reply> SubmitAsync(
        string query,
        bool returnResult,
        CancellationToken cancellationToken,
        string name = "test",
        string command = "type:postgres",
        string cluster = "_id:postgres",
        string? prefer = null,
        string? user = null,
        object? more = null)
    {
        var context = new Dictionary<string, object?> { ["query"] = query, ["return_result"] = returnResult };
        foreach (var property in more?.GetType().GetProperties() ?? [])
        {
            context[property.Name] = property.GetValue(more);
        }
        var job = new { name, version = "0.0.1", tags = new[] { $"name:{name}" }, command_criteria = new[] { command }, cluster_criteria = new[] { cluster }, context };
        (string, string)[] headers = [.. Header("Prefer", prefer), .. Header("X-Heimdall-User", user)];
        return await SendAsync(HttpMethod.Post, "/api/v1/job", cancellationToken, JsonContent.Create(job), headers);
    }

    /// <summary>Submits a batch and checks that it was taken.</summary>
    public async Task<Guid> EnqueueAsync(string query, CancellationToken cancellationToken, string name = "test", string cluster = "_id:postgres") =>
        (await SubmitAsync(query, returnResult: false, cancellationToken, name, cluster: cluster)).AssertStatus(202).Id;

    public Task<Reply> CancelAsync(Guid id, CancellationToken cancellationToken) =>
        SendAsync(HttpMethod.Post, $"/api/v1/job/{id}/cancel", cancellationToken);

    /// <summary>The one job of a name, once it is there: an inline query tells its id only when it answers.</summary>
    public async Task<Guid> FindJobAsync(string name, string status, CancellationToken cancellationToken)
    {
        var page = await Eventually.Becomes(
            () => GetAsync($"/api/v1/jobs?name={name}&status={status}", cancellationToken),
            () => Is.Not.Null.And.Matches<Reply>(list => list?.Json.GetProperty("data").GetArrayLength() == 1),
            cancellationToken);
        return page.Json.GetProperty("data")[0].GetProperty("id").GetGuid();
    }

    public async Task<Reply> JobAsync(Guid id, CancellationToken cancellationToken) =>
        (await GetAsync($"/api/v1/job/{id}", cancellationToken)).AssertStatus(200);

    public Task<Reply> WaitForStatusAsync(Guid id, string status, CancellationToken cancellationToken) =>
        Eventually.Becomes(() => JobAsync(id, cancellationToken), () => Is.Not.Null.And.Matches<Reply>(job => job?["status"] == status), cancellationToken);

    public Task<Reply> WaitForEndAsync(Guid id, CancellationToken cancellationToken, TimeSpan? deadline = null) => Eventually.Becomes(
        () => JobAsync(id, cancellationToken),
        () => Is.Not.Null.And.Matches<Reply>(job => job?["status"] is "SUCCEEDED" or "FAILED" or "CANCELED" or "KILLED"),
        cancellationToken,
        deadline);

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Task.WhenAll(_programs.Select(program => program.DisposeAsync().AsTask()));
        if (TestContext.CurrentContext.Result.FailCount > 0)
        {
            ShowLogs();
        }
        await Store.DisposeAsync();
        await Target.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    private static (string Name, string Value)[] Header(string name, string? value) => value is null ? [] : [(name, value)];

    private static async Task<HeimdallInstance> StartAsync(Func<InstanceConfig, InstanceConfig>? configure, Func<HeimdallInstance, Task> start)
    {
        var instance = await CreateAsync(configure);
        try
        {
            await start(instance);
            return instance;
        }
        catch
        {
            await instance.DisposeAsync();
            throw;
        }
    }

    public HeimdallProcess StartProcess(string program, params KeyValuePair<string, string>[] variables) =>
        Add(HeimdallProcess.Start(program, NextLog(program), [.. Variables, .. variables], "--config", ConfigFile));

    private T Add<T>(T program)
        where T : IAsyncDisposable
    {
        lock (_lock)
        {
            _programs.Add(program);
        }
        return program;
    }

    private string NextLog(string program)
    {
        lock (_lock)
        {
            _logs.Add(Path.Combine(_folder, $"{_logs.Count}-{program}.log"));
            return _logs[^1];
        }
    }

    private async Task WaitUntilReadyAsync()
    {
        using var deadline = new CancellationTokenSource(StartTime);
        await Eventually.Is(() => IsReadyAsync(deadline.Token), deadline.Token, StartTime);
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        if (Api is { HasExited: true })
        {
            throw new InvalidOperationException($"The API has ended:\n{Api.ReadLog()}");
        }
        try
        {
            return (await GetAsync("/readyz", cancellationToken)).Status == HttpStatusCode.OK;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private async Task<Reply> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using (request)
        {
            using var response = await Client.SendAsync(request, cancellationToken);
            var reply = await Reply.ReadAsync(response, cancellationToken);
            OnReply?.Invoke(request, reply);
            return reply.Status == HttpStatusCode.InternalServerError ? reply with { Logged = LastError() } : reply;
        }
    }

    /// <summary>The last error of the log of any host here, with its exception.</summary>
    private string? LastError() => Logs
        .Select(log => log.LastIndexOf(" fail: ", StringComparison.Ordinal) is var at and >= 0 ? $"\n{log[at..]}" : null)
        .LastOrDefault(error => error is not null);

    private void ShowLogs()
    {
        foreach (var log in _logs)
        {
            TestContext.Progress.WriteLine($"--- {Path.GetFileName(log)}\n{HeimdallProcess.Read(log)}");
        }
    }
}
