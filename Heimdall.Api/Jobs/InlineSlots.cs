using System.Collections.Concurrent;
using Heimdall.Api.Problems;
using Heimdall.Core.Configuration;

namespace Heimdall.Api.Jobs;

/// <summary>Counts what each caller has running within requests: queries, and questions about them. Each holds a session of a cluster.</summary>
internal sealed class InlineSlots(ServerConfig config)
{
    private readonly ConcurrentDictionary<string, int> _running = new(StringComparer.Ordinal);

    /// <summary>Answers a request of a user, or refuses it (429) when he has as many running as he may.</summary>
    public async Task<IResult> TakeAsync(HttpContext context, string user, Func<Task<IResult>> answerAsync)
    {
        try
        {
            if (_running.AddOrUpdate(user, 1, (_, count) => count + 1) <= config.MaxInlinePerCaller)
            {
                return await answerAsync();
            }
            context.Response.Headers.RetryAfter = "1";
            return Problem.Of(
                StatusCodes.Status429TooManyRequests, "too-many-queries", "Too many queries are running.",
                $"User '{user}' has {config.MaxInlinePerCaller} queries running, as many as this server allows.");
        }
        finally
        {
            // A user without running queries leaves no entry behind.
            if (_running.AddOrUpdate(user, 0, (_, count) => count - 1) == 0)
            {
                _running.TryRemove(new(user, 0));
            }
        }
    }
}
