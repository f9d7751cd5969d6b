using System.ComponentModel.DataAnnotations;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Submission;
using Microsoft.AspNetCore.Http.Features;

namespace Heimdall.Api.Jobs;

/// <summary><c>POST /api/v1/job/{id}/retry</c>: runs a job that has ended again, as a new job that points at the old one.</summary>
internal static class RetryJob
{
    private const string FromStatement = "from_statement";
    private const string Secrets = "secrets";

    public static async Task<IResult> HandleAsync(
        Guid id, HttpContext context, JobStore jobs, JobRetrier retrier, JobSubmitter submitter, JobWait wait,
        CancellationToken cancellationToken)
    {
        if (context.Request.Headers.ContainsKey(IdempotencyHeader.Name))
        {
            // Whoever sends one relies on it; without it he would have two jobs.
            return Problem.Invalid([new(IdempotencyHeader.Name, "Is not taken here. After a lost answer, look for jobs whose retry_of is this one's id before you ask again.")]);
        }
        long? fromStatement = null;
        JsonObject? secrets = null;
        if (context.Features.Get<IHttpRequestBodyDetectionFeature>() is { CanHaveBody: true })
        {
            if (!context.Request.HasJsonContentType())
            {
                return Problem.NotJson("body");
            }
            using var body = await JsonBody.ParseAsync(context.Request.Body, cancellationToken);
            (fromStatement, secrets, var problems) = Read(body.RootElement);
            if (problems.Count > 0)
            {
                return Problem.Invalid(problems);
            }
        }
        if (await jobs.FindPlaceAsync(id, cancellationToken) is not { } place)
        {
            return Problem.UnknownJob(id);
        }
        if (JobAccess.Refuse(context, id, place, Right.RetryJobs) is { } refusal)
        {
            return refusal;
        }
        var caller = context.Caller();
        var scopes = caller.Rights.ScopesOf(Right.RetryJobs, ofOthers: place.Owner != caller.Name);
        var retry = await retrier.PrepareAsync(id, caller.Name, scopes, fromStatement, secrets, cancellationToken);
        if (retry is { New.Count: > 0, LeftHooks: { Count: > 0 } left })
        {
            context.Response.Headers[HeaderList.HooksLeftOut] = string.Join(", ", left);
        }
        return retry switch
        {
            null => Problem.UnknownJob(id),
            { New: { Count: > 0 } again } => (await SubmitJob.EnqueueAsync(
                context, submitter, wait, again, key: null, Preferences.Read(context.Request), cancellationToken))!,
            { Routing: { } routing } => RoutingProblem.Of(context, routing.Outcome, routing.Reason!),
            { Old: var old, Conflict: var conflict } => Problem.Of(
                StatusCodes.Status409Conflict, "cannot-retry", "The job cannot be run again so.", conflict!,
                new() { ["id"] = id, ["status_of_job"] = old.Status.ToName() }),
        };
    }

    private static (long? FromStatement, JsonObject? Secrets, FaultList Problems) Read(JsonElement body)
    {
        var problems = new FaultList();
        problems.AddAll(UnreadableText.Find(body, ""));
        if (problems.Count > 0)
        {
            return (null, null, problems);
        }
        if (body.ValueKind != JsonValueKind.Object)
        {
            problems.Add(new("body", "Must be a JSON object."));
            return (null, null, problems);
        }
        long? fromStatement = null;
        JsonObject? secrets = null;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var field in body.EnumerateObject())
        {
            if (field.Name is not (FromStatement or Secrets))
            {
                problems.Add(new(
                    field.Name,
                    $"Unknown field. Known are: {FromStatement}, {Secrets}."
                    + NearestWord.Ask(field.Name, [FromStatement, Secrets])));
            }
            else if (!seen.Add(field.Name))
            {
                problems.Add(new(field.Name, "Given more than once."));
            }
            else if (field.Name == Secrets)
            {
                secrets = ReadSecrets(field.Value, problems);
            }
            else if (long.TryParse(field.Value.GetRawText(), NumberStyles.None, CultureInfo.InvariantCulture, out var number) && number is > 0 and <= int.MaxValue)
            {
                fromStatement = number;
            }
            else if (field.Value.ValueKind != JsonValueKind.Null)
            {
                problems.Add(new(FromStatement, "Must be the number of a statement, from 1."));
            }
        }
        return (fromStatement, secrets, problems);
    }

    private static JsonObject? ReadSecrets(JsonElement value, FaultList problems)
    {
        if (value.ValueKind == JsonValueKind.Null)
        {
            return null;
        }
        if (value.ValueKind != JsonValueKind.Object)
        {
            problems.Add(new(Secrets, "Must be an object of values, by the names of the job's secrets."));
            return null;
        }
        var secrets = new JsonObject();
        foreach (var secret in value.EnumerateObject())
        {
            if (!secrets.TryAdd(secret.Name, JsonNode.Parse(secret.Value.GetRawText())))
            {
                problems.Add(new($"{Secrets}.{secret.Name}", "Given more than once."));
            }
        }
        return secrets;
    }
}

/// <summary>The body of <c>POST …/retry</c>, for its description.</summary>
internal sealed record RetryJobRequest(
    [property: Range(1, int.MaxValue)] long? FromStatement, JsonObject? Secrets);
