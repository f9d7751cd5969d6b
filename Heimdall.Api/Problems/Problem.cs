using Heimdall.Api.Formats;
using Heimdall.Api.Serialization;
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
    /// <summary>A text that goes on and on is not read.</summary>
    private const int MostTold = 50;

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
        var faults = new FaultList();
        faults.AddAll(problems);
        return Invalid(faults);
    }

    /// <summary>400 that names each field that is wrong, as it is spelled in the request.</summary>
    public static ProblemHttpResult Invalid(FaultList faults)
    {
        var (detail, members) = Describe(faults);
        return Of(StatusCodes.Status400BadRequest, "invalid-request", "The request is not valid.", detail, members);
    }

    /// <summary>Faults as one text for a person, with the first of them, and by field for a program.</summary>
    public static (string Detail, Dictionary<string, object?> Members) Describe(FaultList faults)
    {
        var errors = faults.Named
            .GroupBy(problem => problem.Path)
            .ToDictionary(field => field.Key, field => field.Select(problem => problem.Message).ToArray());
        var detail = string.Join(" ", errors.Take(MostTold).Select(field => $"{field.Key}: {string.Join(" ", field.Value)}"));
        if (errors.Count > MostTold)
        {
            detail += $" And {errors.Count - MostTold} more, which are in 'errors'.";
        }
        return faults.LeftOut == 0
            ? (detail, new() { ["errors"] = errors })
            : ($"{detail} {faults.LeftOut} more faults are not named.",
                new() { ["errors"] = errors, ["errors_left_out"] = faults.LeftOut });
    }

    /// <summary>415 for a body that does not say that it is JSON.</summary>
    /// <param name="what">What is to be sent.</param>
    public static ProblemHttpResult NotJson(string what) => Of(
        StatusCodes.Status415UnsupportedMediaType, "unsupported-media-type", "The request is not JSON.", $"Send the {what} as 'Content-Type: application/json'.");

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
            var why = job.CanceledBy is { } user
                ? $"Canceled by {user}."
                : job.Failure?.Message ?? "Some of its children were cancelled.";
            return Of(
                StatusCodes.Status409Conflict, "canceled", "The query was cancelled.", why, new() { ["id"] = job.Id });
        }
        var failure = job.Failure ?? new JobFailure { Kind = JobFailureKind.Internal, Message = "The job ended without saying why." };
        return OfFailure(failure, new() { ["id"] = job.Id });
    }

    /// <summary>How a query failed, or would fail.</summary>
    /// <param name="failure">Why.</param>
    /// <param name="extensions">Other members; those of the failure are added.</param>
    public static ProblemHttpResult OfFailure(JobFailure failure, Dictionary<string, object?> extensions)
    {
        AddFailure(failure, extensions);
        return Of(FailureStatus.Of(failure), "job-failed", FailureStatus.Title(failure.Kind), failure.Message, extensions);
    }

    private static void AddFailure(JobFailure failure, Dictionary<string, object?> extensions)
    {
        extensions["error"] = failure.Message;
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
        extensions["retryable"] = failure.IsTransient;

        void Add(string name, object? value)
        {
            if (value is not null)
            {
                extensions[name] = value;
            }
        }
    }
}
