using System.Net.ServerSentEvents;

namespace Heimdall.Tests.Support;

/// <summary>The events of a job, as another implementation of server-sent events reads them.</summary>
internal sealed class WatchedJob : IAsyncDisposable
{
    private readonly HttpResponseMessage _reply;
    private readonly IAsyncEnumerator<SseItem<string>> _events;

    private WatchedJob(HttpResponseMessage reply, IAsyncEnumerator<SseItem<string>> events) => (_reply, _events) = (reply, events);

    public static async Task<WatchedJob> OpenAsync(HttpClient client, Guid id, string? lastEventId, CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, $"/api/v1/job/{id}/events");
        if (lastEventId is not null)
        {
            request.Headers.Add("Last-Event-ID", lastEventId);
        }
        var reply = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        reply.EnsureSuccessStatusCode();
        var parser = SseParser.Create(await reply.Content.ReadAsStreamAsync(cancellationToken));
        return new WatchedJob(reply, parser.EnumerateAsync(cancellationToken).GetAsyncEnumerator(cancellationToken));
    }

    /// <summary>What comes, up to the first event that is looked for.</summary>
    public async Task<List<SseItem<string>>> UntilAsync(Func<SseItem<string>, bool> isIt)
    {
        var seen = new List<SseItem<string>>();
        while (await _events.MoveNextAsync())
        {
            seen.Add(_events.Current);
            if (isIt(_events.Current))
            {
                return seen;
            }
        }
        throw new InvalidOperationException($"The stream ended after: {string.Join(", ", seen.Select(item => $"{item.EventType} {item.Data}"))}");
    }

    /// <summary>All that comes.</summary>
    public async Task<List<SseItem<string>>> ToEndAsync()
    {
        var seen = new List<SseItem<string>>();
        while (await _events.MoveNextAsync())
        {
            seen.Add(_events.Current);
        }
        return seen;
    }

    public async ValueTask DisposeAsync()
    {
        await _events.DisposeAsync();
        _reply.Dispose();
    }
}
