using Heimdall.Api.Callers;
using Heimdall.Api.Problems;
using Heimdall.Api.Requests;
using Heimdall.Core.Configuration;
using Microsoft.Extensions.Caching.Memory;

namespace Heimdall.Api.Jobs;

/// <summary>
/// Limits for each caller what writes a stored result to find out something of it: its chunks, and where a range of
/// bytes lies. A small request of these makes much work. How long a reply is, which never changes, is kept.
/// </summary>
internal sealed class RenderSlots(ServerConfig config) : IDisposable
{
    private const int MostLengths = 10_000;

    private readonly WaitingSlots _slots = new(_ => config.MaxInlinePerCaller);
    private readonly MemoryCache _lengths = new(new MemoryCacheOptions { SizeLimit = MostLengths });

    public void Dispose()
    {
        _slots.Dispose();
        _lengths.Dispose();
    }

    /// <summary>Answers a request, or refuses it (429) when the caller has as many as they may.</summary>
    public async Task<IResult> TakeAsync(HttpContext context, Func<Task<IResult>> answerAsync)
    {
        using var wait = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
        wait.CancelAfter(WaitingSlots.LongestWait);
        var user = context.CallerName();
        using var slot = await _slots.TryTakeAsync(user, wait.Token);
        if (slot is null)
        {
            context.Response.SetFull(RateLimits.PartsOfResults, config.MaxInlinePerCaller, retryAfter: 1);
            return Problem.Of(
                StatusCodes.Status429TooManyRequests, "too-many-queries", "Too many results are being read in parts.",
                $"User '{user}' has {config.MaxInlinePerCaller} requests for ranges or lists of chunks, as many as "
                + "this server allows (server.max_inline_per_caller).");
        }
        return await answerAsync();
    }

    /// <summary>How long a reply is.</summary>
    /// <param name="reply">All that decides it.</param>
    /// <param name="measureAsync">Finds it out where it is not known.</param>
    public async Task<long> LengthAsync(object reply, Func<Task<long>> measureAsync)
    {
        if (_lengths.TryGetValue(reply, out long known))
        {
            return known;
        }
        var length = await measureAsync();
        _lengths.Set(reply, length, new MemoryCacheEntryOptions { Size = 1 });
        return length;
    }
}
