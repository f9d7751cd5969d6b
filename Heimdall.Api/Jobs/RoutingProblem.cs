using Heimdall.Api.Problems;
using Heimdall.Core.Catalog;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Jobs;

/// <summary>How a job is refused that no command and cluster match.</summary>
internal static class RoutingProblem
{
    /// <summary>The one table from the outcome of routing to an HTTP status.</summary>
    /// <param name="context">Gets a <c>Retry-After</c> where waiting helps.</param>
    /// <param name="outcome">Not <see cref="RoutingOutcome.Found"/>.</param>
    /// <param name="reason">What was missing.</param>
    /// <param name="extensions">More members of the problem.</param>
    public static ProblemHttpResult Of(HttpContext context, RoutingOutcome outcome, string reason, Dictionary<string, object?>? extensions = null)
    {
        switch (outcome)
        {
            case RoutingOutcome.NotAllowed:
                return Problem.Of(StatusCodes.Status403Forbidden, "forbidden", "You may not do this.", reason, extensions);
            case RoutingOutcome.Unhealthy:
                context.Response.Headers.RetryAfter = "10";
                return Problem.Of(StatusCodes.Status503ServiceUnavailable, "unavailable", "The cluster cannot be reached.", reason, extensions);
            default:
                return Problem.Of(StatusCodes.Status422UnprocessableEntity, "no-match", "No command and cluster match.", reason, extensions);
        }
    }

    /// <returns>Why criteria that name nothing are refused, or null when there are some of both.</returns>
    public static string? OfEmptyCriteria(SubmitJobRequest request)
    {
        string[] empty =
        [
            .. request.CommandCriteria is null or [] ? ["command_criteria"] : Array.Empty<string>(),
            .. request.ClusterCriteria is null or [] ? ["cluster_criteria"] : Array.Empty<string>(),
        ];
        return empty.Length == 0 ? null : $"{string.Join(" and ", empty)}: empty. Name at least one tag; empty criteria would match anything.";
    }
}
