using System.Text;
using Heimdall.Core.Plugins;

namespace Heimdall.Core.Results;

/// <summary>The result of a batch: one row that says how it went, as in the original.</summary>
internal static class StoredMessage
{
    public static async Task WriteAsync(ResultStore store, Guid jobId, int attempt, string message, CancellationToken cancellationToken)
    {
        var writer = new StoredResultWriter(store, jobId, attempt, long.MaxValue);
        await writer.StartAsync([new ResultColumn("message", "text", ResultValueKind.Text)], cancellationToken);
        writer.StartRow();
        writer.WriteValue(Encoding.UTF8.GetBytes(message));
        writer.EndRow();
        await writer.EndAsync(cancellationToken);
    }
}
