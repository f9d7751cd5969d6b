using Heimdall.Benchmarks.Http;
using Heimdall.Benchmarks.Reporting;

namespace Heimdall.Benchmarks.Queries;

/// <summary>A request whose reply has the rows.</summary>
internal sealed class HttpTransfer(string name, QueryFormat format, RawRequest request, int rows) : ITransfer
{
    private const long Tolerance = 1024; // ids and times differ in length

    private long _bytes;

    public string Name => name;

    public async Task PrepareAsync(CancellationToken cancellationToken)
    {
        using var connection = await HttpConnection.OpenAsync(request.Address, cancellationToken);
        _bytes = (await format.VerifyAsync(connection, request.ToBytes(), rows, cancellationToken)).Bytes;
    }

    public async Task<TransferRun> RunAsync(CancellationToken cancellationToken)
    {
        var (seconds, bytes) = await FastReader.ReadAsync(request, cancellationToken);
        return Math.Abs(bytes - _bytes) <= Tolerance
            ? new TransferRun(seconds, bytes)
            : throw new BenchmarkException($"The reply has {bytes} bytes; a whole one had {_bytes}.");
    }
}
