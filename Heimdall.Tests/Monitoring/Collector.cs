using System.Collections.Concurrent;
using System.Net;
using System.Text;
using Heimdall.Tests.Support;

namespace Heimdall.Tests.Monitoring;

/// <summary>Takes what is sent by OpenTelemetry's protocol over HTTP, and looks for bytes in it.</summary>
internal sealed class Collector : IAsyncDisposable
{
    private readonly ConcurrentQueue<(string Path, string? Key, byte[] Body)> _received = [];
    private readonly HttpListener _listener;
    private readonly Task _collecting;

    public Collector()
    {
        Address = $"http://127.0.0.1:{FreePort.Find()}";
        _listener = new HttpListener { Prefixes = { $"{Address}/" } };
        _listener.Start();
        _collecting = CollectAsync();
    }

    public string Address { get; }

    /// <summary>Whether the id of a trace or of a span has come.</summary>
    public bool HasId(string hexadecimal) => Has("/v1/traces", Convert.FromHexString(hexadecimal));

    public bool HasTraces(string text) => Has("/v1/traces", Encoding.UTF8.GetBytes(text));

    public bool HasMetrics(string text) => Has("/v1/metrics", Encoding.UTF8.GetBytes(text));

    /// <summary>Whether all that has come, traces and metrics, had a header.</summary>
    public bool AllHave(string key) => _received.Select(one => one.Path).Distinct().Count() == 2
        && _received.All(one => one.Key == key);

    public async ValueTask DisposeAsync()
    {
        _listener.Stop();
        await _collecting;
    }

    private bool Has(string path, byte[] bytes) =>
        _received.Any(one => one.Path == path && one.Body.AsSpan().IndexOf(bytes) >= 0);

    private async Task CollectAsync()
    {
        while (true)
        {
            try
            {
                var context = await _listener.GetContextAsync();
                using var body = new MemoryStream();
                await context.Request.InputStream.CopyToAsync(body);
                _received.Enqueue((context.Request.Url!.AbsolutePath, context.Request.Headers["api-key"], body.ToArray()));
                context.Response.ContentType = "application/x-protobuf";
                context.Response.Close();
            }
            catch (Exception exception)
                when (exception is HttpListenerException or ObjectDisposedException or IOException)
            {
                if (!_listener.IsListening)
                {
                    return;
                }
            }
        }
    }
}
