using System.Diagnostics;
using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Monitoring;

/// <summary>A Prometheus with the configuration of the docs, which scrapes other addresses and each second.</summary>
internal sealed class Prometheus : IAsyncDisposable
{
    private const string Files = "docs/operate/monitoring";

    private readonly string _folder;
    private readonly Process _process;
    private readonly HttpClient _client;

    private Prometheus(string folder, Process process, int port)
    {
        (_folder, _process) = (folder, process);
        _client = new HttpClient { BaseAddress = new Uri($"http://127.0.0.1:{port}") };
    }

    public static async Task<Prometheus> StartAsync(int api, int worker)
    {
        InstalledPrograms.Require("prometheus");
        var port = FreePort.Find();
        var folder = Directory.CreateTempSubdirectory("heimdall-prometheus").FullName;
        await File.WriteAllTextAsync(
            Path.Combine(folder, "prometheus.yaml"),
            Repository.Read($"{Files}/prometheus.yaml")
                .Replace("127.0.0.1:9464", $"127.0.0.1:{api}", StringComparison.Ordinal)
                .Replace("127.0.0.1:9465", $"127.0.0.1:{worker}", StringComparison.Ordinal)
                .Replace("interval: 15s", "interval: 1s", StringComparison.Ordinal));
        File.Copy(Repository.PathOf($"{Files}/alerts.yaml"), Path.Combine(folder, "alerts.yaml"));
        string[] arguments =
        [
            "-c", "exec prometheus \"$@\" >\"$0\" 2>&1", Path.Combine(folder, "log"),
            $"--config.file={Path.Combine(folder, "prometheus.yaml")}",
            $"--storage.tsdb.path={Path.Combine(folder, "data")}",
            $"--web.listen-address=127.0.0.1:{port}",
        ];
        var process = Process.Start(new ProcessStartInfo("/bin/sh", arguments))
            ?? throw new InvalidOperationException("Prometheus did not start.");
        var started = new Prometheus(folder, process, port);
        try
        {
            await Eventually.Is(started.IsReadyAsync, CancellationToken.None);
            return started;
        }
        catch
        {
            await started.DisposeAsync();
            throw;
        }
    }

    /// <returns>Those of the expressions that have no value now.</returns>
    public async Task<IReadOnlyList<string>> FindWithoutDataAsync(
        IEnumerable<string> expressions, CancellationToken cancellationToken)
    {
        var without = new List<string>();
        foreach (var expression in expressions)
        {
            var answer = await GetAsync($"/api/v1/query?query={Uri.EscapeDataString(expression)}", cancellationToken);
            Assert.That(answer.GetProperty("status").GetString(), Is.EqualTo("success"), expression);
            if (answer.GetProperty("data").GetProperty("result").GetArrayLength() == 0)
            {
                without.Add(expression);
            }
        }
        return without;
    }

    /// <summary>Whether all rules have been evaluated without an error.</summary>
    public async Task<bool> RulesAreWellAsync(CancellationToken cancellationToken)
    {
        var groups = (await GetAsync("/api/v1/rules", cancellationToken)).GetProperty("data").GetProperty("groups");
        var rules = groups.EnumerateArray().SelectMany(group => group.GetProperty("rules").EnumerateArray()).ToArray();
        return rules.Length > 0 && rules.All(rule => rule.GetProperty("health").GetString() == "ok");
    }

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<bool> IsReadyAsync()
    {
        Assert.That(
            _process.HasExited, Is.False,
            () => $"Prometheus has ended:\n{HeimdallProcess.Read(Path.Combine(_folder, "log"))}");
        try
        {
            using var answer = await _client.GetAsync(new Uri("/-/ready", UriKind.Relative));
            return answer.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private async Task<JsonElement> GetAsync(string path, CancellationToken cancellationToken)
    {
        using var answer = await _client.GetAsync(new Uri(path, UriKind.Relative), cancellationToken);
        using var document = JsonDocument.Parse(await answer.Content.ReadAsStringAsync(cancellationToken));
        return document.RootElement.Clone();
    }
}
