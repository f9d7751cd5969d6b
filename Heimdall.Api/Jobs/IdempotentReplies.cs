using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Core.Jobs;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Jobs;

/// <summary>Answers submissions whose idempotency key has been used before: nothing is run or recorded again.</summary>
internal sealed class IdempotentReplies(IdempotencyStore keys)
{
    /// <summary>In an answer that is told again.</summary>
    public const string ReplayedHeader = "Idempotency-Replayed";

    private const string Soon = "1"; // seconds

    /// <param name="context">The request.</param>
    /// <param name="key">Its key.</param>
    /// <param name="answerAsync">Answers once more for jobs that are in the queue, or were.</param>
    /// <param name="cancellationToken">Ends the wait for the store.</param>
    /// <returns>The answer, or null when nobody has used the key.</returns>
    public async Task<IResult?> FindAsync(
        HttpContext context, IdempotencyKey key, Func<IReadOnlyList<Job>, Task<IResult>> answerAsync, CancellationToken cancellationToken)
    {
        if (await keys.FindAsync(key, cancellationToken) is not { } use)
        {
            return null;
        }
        if (!use.HasSameBody)
        {
            return Problem.Of(
                StatusCodes.Status422UnprocessableEntity, "idempotency-key-reused", "The key belongs to another request.",
                "You have sent this Idempotency-Key with another body. Send the same bytes again, or take a new key.");
        }
        // Their role may have become a smaller one since.
        if (use.Jobs.FirstOrDefault(job => !context.Sees(job)) is { } unseen)
        {
            return Problem.UnknownJob(unseen.Id);
        }
        if (use.Jobs is [{ IsSync: true } query])
        {
            return AlreadyRun(context, query);
        }
        context.Response.Headers[ReplayedHeader] = "true";
        return await answerAsync(use.Jobs);
    }

    /// <summary>The same once the key was found to be taken: by a call that is not done yet, where nobody is seen to have used it.</summary>
    public async Task<IResult> AnswerTakenAsync(
        HttpContext context, IdempotencyKey key, Func<IReadOnlyList<Job>, Task<IResult>> answerAsync, CancellationToken cancellationToken) =>
        await FindAsync(context, key, answerAsync, cancellationToken) ?? Outstanding(context);

    /// <summary>Its rows went into the first reply and are not stored, and to run it once more is what the key forbids.</summary>
    private static ProblemHttpResult AlreadyRun(HttpContext context, Job query)
    {
        var status = query.Status.ToName();
        if (!query.Status.IsFinal())
        {
            context.Response.Headers.RetryAfter = Soon;
        }
        var detail = query.Status.IsFinal()
            ? $"The query with this Idempotency-Key has run as job {query.Id} and ended {status}. Its rows were sent then and are not stored: take a new key to run it again."
            : $"The query with this Idempotency-Key runs as job {query.Id}, which is {status}.";
        return Problem.Of(
            StatusCodes.Status409Conflict, "already-run", "The query is not run twice.", detail, new() { ["id"] = query.Id, ["status_of_job"] = status });
    }

    private static ProblemHttpResult Outstanding(HttpContext context)
    {
        context.Response.Headers.RetryAfter = Soon;
        return Problem.Of(
            StatusCodes.Status409Conflict, "idempotency-key-outstanding", "The first request with this key is not done.",
            "A request with this Idempotency-Key is being recorded in this moment. Send yours again to have its answer.");
    }
}
