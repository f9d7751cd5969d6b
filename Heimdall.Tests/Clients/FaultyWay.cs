using System.Net;
using System.Text;

namespace Heimdall.Tests.Clients;

/// <summary>The way of a client to an API. A test says what goes wrong on it.</summary>
internal sealed class FaultyWay : DelegatingHandler
{
    private int _sent;

    public FaultyWay()
        : base(new SocketsHttpHandler { MaxResponseDrainSize = 0 })
    {
    }

    /// <summary>What happens to a request, which is the nth of those that it counts; null sends it on.</summary>
    public Func<HttpRequestMessage, int, Task<HttpResponseMessage?>>? Before { get; init; }

    /// <summary>What happens to the answer.</summary>
    public Func<HttpRequestMessage, HttpResponseMessage, int, Task>? After { get; init; }

    /// <summary>The requests that are counted: all, by default.</summary>
    public Predicate<HttpRequestMessage> Counted { get; init; } = _ => true;

    /// <summary>How many of them there were.</summary>
    public int Sent => _sent;

    public static HttpResponseMessage Answer(HttpStatusCode status, string body, string type = "application/problem+json") =>
        new(status) { Content = new StringContent(body, Encoding.UTF8, type) };

    protected override async Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        if (!Counted(request))
        {
            return await base.SendAsync(request, cancellationToken);
        }
        var number = Interlocked.Increment(ref _sent);
        if (Before is not null && await Before(request, number) is { } answer)
        {
            return answer;
        }
        var response = await base.SendAsync(request, cancellationToken);
        if (After is not null)
        {
            await After(request, response, number);
        }
        return response;
    }
}
