using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Catalog;
using Heimdall.Core.Database;
using Heimdall.Core.Plugins;
using Heimdall.Core.Submission;

namespace Heimdall.Api.Jobs;

/// <summary><c>POST /api/v1/resolve</c>: which command and cluster a job would get, and why not the others. Runs and records nothing.</summary>
internal static class ResolveJob
{
    public static async Task<IResult> HandleAsync(
        HttpContext context, JobResolver resolver, StoreClock clock, CancellationToken cancellationToken)
    {
        if (!context.Request.HasJsonContentType())
        {
            return Problem.NotJson("job");
        }
        using var body = await JsonBody.ParseAsync(context.Request.Body, cancellationToken);
        var (request, problems) = SubmitJobRequestReader.Read(body.RootElement, SubmitJobValidator.OfQuestion, clock);
        if (request is null || problems.Count > 0)
        {
            return Problem.Invalid(problems);
        }
        if (RoutingProblem.OfEmptyCriteria(request) is { } empty)
        {
            return RoutingProblem.Of(context, RoutingOutcome.NoMatch, empty);
        }
        var caller = context.Caller();
        var isForAll = request.Target == SubmitJobRequestReader.All;
        var asked = new RoutingRequest(
            request.CommandCriteria!, request.ClusterCriteria!, caller.Name,
            MayWait: isForAll) // those that are down too
        {
            Scopes = caller.Rights.ScopesOf(Right.Submit, ofOthers: false),
        };
        var explanation = resolver.Resolve(asked);
        var faults = request.Context is null || explanation.Pairs.Count == 0
            ? null
            : FindFaults(resolver, explanation, request.ToSubmission(caller));
        var view = ResolutionView.Of(explanation, faults);
        return TypedResults.Json(
            isForAll
                ? view.WithTargets(
                    new() { MaxParallel = request.MaxParallel, Canary = request.Canary }, resolver.ResolveAll(asked))
                : view,
            ApiJson.Options);
    }

    private static IReadOnlyList<ContextProblem> FindFaults(
        JobResolver resolver, RoutingExplanation explanation, JobSubmission submission)
    {
        var faults = resolver.Check(explanation, submission.WholeContext);
        return submission.Secrets is { } secrets ? [.. faults.Select(secrets.Redact)] : faults;
    }
}
