using System.Net;
using System.Net.ServerSentEvents;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Heimdall.Client;

public enum JobEventKind
{
    /// <summary>Where the job stands: the last one counts.</summary>
    Status,

    /// <summary>How far it is: the last one counts.</summary>
    Progress,

    /// <summary>A line of the run log.</summary>
    Log,

    /// <summary>A line of notices and errors.</summary>
    Notice,

    /// <summary>The last event.</summary>
    End,
}

/// <summary>Something that happened to a job.</summary>
/// <param name="Kind">What.</param>
/// <param name="Data">The whole event.</param>
public sealed record JobEvent(JobEventKind Kind, JsonElement Data)
{
    /// <summary>The line of <see cref="JobEventKind.Log"/> and <see cref="JobEventKind.Notice"/>.</summary>
    public string? Line => Data.TryGetProperty("line", out var line) ? line.GetString() : null;
}

/// <summary>Reads the events of a job to the last one, over as many connections as it takes.</summary>
internal sealed class HeimdallJobEvents(HeimdallConnection connection, Guid id)
{
    /// <summary>A living connection has news each 15 seconds.</summary>
    private static readonly TimeSpan LongestSilence = TimeSpan.FromSeconds(45);
    private static readonly TimeSpan Reconnect = TimeSpan.FromMilliseconds(500);

    public async IAsyncEnumerable<JobEvent> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        string? last = null;
        while (true)
        {
            using var response = await connection.SendAsync(
                new ApiRequest(HttpMethod.Get, $"job/{id}/events")
                {
                    Accept = "text/event-stream",
                    IsStreamed = true,
                    LastEventId = last,
                },
                cancellationToken);
            if (response.StatusCode == HttpStatusCode.NoContent)
            {
                yield break; // the last one has been read
            }
            if (response.Content.Headers.ContentType?.MediaType != "text/event-stream")
            {
                throw HeimdallException.Foreign(connection.Address, response.StatusCode);
            }
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            using var silence = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            var parser = SseParser.Create(body);
            await using var events = parser.EnumerateAsync(silence.Token).GetAsyncEnumerator(silence.Token);
            while (await NextAsync(events, silence, cancellationToken))
            {
                last = parser.LastEventId;
                if (Enum.TryParse<JobEventKind>(events.Current.EventType, ignoreCase: true, out var kind))
                {
                    yield return new JobEvent(kind, JsonElement.Parse(events.Current.Data));
                    if (kind == JobEventKind.End)
                    {
                        yield break;
                    }
                }
            }
            await Task.Delay(Reconnect, cancellationToken);
        }
    }

    /// <summary>False when the connection has ended before the last event, or is silent for too long.</summary>
    private static async Task<bool> NextAsync(
        IAsyncEnumerator<SseItem<string>> events, CancellationTokenSource silence, CancellationToken cancellationToken)
    {
        silence.CancelAfter(LongestSilence);
        try
        {
            return await events.MoveNextAsync();
        }
        catch (Exception e) when (e is IOException or HttpRequestException or OperationCanceledException)
        {
            cancellationToken.ThrowIfCancellationRequested();
            return false;
        }
    }
}
