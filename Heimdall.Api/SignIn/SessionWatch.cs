using Heimdall.Core.Configuration;
using Microsoft.AspNetCore.Authentication;

namespace Heimdall.Api.SignIn;

/// <summary>
/// Ends what a browser still waits for, such as the events of a job, when its session is over: it was asked for by
/// somebody who has signed out since, or whose session an admin has ended. A reply that has begun breaks off, as if the
/// client had gone; another one is 401.
/// </summary>
internal static class SessionWatch
{
    /// <summary>How long a request outlives its session at most. One that is shorter is never looked at.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromSeconds(15);

    private static readonly object _session = new();

    /// <summary>Notes the session that a request is known by.</summary>
    public static void Note(HttpContext context, byte[] keyHash) => context.Items[_session] = keyHash;

    public static void UseSessionWatch(this WebApplication app)
    {
        var store = app.Services.GetRequiredService<SessionStore>();
        var time = app.Services.GetRequiredService<TimeProvider>();
        var auth = app.Services.GetRequiredService<AuthConfig>();
        app.Use(async (context, next) =>
        {
            if (context.Items[_session] is not byte[] session)
            {
                await next(context);
                return;
            }
            var aborted = context.RequestAborted;
            using var ended = CancellationTokenSource.CreateLinkedTokenSource(aborted);
            using var answered = new CancellationTokenSource();
            context.RequestAborted = ended.Token;
            var watch = WatchAsync(context, session, ended, answered.Token);
            try
            {
                await next(context);
            }
            catch (OperationCanceledException) when (IsEnded())
            {
                // It is answered below.
            }
            finally
            {
                context.RequestAborted = aborted;
                await answered.CancelAsync();
                await watch;
            }
            if (!IsEnded())
            {
                return;
            }
            if (context.Response.HasStarted)
            {
                context.Abort(); // what was sent must not look like all of it
                return;
            }
            context.Response.Clear();
            await context.ChallengeAsync();

            bool IsEnded() => ended.IsCancellationRequested && !aborted.IsCancellationRequested;
        });

        async Task WatchAsync(
            HttpContext context, byte[] session, CancellationTokenSource ended, CancellationToken cancellationToken)
        {
            using var timer = new PeriodicTimer(Interval, time);
            try
            {
                while (await timer.WaitForNextTickAsync(cancellationToken))
                {
                    if (await IsOpenAsync(session, cancellationToken))
                    {
                        continue;
                    }
                    if (context.Response.HasStarted)
                    {
                        context.Abort();
                    }
                    else
                    {
                        await ended.CancelAsync();
                    }
                    return;
                }
            }
            catch (OperationCanceledException)
            {
                // It has been answered.
            }
        }

        async Task<bool> IsOpenAsync(byte[] session, CancellationToken cancellationToken)
        {
            try
            {
                return await store.IsOpenAsync(session, auth.Oidc!.IdleTimeout, cancellationToken);
            }
            catch (Exception exception) when (exception is Npgsql.NpgsqlException or TimeoutException)
            {
                return true; // a store that is away is asked again
            }
        }
    }
}
