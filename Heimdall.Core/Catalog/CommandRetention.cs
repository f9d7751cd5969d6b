using System.Text.Json.Nodes;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Yaml;

namespace Heimdall.Core.Catalog;

/// <summary>How long ended jobs of a command are kept, by status, where it is not as long as all others.</summary>
/// <param name="Seconds">By the name of the status; null: for ever.</param>
public sealed record CommandRetention(IReadOnlyDictionary<string, double?> Seconds)
{
    internal const string Succeeded = "SUCCEEDED";
    internal const string Failed = "FAILED";
    internal const string Canceled = "CANCELED";
    internal const string Killed = "KILLED";

    /// <returns>Null when the command says nothing of it.</returns>
    public static CommandRetention? Of(CommandRetentionConfig config)
    {
        var seconds = new SortedDictionary<string, double?>(StringComparer.Ordinal);
        Add(Succeeded, config.Succeeded);
        Add(Failed, config.Failed);
        Add(Canceled, config.Canceled);
        Add(Killed, config.Killed);
        return seconds.Count == 0 ? null : new CommandRetention(seconds);

        void Add(string status, TimeSpan? kept)
        {
            if (kept is { } time)
            {
                seconds[status] = time == Duration.Forever ? null : time.TotalSeconds;
            }
        }
    }

    /// <returns>How long, if the command says so and it is not for ever.</returns>
    public TimeSpan? Find(string status) =>
        Seconds.GetValueOrDefault(status) is { } seconds ? TimeSpan.FromSeconds(seconds) : null;

    /// <summary>As it lies in the store.</summary>
    public string Write() =>
        new JsonObject(Seconds.Select(one => KeyValuePair.Create(one.Key, (JsonNode?)one.Value))).ToJsonString();

    public static CommandRetention Read(string json) => new(
        JsonNode.Parse(json)!.AsObject().ToDictionary(one => one.Key, one => one.Value?.GetValue<double>()));
}
