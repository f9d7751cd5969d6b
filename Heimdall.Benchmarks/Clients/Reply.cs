using System.Diagnostics;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Benchmarks.Reports;

namespace Heimdall.Benchmarks.Clients;

/// <summary>A reply that was read to its end; of a long body only what shows whether it is right is kept.</summary>
internal sealed record Reply
{
    private const int TailLength = 1024;

    public required string ContentType { get; init; }

    public required long Bytes { get; init; }

    public required long Lines { get; init; }

    /// <summary>From before the request to the first byte of the body.</summary>
    public required double FirstByteMilliseconds { get; init; }

    /// <summary>The end of the body: all of it, if it is short.</summary>
    public required string Tail { get; init; }

    /// <exception cref="BenchmarkException">It is an error, or there was none.</exception>
    public static async Task<Reply> ReadAsync(HttpClient client, LoadRequest request, CancellationToken cancellationToken)
    {
        try
        {
            var sent = Stopwatch.GetTimestamp();
            using var message = request.ToMessage();
            using var response = await client.SendAsync(message, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            var reply = await ReadAsync(body, $"{response.Content.Headers.ContentType}", sent, cancellationToken);
            return response.IsSuccessStatusCode
                ? reply
                : throw new BenchmarkException($"{client.BaseAddress}{request.Path[1..]} answered {(int)response.StatusCode}: {DetailOf(reply.Tail)}");
        }
        catch (Exception e) when (e is HttpRequestException or HttpIOException)
        {
            throw new BenchmarkException($"{client.BaseAddress}{request.Path[1..]}: {e.Message}", e);
        }
    }

    /// <summary>Reads a short reply.</summary>
    /// <exception cref="BenchmarkException">It is an error, or there was none.</exception>
    public static async Task<JsonNode> JsonAsync(HttpClient client, HttpRequestMessage message, CancellationToken cancellationToken)
    {
        using var response = await client.SendAsync(message, cancellationToken);
        var body = await response.Content.ReadAsStringAsync(cancellationToken);
        return response.IsSuccessStatusCode
            ? JsonNode.Parse(body)!
            : throw new BenchmarkException($"{message.RequestUri} answered {(int)response.StatusCode}: {DetailOf(body)}");
    }

    private static async Task<Reply> ReadAsync(Stream body, string contentType, long sent, CancellationToken cancellationToken)
    {
        var buffer = new byte[64 * 1024];
        var tail = Array.Empty<byte>();
        var (bytes, lines, firstByte) = (0L, 0L, 0.0);
        for (int read; (read = await body.ReadAsync(buffer, cancellationToken)) > 0; bytes += read)
        {
            firstByte = bytes == 0 ? Stopwatch.GetElapsedTime(sent).TotalMilliseconds : firstByte;
            lines += buffer.AsSpan(0, read).Count((byte)'\n');
            tail = read >= TailLength ? buffer[(read - TailLength)..read] : [.. tail.AsSpan(Math.Max(0, tail.Length + read - TailLength)), .. buffer.AsSpan(0, read)];
        }
        return new Reply { ContentType = contentType, Bytes = bytes, Lines = lines, FirstByteMilliseconds = firstByte, Tail = Encoding.UTF8.GetString(tail) };
    }

    /// <returns>The detail of a problem, or all that the API said.</returns>
    private static string DetailOf(string body)
    {
        try
        {
            return JsonNode.Parse(body) is JsonObject problem && problem["detail"] is { } detail ? $"{detail} {problem["errors"]?.ToJsonString()}" : body;
        }
        catch (JsonException)
        {
            return body;
        }
    }
}
