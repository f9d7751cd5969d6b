using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Reporting;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Bare;

/// <summary>A running <see cref="BareHost"/>.</summary>
internal sealed class BareProcess : IAsyncDisposable
{
    private readonly InnerProgram _program;

    private BareProcess(InnerProgram program, Uri address)
    {
        _program = program;
        Address = address;
    }

    public Uri Address { get; }

    public int ProcessId => _program.ProcessId;

    /// <param name="database">That it asks.</param>
    /// <param name="lookup">The SQL of a lookup by id.</param>
    /// <param name="cancellationToken">Ends the wait for it.</param>
    public static async Task<BareProcess> StartAsync(BenchDatabase database, string lookup, CancellationToken cancellationToken)
    {
        var program = InnerProgram.Start(BareHost.DatabaseVariable, database.ConnectionString, BareHost.Word, lookup);
        try
        {
            return await program.ReadLineAsync(cancellationToken) is { } address
                ? new BareProcess(program, new Uri(address))
                : throw new BenchmarkException("The bare handler did not start: see above.");
        }
        catch
        {
            await program.DisposeAsync();
            throw;
        }
    }

    public ValueTask DisposeAsync() => _program.DisposeAsync();
}
