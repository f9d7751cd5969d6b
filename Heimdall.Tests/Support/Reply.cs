using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using NUnit.Framework;

namespace Heimdall.Tests.Support;

/// <summary>What the API answered, read whole.</summary>
internal sealed record Reply(HttpStatusCode Status, HttpResponseHeaders Headers, string? ContentType, string Text)
{
    /// <summary>What the server's log says of it, where the server has failed.</summary>
    public string? Logged { get; init; }

    public JsonElement Json => JsonDocument.Parse(Text).RootElement;

    public Guid Id => Json.GetProperty("id").GetGuid();

    /// <summary>A member of the JSON as text, or null when it is absent.</summary>
    public string? this[string member] => Json.TryGetProperty(member, out var value) ? value.ToString() : null;

    public static async Task<Reply> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken) => new(
        response.StatusCode, response.Headers, response.Content.Headers.ContentType?.MediaType, await response.Content.ReadAsStringAsync(cancellationToken));

    public string? Header(string name) => Headers.TryGetValues(name, out var values) ? string.Join(", ", values) : null;

    /// <summary>Checks the status, and everything that all problems have in common; the words are looked for in the detail.</summary>
    public Reply AssertProblem(int status, params string[] words)
    {
        Assert.That((int)Status, Is.EqualTo(status), Text);
        Assert.That(ContentType, Is.EqualTo("application/problem+json"), Text);
        Assert.That(this["status"], Is.EqualTo(status.ToString(provider: null)), Text);
        Assert.That(this["type"], Is.Not.Empty, Text);
        Assert.That(this["title"], Is.Not.Empty, Text);
        foreach (var word in words)
        {
            Assert.That(this["detail"], Does.Contain(word), Text);
        }
        foreach (var secret in new[] { "   at ", "Exception", "127.0.0.1", $":{TestDatabase.ServerPort}", HeimdallInstance.Canary })
        {
            Assert.That(Text, Does.Not.Contain(secret));
        }
        return this;
    }

    public Reply AssertStatus(int status)
    {
        Assert.That((int)Status, Is.EqualTo(status), $"{Text}{Logged}");
        return this;
    }
}
