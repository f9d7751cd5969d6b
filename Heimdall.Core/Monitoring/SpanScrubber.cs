using System.Diagnostics;
using OpenTelemetry;

namespace Heimdall.Core.Monitoring;

/// <summary>Takes the connection string out of spans of statements: Npgsql shows it of a pool that has no name.</summary>
internal sealed class SpanScrubber : BaseProcessor<Activity>
{
    private const string OfDataSource = "db.npgsql.data_source";

    public override void OnEnd(Activity data)
    {
        if (data.GetTagItem(OfDataSource) is string name && name.Contains('='))
        {
            data.SetTag(OfDataSource, null);
        }
    }
}
