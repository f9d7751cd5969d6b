using System.Text.RegularExpressions;
using NUnit.Framework;

namespace Heimdall.Tests.Support;

/// <summary>
/// The API and a worker of an older version of Heimdall, in processes of their own, on the store of an instance.
/// <c>test.sh</c> builds the programs.
/// </summary>
internal sealed partial class OlderVersion : IAsyncDisposable
{
    private static readonly TimeSpan StartTime = TimeSpan.FromSeconds(60);

    private readonly HeimdallProcess _api;
    private readonly Func<string, HeimdallProcess> _start;

    private OlderVersion(Func<string, HeimdallProcess> start, Uri address)
    {
        _start = start;
        (_api, Worker) = (start("Heimdall.Api"), start("Heimdall.Worker"));
        Client = new HttpClient { BaseAddress = address };
    }

    public HttpClient Client { get; }

    public HeimdallProcess Worker { get; private set; }

    public static async Task<OlderVersion> StartAsync(HeimdallInstance heimdall, CancellationToken cancellationToken)
    {
        var bin = Environment.GetEnvironmentVariable("HEIMDALL_TEST_OLDER_BIN");
        if (bin is null)
        {
            Assert.Ignore("There are no programs of an older version: HEIMDALL_TEST_UPGRADES=1 ./test.sh builds them.");
        }
        var address = $"http://127.0.0.1:{FreePort.Find()}";
        var config = Path.ChangeExtension(heimdall.ConfigFile, "older.yaml");
        var text = await File.ReadAllTextAsync(heimdall.ConfigFile, cancellationToken);
        await File.WriteAllTextAsync(
            config,
            EmptySection().Replace(
                text.Replace(heimdall.Address.AbsoluteUri.TrimEnd('/'), address, StringComparison.Ordinal), ""),
            cancellationToken);

        HeimdallProcess Start(string program) => HeimdallProcess.StartCommand(
            ["dotnet", Path.Combine(bin!, program, $"{program}.dll"), "--config", config],
            Path.ChangeExtension(config, $"{program}.log"), []);

        var older = new OlderVersion(Start, new Uri(address));
        await Eventually.Is(() => older.IsReadyAsync(cancellationToken), cancellationToken, StartTime);
        return older;
    }

    /// <summary>Where the worker has been killed.</summary>
    public async Task StartWorkerAsync()
    {
        await Worker.DisposeAsync();
        Worker = _start("Heimdall.Worker");
    }

    /// <summary>SIGTERM, and what runs may end.</summary>
    /// <returns>The exit codes of both.</returns>
    public async Task<int[]> StopAsync(CancellationToken cancellationToken)
    {
        await _api.TerminateAsync(cancellationToken);
        await Worker.TerminateAsync(cancellationToken);
        return [await _api.WaitForExitAsync(cancellationToken), await Worker.WaitForExitAsync(cancellationToken)];
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _api.DisposeAsync();
        await Worker.DisposeAsync();
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        Assert.That(_api.HasExited || Worker.HasExited, Is.False, _api.ReadLog() + Worker.ReadLog());
        try
        {
            using var response = await Client.GetAsync("/readyz", cancellationToken);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    /// <summary>Not every version knows each section.</summary>
    [GeneratedRegex(@"^\w+: \{ +\}\n", RegexOptions.Multiline)]
    private static partial Regex EmptySection();
}
