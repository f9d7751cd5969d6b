using Heimdall.Api.Problems;
using Heimdall.Api.Requests;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Jobs;

/// <summary>
/// Limits what runs within requests, for each caller and on each cluster: queries, and questions about them. Each holds
/// a session of a cluster. Beyond a limit a request waits a little, and is then refused.
/// </summary>
internal sealed class InlineSlots : IDisposable
{
    /// <summary>Of a cluster that this process does not know: it is refused where its session is opened.</summary>
    private static readonly int _defaultLimit = new ClusterConfig().MaxInline;

    private readonly LiveCatalog _catalog;
    private readonly int _callerLimit;
    private readonly Dictionary<string, int> _clusterLimits;
    private readonly WaitingSlots _callers;
    private readonly WaitingSlots _clusters;

    public InlineSlots(HeimdallConfig config, LiveCatalog catalog)
    {
        _catalog = catalog;
        _callerLimit = config.Server.MaxInlinePerCaller;
        _clusterLimits = config.Clusters.ToDictionary(cluster => cluster.Id ?? cluster.Name, cluster => cluster.MaxInline, StringComparer.Ordinal);
        _callers = new(_ => _callerLimit);
        _clusters = new(LimitOf);
    }

    public void Dispose()
    {
        _callers.Dispose();
        _clusters.Dispose();
    }

    /// <summary>Answers a request of a caller to a cluster, or refuses it (429) when a limit is reached and stays so.</summary>
    public async Task<IResult> TakeAsync(HttpContext context, string user, string cluster, Func<Task<IResult>> answerAsync)
    {
        using var wait = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        wait.CancelAfter(WaitingSlots.LongestWait);
        // The caller's own limit first: who is beyond it keeps nobody else waiting for the cluster.
        using var ofCaller = await _callers.TryTakeAsync(user, wait.Token);
        if (ofCaller is null)
        {
            context.Response.SetFull(RateLimits.QueriesOfCaller, _callerLimit, retryAfter: 1);
            return Refuse($"User '{user}' has {_callerLimit} queries running, as many as this server allows.");
        }
        using var ofCluster = await _clusters.TryTakeAsync(cluster, wait.Token);
        if (ofCluster is null)
        {
            context.Response.SetFull(RateLimits.QueriesOnCluster, LimitOf(cluster), retryAfter: 1);
            return Refuse(
                $"Cluster '{cluster}' has {LimitOf(cluster)} queries running, as many as its max_inline allows.");
        }
        return await answerAsync();
    }

    private static ProblemHttpResult Refuse(string detail) => Problem.Of(
        StatusCodes.Status429TooManyRequests, "too-many-queries", "Too many queries are running.", detail);

    private int LimitOf(string cluster) => _catalog.Current.FindCluster(cluster)?.MaxInline
        ?? _clusterLimits.GetValueOrDefault(cluster, _defaultLimit);
}
