using Heimdall.Api.Formats;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Microsoft.AspNetCore.Http.HttpResults;
using Microsoft.AspNetCore.Mvc;

namespace Heimdall.Api.Problems;

/// <summary>
/// The bodies of all refusals: <c>application/problem+json</c> (RFC 9457). They never hold an exception's text, a stack, a
/// host name or a password.
/// </summary>
internal static class Problem
{
    public static ProblemHttpResult Of(int status, string kind, string title, string detail, Dictionary<string, object?>? extensions = null) =>
        TypedResults.Problem(new ProblemDetails
        {
            Type = $"urn:heimdall:problem:{kind}",
            Title = title,
            Status = status,
            Detail = detail,
            Extensions = extensions ?? [],
        });

    /// <summary>400 that names each field that is wrong, as it is spelled in the request.</summary>
    public static ProblemHttpResult Invalid(IEnumerable<ContextProblem> problems)
    {
        var errors = problems
            .GroupBy(problem => problem.Path)
            .ToDictionary(field => field.Key, field => field.Select(problem => problem.Message).ToArray());
        var detail = string.Join(" ", errors.Select(field => $"{field.Key}: {string.Join(" ", field.Value)}"));
        return Of(StatusCodes.Status400BadRequest, "invalid-request", "The request is not valid.", detail, new() { ["errors"] = errors });
    }

    public static ProblemHttpResult NotFound(string detail) =>
        Of(StatusCodes.Status404NotFound, "not-found", "There is no such thing.", detail);

    public static ProblemHttpResult UnknownJob(Guid id) => NotFound($"There is no job {id}.");

    public static ProblemHttpResult NotAcceptable() => Of(
        StatusCodes.Status406NotAcceptable, "not-acceptable", "Not in this format.", $"Rows are served as {ResultFormat.Known}; the header Accept excludes all of them.");

    /// <summary>How an inline query that failed is told.</summary>
    public static ProblemHttpResult OfJob(Job job)
    {
        if (job.Status == JobStatus.Canceled)
        {
            return Of(
                StatusCodes.Status409Conflict, "canceled", "The query was cancelled.", $"Canceled by {job.CanceledBy}.", new() { ["id"] = job.Id });
        }
        var failure = job.Failure ?? new JobFailure { Kind = JobFailureKind.Internal, Message = "The job ended without saying why." };
        var status = FailureStatus.Of(failure);
        return Of(status, "job-failed", FailureStatus.Title(failure.Kind), failure.Message, Describe(job.Id, failure));
    }

    private static Dictionary<string, object?> Describe(Guid id, JobFailure failure)
    {
        var extensions = new Dictionary<string, object?> { ["id"] = id, ["error"] = failure.Message };
        if (failure.Errors is [var error, ..])
        {
            Add("sqlstate", error.SqlState);
            Add("error_detail", error.Detail);
            Add("hint", error.Hint);
            Add("position", error.Position);
            Add("line", error.Line);
            Add("column", error.Column);
            Add("statement", error.Statement);
            Add("context", error.Context);
        }
        extensions["retryable"] = FailureStatus.IsRetryable(failure);
        return extensions;

        void Add(string name, object? value)
        {
            if (value is not null)
            {
                extensions[name] = value;
            }
        }
    }
}
