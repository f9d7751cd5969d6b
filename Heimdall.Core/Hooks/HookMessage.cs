using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Core.Configuration;

namespace Heimdall.Core.Hooks;

/// <summary>A message that a process has taken on to deliver.</summary>
/// <param name="Id">Always the same, however often it is sent: <c>webhook-id</c>.</param>
/// <param name="Event">What happened.</param>
/// <param name="Data">What is known of it.</param>
/// <param name="CreatedAt">When it happened.</param>
/// <param name="Attempt">Counted from 1; recording how an attempt ended requires its number.</param>
/// <param name="GiveUpAt">From then on it is not tried again.</param>
/// <param name="InARow">As <paramref name="Attempt"/>, but from 1 again when somebody has it sent again.</param>
/// <param name="IsUnwanted">
/// Whether the receiver has said that it wants no more, and nobody has asked for this one.
/// </param>
internal sealed record HookMessage(
    Guid Id, string Event, JsonObject Data, DateTime CreatedAt, int Attempt, DateTime GiveUpAt, int InARow,
    bool IsUnwanted = false)
{
    /// <summary>
    /// The body of a webhook: of one message always the same bytes, as long as <paramref name="publicUrl"/> is.
    /// </summary>
    /// <param name="publicUrl">Where callers reach the API; null: no links.</param>
    public byte[] ToBody(string? publicUrl) => JsonSerializer.SerializeToUtf8Bytes(new JsonObject
    {
        ["type"] = Event,
        ["timestamp"] = CreatedAt.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture),
        ["data"] = WithLinks(publicUrl),
    });

    private JsonObject WithLinks(string? publicUrl)
    {
        var data = Data.DeepClone().AsObject();
        if (publicUrl is not null && JobId is { } id)
        {
            data["url"] = $"{publicUrl.TrimEnd('/')}/api/v1/job/{id}";
            data["page"] = PageOf(publicUrl);
        }
        return data;
    }

    /// <summary>Where people read of it; null where there is nothing to link.</summary>
    public string? PageOf(string? publicUrl) =>
        publicUrl is not null && JobId is { } id ? $"{publicUrl.TrimEnd('/')}/hangfire/sql/jobs/{id}" : null;

    private Guid? JobId =>
        Event is HookEvents.JobEnded or HookEvents.JobUnapproved && Guid.TryParse(Text("id"), out var id) ? id : null;

    /// <summary>A member of its data as text; null where there is none.</summary>
    public string? Text(string name) => Data[name] switch
    {
        null => null,
        JsonValue value when value.TryGetValue<string>(out var text) => text,
        var other => other.ToJsonString(),
    };
}
