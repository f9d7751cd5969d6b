using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;

namespace Heimdall.Plugins.Postgres.Contexts;

/// <summary>The <c>context</c> of a command: what its jobs get where they say nothing, and what they may not exceed.</summary>
internal sealed record CommandSettings
{
    private const int Megabyte = 1024 * 1024;

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
        command = command with
        {
            MaxRowBytes = reader.Count("max_row_bytes") ?? command.MaxRowBytes,
            MaxVariableBytes = reader.Count("max_variable_bytes") ?? command.MaxVariableBytes,
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
