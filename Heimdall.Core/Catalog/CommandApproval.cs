using System.Text.Json;
using System.Text.Json.Serialization;
using System.Text.RegularExpressions;
using Heimdall.Core.Configuration;

namespace Heimdall.Core.Catalog;

/// <summary>That somebody else has to approve each job of a command before it runs.</summary>
/// <param name="Expires">In seconds: a job that has waited so long ends.</param>
/// <param name="Approvers">
/// Patterns of the users who may approve, matched whole; empty: everybody with the right to.
/// </param>
public sealed record CommandApproval(double Expires, IReadOnlyList<string> Approvers)
{
    private static readonly JsonSerializerOptions Json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
    };

    private readonly Regex[] _approvers = [.. Approvers.Select(CallerPattern.Compile)];

    [JsonIgnore]
    public TimeSpan Time => TimeSpan.FromSeconds(Expires);

    /// <returns>Null when no job of the command waits.</returns>
    public static CommandApproval? Of(CommandConfig config) => config.Approval == CommandConfig.ApprovalRequired
        ? new CommandApproval(config.ApprovalExpires.TotalSeconds, config.Approvers)
        : null;

    public bool IsFor(string user) =>
        _approvers.Length == 0 || _approvers.Any(pattern => pattern.IsMatch(user));

    /// <summary>As it lies in the store.</summary>
    internal string Write() => JsonSerializer.Serialize(this, Json);

    internal static CommandApproval Read(string json) => JsonSerializer.Deserialize<CommandApproval>(json, Json)!;
}
