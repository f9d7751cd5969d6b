using System.Text.Json;
using System.Text.Json.Serialization;
using Heimdall.Api.Descriptions;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Jobs;

/// <summary>What a job would do, as callers see it. What does not apply is absent.</summary>
internal sealed record JobPreviewView
{
    public bool DryRun { get; } = true;

    public required string CommandId { get; init; }

    public required string CommandName { get; init; }

    public required string ClusterId { get; init; }

    public required string ClusterName { get; init; }

    public required bool ReturnResult { get; init; }

    /// <summary>Where somebody else has to approve the job before it runs.</summary>
    [Words(CommandConfig.ApprovalRequired)]
    public string? Approval { get; init; }

    public required string Sha256 { get; init; }

    public required IReadOnlyList<PreviewedStatement> Statements { get; init; }

    public required long? StatementsTotal { get; init; }

    [JsonConverter(typeof(EmbeddedJson))]
    public string? Plan { get; init; }

    public static JobPreviewView Of(Command command, Cluster cluster, JobPreview preview) => new()
    {
        CommandId = command.Id,
        CommandName = command.Name,
        ClusterId = cluster.Id,
        ClusterName = cluster.Name,
        ReturnResult = preview.ReturnResult,
        Approval = command.Approval is null ? null : CommandConfig.ApprovalRequired,
        Sha256 = preview.Sha256,
        Statements = preview.Statements,
        StatementsTotal = preview.StatementsTotal,
        Plan = preview.Plan,
    };

    /// <summary>Writes JSON as it is: the database has made it, and plans are nested deeper than readers of JSON like.</summary>
    private sealed class EmbeddedJson : JsonConverter<string>
    {
        public override string Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => throw new NotSupportedException();

        public override void Write(Utf8JsonWriter writer, string value, JsonSerializerOptions options) => writer.WriteRawValue(value, skipInputValidation: true);
    }
}
