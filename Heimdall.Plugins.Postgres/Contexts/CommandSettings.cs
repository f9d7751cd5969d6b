using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Rules;

namespace Heimdall.Plugins.Postgres.Contexts;

/// <summary>The <c>context</c> of a command: what its jobs get where they say nothing, and what they may not exceed.</summary>
internal sealed record CommandSettings
{
    private const int Megabyte = 1024 * 1024;
    private const string FixedField = "fixed";

    public required RunOptions Defaults { get; init; }

    public TimeSpan? MaxTimeout { get; init; }

    public long? MaxRowLimit { get; init; }

    public long? MaxByteLimit { get; init; }

    /// <summary>Bytes that the values of one row may have: so much of it is in memory at once.</summary>
    public long MaxRowBytes { get; init; } = 64 * Megabyte;

    /// <summary>
    /// Bytes by which the values of variables may make a statement of a script longer. All statements together may grow
    /// by four times that.
    /// </summary>
    public long MaxVariableBytes { get; init; } = 256 * Megabyte;

    /// <summary>Which statements are refused; null for none. No job can change it.</summary>
    public StatementRules? Rules { get; init; }

    /// <summary>Fields of which a job can have no other value. They are among the defaults too.</summary>
    public JsonObject Fixed { get; init; } = [];

    public static (CommandSettings Context, IReadOnlyList<ContextProblem> Problems) Read(JsonObject context)
    {
        var given = context[FixedField] as JsonObject ?? [];
        var reader = new ContextReader(Complete(context, given));
        if (reader.Any(FixedField) is not (null or JsonObject))
        {
            reader.Report(FixedField, "must be an object of fields and values, such as {\"role\": \"analyst\"}.");
        }

        foreach (var (name, value) in given)
        {
            if (!RunOptions.Names.Contains(name) || value is null)
            {
                reader.Report(
                    $"{FixedField}.{name}",
                    value is null ? "has no value." : $"cannot be fixed; {string.Join(", ", RunOptions.Names)} can.");
            }
            else if (context[name] is not null)
            {
                reader.Report(name, "is fixed too: write it once.");
            }
        }

        var command = new CommandSettings
        {
            Fixed = given,
            Defaults = RunOptions.Read(reader),
            MaxTimeout = reader.Seconds("max_timeout_seconds"),
            MaxRowLimit = reader.Count("max_row_limit"),
            MaxByteLimit = reader.Count("max_byte_limit"),
            Rules = RulesReader.Read(reader, fixesRole: given["role"] is not null),
        };
        command = command with
        {
            MaxRowBytes = reader.Count("max_row_bytes") ?? command.MaxRowBytes,
            MaxVariableBytes = reader.Count("max_variable_bytes") ?? command.MaxVariableBytes,
        };
        reader.RefuseOthers();

        command.CheckCeilings(command.Defaults, reader);
        return (command, reader.Problems);
    }

    /// <summary>A job that leaves a field out gets what is fixed as it gets a default.</summary>
    private static JsonObject Complete(JsonObject context, JsonObject given)
    {
        if (given.Count == 0)
        {
            return context;
        }

        var complete = context.DeepClone().AsObject();
        foreach (var (name, value) in given.Where(field => RunOptions.Names.Contains(field.Key)))
        {
            complete[name] = value?.DeepClone();
        }

        return complete;
    }

    /// <summary>Refuses the fields of a job that differ from what is fixed.</summary>
    public void CheckFixed(JsonObject jobContext, ContextReader reader)
    {
        foreach (var (name, value) in Fixed)
        {
            if (jobContext[name] is { } asked && !JsonNode.DeepEquals(asked, value))
            {
                reader.Report(name, $"is fixed by the command: leave it out, or write {value?.ToJsonString()}.");
            }
        }
    }

    public void CheckCeilings(RunOptions options, ContextReader reader)
    {
        if (options.Timeout > MaxTimeout)
        {
            reader.Report("timeout_seconds", $"is {options.Timeout.Value.TotalSeconds:0.###}, above the command's max_timeout_seconds of {MaxTimeout.Value.TotalSeconds:0.###}.");
        }

        if (options.RowLimit > MaxRowLimit)
        {
            reader.Report("row_limit", $"is {options.RowLimit}, above the command's max_row_limit of {MaxRowLimit}.");
        }

        if (options.ByteLimit > MaxByteLimit)
        {
            reader.Report("byte_limit", $"is {options.ByteLimit}, above the command's max_byte_limit of {MaxByteLimit}.");
        }
    }
}
