using System.Diagnostics;
using System.Runtime.CompilerServices;
using NUnit.Framework;
using NUnit.Framework.Constraints;

namespace Heimdall.Tests.Support;

/// <summary>Waits for what happens in another process: looks again until it is so, and fails at a deadline.</summary>
internal static class Eventually
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(60); // a busy machine is slow, and no time is a result
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan LongestPause = TimeSpan.FromMilliseconds(150);

    /// <returns>The value that satisfied the constraint.</returns>
    public static async Task<T> Becomes<T>(
        Func<Task<T>> look, Func<IResolveConstraint> constraint, CancellationToken cancellationToken, TimeSpan? deadline = null, [CallerArgumentExpression(nameof(look))] string what = "")
    {
        var started = Stopwatch.GetTimestamp();
        for (var pause = FirstPause; ; pause = pause < LongestPause ? pause * 1.5 : LongestPause)
        {
            var value = await look();
            var result = constraint().Resolve().ApplyTo(value);
            if (result.IsSuccess)
            {
                return value;
            }
            if (Stopwatch.GetElapsedTime(started) > (deadline ?? Deadline))
            {
                Assert.That(value, constraint(), $"still not so after {(deadline ?? Deadline).TotalSeconds} s: {what}");
            }
            await Task.Delay(pause, cancellationToken);
        }
    }

    public static Task Is(Func<Task<bool>> look, CancellationToken cancellationToken, TimeSpan? deadline = null, [CallerArgumentExpression(nameof(look))] string what = "") =>
        Becomes(look, () => NUnit.Framework.Is.True, cancellationToken, deadline, what);
}
