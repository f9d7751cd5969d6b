using System.Net;
using System.Text;

namespace Heimdall.Tests.Support;

/// <summary>One more API of an instance, at an address of its own. All that the two share is the store.</summary>
internal sealed class SecondApi : IAsyncDisposable
{
    private readonly HeimdallHost _host;

    private SecondApi(HeimdallHost host, Uri address) => (_host, Client) = (host, new HttpClient { BaseAddress = address });

    public HttpClient Client { get; }

    public static async Task<SecondApi> StartAsync(HeimdallInstance heimdall, CancellationToken cancellationToken)
    {
        var address = $"http://127.0.0.1:{FreePort.Find()}";
        var config = Path.ChangeExtension(heimdall.ConfigFile, "second.yaml");
        await File.WriteAllTextAsync(
            config, (await File.ReadAllTextAsync(heimdall.ConfigFile, cancellationToken)).Replace(heimdall.Address.AbsoluteUri.TrimEnd('/'), address, StringComparison.Ordinal), cancellationToken);
        var api = new SecondApi(await HeimdallHost.StartApiAsync(config, Path.ChangeExtension(config, "log")), new Uri(address));
        await Eventually.Is(() => api.IsReadyAsync(cancellationToken), cancellationToken);
        return api;
    }

    public async Task<Reply> PostAsync(string path, string body, CancellationToken cancellationToken, params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        using var response = await Client.SendAsync(request, cancellationToken);
        return await Reply.ReadAsync(response, cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await _host.DisposeAsync();
    }

    private async Task<bool> IsReadyAsync(CancellationToken cancellationToken)
    {
        using var response = await Client.GetAsync("/readyz", cancellationToken);
        return response.StatusCode == HttpStatusCode.OK;
    }
}
