using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;

namespace Heimdall.Tests.Hooks;

/// <summary>
/// A server that takes messages of hooks, and fails as it is told to. It speaks HTTP by itself, so that it can break
/// off anywhere. Each path is a receiver of its own. It listens at all addresses; its URL has one that tests can allow
/// alone.
/// </summary>
internal sealed class HookReceiver : IAsyncDisposable
{
    private readonly ConcurrentQueue<ReceivedMessage> _received = new();
    private readonly ConcurrentDictionary<string, Func<ReceivedMessage, int, HookAnswer>> _answers = new();
    private readonly ConcurrentDictionary<string, int> _counts = new();
    private readonly SocketServer _server;

    public HookReceiver() => _server = new SocketServer(IPAddress.Any, ServeAsync);

    public int Port => _server.Port;

    public string UrlOf(string path) => $"http://127.0.0.2:{Port}/{path}";

    /// <summary>How to answer what comes to a path: by the message, and its number from 1.</summary>
    public void On(string path, Func<ReceivedMessage, int, HookAnswer> answer) => _answers[$"/{path}"] = answer;

    public ReceivedMessage[] At(string path) =>
        [.. _received.Where(message => message.Path == $"/{path}")];

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task ServeAsync(NetworkStream stream, CancellationToken stop)
    {
        if (await ReadAsync(stream, stop) is not { } message)
        {
            return;
        }
        _received.Enqueue(message);
        var number = _counts.AddOrUpdate(message.Path, 1, (_, before) => before + 1);
        var answer = _answers.TryGetValue(message.Path, out var decide)
            ? decide(message, number)
            : new HookAnswer(200, "thanks");
        if (answer.IsSilent)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, stop);
        }
        await stream.WriteAsync(Encoding.UTF8.GetBytes(answer.ToText()), stop);
    }

    private static async Task<ReceivedMessage?> ReadAsync(NetworkStream stream, CancellationToken stop)
    {
        var bytes = new List<byte>();
        var one = new byte[1];
        while (!EndsHeaders(bytes))
        {
            if (await stream.ReadAsync(one, stop) == 0)
            {
                return null;
            }
            bytes.Add(one[0]);
        }
        var lines = Encoding.ASCII.GetString([.. bytes]).Split("\r\n", StringSplitOptions.RemoveEmptyEntries);
        var headers = lines.Skip(1).Select(line => line.Split(": ", 2))
            .ToDictionary(pair => pair[0], pair => pair[1], StringComparer.OrdinalIgnoreCase);
        var body = new byte[int.Parse(headers.GetValueOrDefault("Content-Length", "0"), CultureInfo.InvariantCulture)];
        await stream.ReadExactlyAsync(body, stop);
        return new ReceivedMessage(lines[0].Split(' ')[1], headers, Encoding.UTF8.GetString(body));
    }

    private static bool EndsHeaders(List<byte> bytes) =>
        bytes.Count >= 4 && bytes[^4] == '\r' && bytes[^3] == '\n' && bytes[^2] == '\r' && bytes[^1] == '\n';
}

/// <summary>A message as it came.</summary>
internal sealed record ReceivedMessage(string Path, IReadOnlyDictionary<string, string> Headers, string Body)
{
    public string Id => Headers["webhook-id"];

    public JsonElement Json => JsonDocument.Parse(Body).RootElement;

    public string? Type => Json.GetProperty("type").GetString();

    public JsonElement Data => Json.GetProperty("data");

    public string Text(string member) => Data.GetProperty(member).ToString();
}

/// <summary>How a receiver answers.</summary>
internal sealed record HookAnswer(int Status, string Body = "", string Headers = "")
{
    /// <summary>Nothing comes, and the connection stays open.</summary>
    public static HookAnswer Silence { get; } = new(0);

    /// <summary>The connection is closed in the middle of the answer's first line.</summary>
    public static HookAnswer BreakOff { get; } = new(1);

    public bool IsSilent => Status == 0;

    public string ToText() => Status == 1
        ? "HTTP/1.1 20"
        : $"HTTP/1.1 {Status} Told\r\nContent-Length: {Body.Length}\r\nConnection: close\r\n{Headers}\r\n{Body}";
}
