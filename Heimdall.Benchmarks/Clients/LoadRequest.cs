using System.Text;

namespace Heimdall.Benchmarks.Clients;

/// <summary>An HTTP request, to be sent by HttpClient, curl or wrk.</summary>
/// <param name="Path">With the query.</param>
/// <param name="Body">JSON; null for a GET.</param>
internal sealed record LoadRequest(string Path, string? Body = null)
{
    /// <summary>Beside the type of the body.</summary>
    public IReadOnlyList<(string Name, string Value)> Headers { get; init; } = [];

    public HttpRequestMessage ToMessage()
    {
        var message = new HttpRequestMessage(Body is null ? HttpMethod.Get : HttpMethod.Post, new Uri(Path, UriKind.Relative));
        foreach (var (name, value) in Headers)
        {
            message.Headers.Add(name, value);
        }
        message.Content = Body is null ? null : new StringContent(Body, Encoding.UTF8, "application/json");
        return message;
    }
}
