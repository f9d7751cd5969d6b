using System.Globalization;
using System.Text;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results;
using Heimdall.Core.Results.Chunks;
using Heimdall.Tests.Plugins;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;

namespace Heimdall.Tests.Results;

/// <summary>A store with jobs, and results of rows <c>(number, text)</c> in it.</summary>
internal sealed class ResultTestStore : IAsyncDisposable
{
    private const string AddJobSql = """
        insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result, command_id, command_name,
            cluster_id, cluster_name, command_criteria, cluster_criteria, context, attempt)
        values ($1, 'test', '', '', '{}', 'test', $2, false, true, '', '', '', '', '{}', '{}', '{}', 1)
        """;

    private readonly StoreDatabase _store;
    private readonly AttemptWriter _writer;

    private ResultTestStore(TestDatabase database, ResultsConfig config)
    {
        Database = database;
        _store = new StoreDatabase(database.ConnectionString, "heimdall", "hangfire", ConnectionLimits.ForApi);
        _writer = new AttemptWriter(_store, NullLogger<AttemptWriter>.Instance);
        Configure(config);
    }

    public static ResultColumn[] Columns { get; } = [new("number", "int4", ResultValueKind.Number), new("text", "text", ResultValueKind.Text)];

    public TestDatabase Database { get; }

    public string Folder { get; } = Directory.CreateTempSubdirectory("heimdall-results-").FullName;

    public ResultStore Results { get; private set; } = null!;

    public ResultSweep Sweep { get; private set; } = null!;

    public string[] Files => Directory.Exists(Folder) ? Directory.GetFiles(Folder) : [];

    public static async Task<ResultTestStore> CreateAsync() =>
        new ResultTestStore(await TestDatabase.CreateStoreAsync(), new ResultsConfig());

    /// <summary>As after a restart with another configuration.</summary>
    public void Configure(ResultsConfig config)
    {
        var places = new ResultPlaces(_store, config, NullLogger<ResultPlaces>.Instance);
        Results = new ResultStore(_store, places);
        Sweep = new ResultSweep(_store, places, NullLogger<ResultSweep>.Instance);
    }

    /// <summary>What a process has of results, whose store is ready.</summary>
    public ServiceProvider BuildProcess(ResultsConfig config)
    {
        var services = new ServiceCollection();
        services.AddLogging();
        services.AddSingleton(_store);
        services.AddSingleton<StoreReadiness>();
        services.AddResults(config);
        var process = services.BuildServiceProvider();
        process.GetRequiredService<StoreReadiness>().SetReady();
        return process;
    }

    public async Task<ResultKey> AddJobAsync(CancellationToken cancellationToken, string status = "RUNNING")
    {
        var id = Guid.CreateVersion7();
        await Database.ExecuteAsync(AddJobSql, cancellationToken, id, status);
        return new ResultKey(id, 1);
    }

    /// <summary>Gives a job to its next attempt.</summary>
    public async Task<ResultKey> TakeOverAsync(ResultKey earlier, CancellationToken cancellationToken)
    {
        await Database.ExecuteAsync("update heimdall.job set attempt = $2 where id = $1", cancellationToken, earlier.JobId, earlier.Attempt + 1);
        return earlier with { Attempt = earlier.Attempt + 1 };
    }

    public StoredResultWriter CreateWriter(ResultKey result, bool inDirectory, long maxBytes = long.MaxValue) =>
        new(Results, result, inDirectory ? Folder : null, maxBytes);

    /// <summary>Stores a whole result of a new job.</summary>
    public async Task<ResultKey> StoreAsync(bool inDirectory, int rows, CancellationToken cancellationToken, string status = "SUCCEEDED")
    {
        var result = await AddJobAsync(cancellationToken, status);
        await StoreAsync(result, inDirectory, rows, cancellationToken);
        return result;
    }

    public async Task StoreAsync(ResultKey result, bool inDirectory, int rows, CancellationToken cancellationToken)
    {
        await using var writer = CreateWriter(result, inDirectory);
        await writer.StartAsync(Columns, cancellationToken);
        await WriteRowsAsync(writer, result, rows, cancellationToken);
        await writer.EndAsync(cancellationToken);
        await CompleteAsync(result, writer.Rows, writer.IsFull, cancellationToken);
    }

    /// <summary>
    /// Ends an attempt with its rows, as its runner does; the job then has the status again that the test has given it.
    /// </summary>
    /// <returns>False when the job is another attempt's.</returns>
    public async Task<bool> CompleteAsync(
        ResultKey result, long rows, bool truncated, CancellationToken cancellationToken)
    {
        var job =
            (await new JobStore(_store).FindAsync(result.JobId, cancellationToken))! with { Attempt = result.Attempt };
        await Database.ExecuteAsync(
            "update heimdall.job set status = 'RUNNING' where id = $1", cancellationToken, result.JobId);
        var ended = await _writer.EndAsync(new Ending(job, JobStatus.Succeeded, isDurable: true)
        {
            Progress = new JobProgress { RowCount = rows },
            Rows = new StoredRows(result.Attempt, rows, truncated, TimeSpan.FromDays(1)),
        });
        await Database.ExecuteAsync(
            "update heimdall.job set status = $2 where id = $1", cancellationToken, result.JobId, job.Status.ToName());
        return ended is not null;
    }

    /// <summary>Each row says whose it is. About a thousand of them are a chunk.</summary>
    public static async Task WriteRowsAsync(IResultWriter writer, ResultKey result, int rows, CancellationToken cancellationToken)
    {
        for (var row = 0; row < rows; row++)
        {
            writer.StartRow();
            writer.WriteValue(Encoding.UTF8.GetBytes(row.ToString(CultureInfo.InvariantCulture)));
            writer.WriteValue(Encoding.UTF8.GetBytes(TextOf(result)));
            writer.EndRow();
            await writer.FlushAsync(cancellationToken);
        }
    }

    public static string TextOf(ResultKey result) => $"{result.JobId}-{result.Attempt}".PadRight(250, '.');

    public async Task<List<List<string?>>> ReadAsync(ResultKey result, CancellationToken cancellationToken, long offset = 0, long? limit = null)
    {
        var found = await Results.FindAsync(result.JobId, cancellationToken) ?? throw new InvalidOperationException("There is no result.");
        var writer = new FakeResultWriter();
        await Results.ReplayAsync(found, new ResultPage(offset, limit), writer, cancellationToken);
        return writer.Rows;
    }

    public async ValueTask DisposeAsync()
    {
        await _writer.DisposeAsync();
        await _store.DisposeAsync();
        await Database.DisposeAsync();
        Directory.Delete(Folder, recursive: true);
    }
}
