using Heimdall.Benchmarks.Bare;
using Heimdall.Benchmarks.EndToEnd;
using Heimdall.Benchmarks.Http;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Queries;

/// <summary>What every row is measured with.</summary>
/// <param name="Server">The store's and the table's.</param>
/// <param name="Database">With the table.</param>
/// <param name="Folder">Where scripts would be.</param>
/// <param name="Sizes">How much of everything.</param>
/// <param name="Rounds">How often.</param>
internal sealed record QueryBench(PostgresServer Server, BenchDatabase Database, string Folder, QuerySizes Sizes, int Rounds)
{
    private const int WarmUpRows = 1_000;

    /// <summary>Starts one that has answered queries, so that loading and compiling its code is not measured: it runs for weeks.</summary>
    public async Task<RunningHeimdall> StartHeimdallAsync(CancellationToken cancellationToken)
    {
        var heimdall = await RunningHeimdall.StartAsync(Server, Folder, Database, cancellationToken);
        try
        {
            using var connection = await HttpConnection.OpenAsync(heimdall.Address, cancellationToken);
            var request = QueryFormat.Inline.Ask(RequestOf(heimdall, MeasuredSql.First(WarmUpRows))).ToBytes();
            for (var query = 0; query < Sizes.WarmUpQueries; query++)
            {
                await QueryFormat.Inline.VerifyAsync(connection, request, WarmUpRows, cancellationToken);
            }
            return heimdall;
        }
        catch
        {
            await heimdall.DisposeAsync();
            throw;
        }
    }

    public Task<BareProcess> StartBareAsync(CancellationToken cancellationToken) => BareProcess.StartAsync(Database, MeasuredSql.Lookup, cancellationToken);

    /// <summary>The request that has a query run at once.</summary>
    public RawRequest RequestOf(RunningHeimdall heimdall, string sql, params IEnumerable<int> parameters) => new()
    {
        Address = heimdall.Address,
        Path = JobRequest.Path,
        Body = JobRequest.Of(Database.Label, MeasuredSql.ContextOf(sql, parameters)).ToJsonString(),
    };

    public static Task NoteAsync(string row, FormattableString what) => Console.Error.WriteLineAsync($"{row}: {FormattableString.Invariant(what)}");
}
