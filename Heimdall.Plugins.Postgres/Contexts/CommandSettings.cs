using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;

namespace Heimdall.Plugins.Postgres.Contexts;

/// <summary>The <c>context</c> of a command: what its jobs get where they say nothing, and what they may not exceed.</summary>
internal sealed record CommandSettings
{
    public required RunOptions Defaults { get; init; }

    public TimeSpan? MaxTimeout { get; init; }

    public long? MaxRowLimit { get; init; }

    public long? MaxByteLimit { get; init; }

    public static (CommandSettings Context, IReadOnlyList<ContextProblem> Problems) Read(JsonObject context)
    {
        var reader = new ContextReader(context);
        var command = new CommandSettings
        {
            Defaults = RunOptions.Read(reader),
            MaxTimeout = reader.Seconds("max_timeout_seconds"),
            MaxRowLimit = reader.Count("max_row_limit"),
            MaxByteLimit = reader.Count("max_byte_limit"),
        };
        reader.RefuseOthers();

        command.CheckCeilings(command.Defaults, reader);
        return (command, reader.Problems);
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
