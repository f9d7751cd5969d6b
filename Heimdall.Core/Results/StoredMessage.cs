using System.Text;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results.Chunks;

namespace Heimdall.Core.Results;

/// <summary>The result of a batch: one row that says how it went, as in the original. It is always in the database: a file for it would be waste.</summary>
internal static class StoredMessage
{
    public static async Task WriteAsync(ResultStore store, ResultKey result, string message, CancellationToken cancellationToken)
    {
        await using var writer = new StoredResultWriter(store, result, directory: null, long.MaxValue);
        await writer.StartAsync([new ResultColumn("message", "text", ResultValueKind.Text)], cancellationToken);
        writer.StartRow();
        writer.WriteValue(Encoding.UTF8.GetBytes(message));
        writer.EndRow();
        await writer.EndAsync(cancellationToken);
    }
}
