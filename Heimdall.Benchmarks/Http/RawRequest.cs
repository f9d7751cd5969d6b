using System.Text;

namespace Heimdall.Benchmarks.Http;

/// <summary>An HTTP request, to be sent by whoever is compared.</summary>
internal sealed record RawRequest
{
    /// <summary>The server's.</summary>
    public required Uri Address { get; init; }

    public required string Path { get; init; }

    /// <summary>JSON; null for a GET.</summary>
    public string? Body { get; init; }

    /// <summary>Beside those that the body needs.</summary>
    public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];

    private IEnumerable<(string Name, string Value)> AllHeaders => Body is null ? Headers : Headers.Prepend(("Content-Type", "application/json"));

    /// <summary>As it goes over the wire.</summary>
    public byte[] ToBytes()
    {
        var body = Encoding.UTF8.GetBytes(Body ?? "");
        var text = new StringBuilder($"{(Body is null ? "GET" : "POST")} {Path} HTTP/1.1\r\nHost: {Address.Authority}\r\n");
        foreach (var (name, value) in AllHeaders)
        {
            text.Append($"{name}: {value}\r\n");
        }
        if (Body is not null)
        {
            text.Append($"Content-Length: {body.Length}\r\n");
        }
        return [.. Encoding.ASCII.GetBytes(text.Append("\r\n").ToString()), .. body];
    }

    /// <summary>The arguments of a curl that throws the body away.</summary>
    public IEnumerable<string> ToCurl()
    {
        string[] body = Body is null ? [] : ["--data-raw", Body];
        return
        [
            "--disable", "--silent", "--show-error", "--noproxy", "*", "--output", "/dev/null",
            .. AllHeaders.SelectMany(header => new[] { "--header", $"{header.Name}: {header.Value}" }), .. body, new Uri(Address, Path).ToString(),
        ];
    }
}
