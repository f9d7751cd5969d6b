using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Chaos;

/// <summary>One of the processes of a soak, each time it is started anew.</summary>
/// <param name="name">For the report.</param>
/// <param name="program">Its assembly's name.</param>
/// <param name="file">Its configuration.</param>
/// <param name="variables">Added to its environment.</param>
/// <param name="address">Of an API.</param>
internal sealed class SoakProcess(
    string name, string program, string file, KeyValuePair<string, string>[] variables, Uri? address) : IAsyncDisposable
{
    private readonly HttpClient _client = new() { BaseAddress = address };
    private HeimdallProcess? _process;

    public string Name => name;

    public Uri? Address => address;

    public int Id => _process!.Id;

    public void Start() =>
        _process = HeimdallProcess.Start(program, Path.ChangeExtension(file, $"{name}.log"), variables, "--config", file);

    /// <summary>Ends it by SIGTERM, as a rolling restart does, or kills it; and starts it again.</summary>
    public async Task ReplaceAsync(bool isKilled, CancellationToken cancellationToken)
    {
        if (isKilled && address is null)
        {
            await _process!.KillAsync(cancellationToken);
        }
        else
        {
            await _process!.TerminateAsync(cancellationToken);
            Assert.That(await _process.WaitForExitAsync(cancellationToken), Is.Zero, $"{name}:\n{_process.ReadLog()}");
        }
        await _process.DisposeAsync();
        Start();
    }

    public async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        Assert.That(_process!.HasExited, Is.False, $"{name}:\n{_process.ReadLog()}");
        try
        {
            using var response = await _client.GetAsync("/readyz", cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await (_process?.DisposeAsync() ?? ValueTask.CompletedTask);
    }
}
