using NUnit.Framework;

namespace Heimdall.Tests.Support;

/// <summary>
/// How many processes of Heimdall the machine carries at once. A fixture says how many it needs, waits until so many are free, and has them
/// until it ends: see <see cref="RealProcessTests"/>. So the limits of a test, which begin after that, are not spent on waiting for others.
/// </summary>
internal static class ProcessBudget
{
    // A start costs some seconds of one core, and then a process costs little: all of them starting at once take some seconds.
    private static readonly int _places = 3 * Environment.ProcessorCount;

    private static readonly Lock _lock = new();
    private static readonly Queue<(int Places, TaskCompletionSource Granted)> _waiting = new();
    private static readonly Dictionary<string, Share> _shares = [];
    private static int _free = _places;

    /// <summary>Waits for a fixture's places. First come, first served, so that who needs many gets them.</summary>
    public static async Task TakeAsync(string fixture, int processes)
    {
        var places = Math.Min(processes, _places);
        TaskCompletionSource granted = new(TaskCreationOptions.RunContinuationsAsynchronously);
        lock (_lock)
        {
            _waiting.Enqueue((places, granted));
            Grant();
        }
        await granted.Task;
        lock (_lock)
        {
            _shares.Add(fixture, new Share(processes, places)); // a second fixture of this name would have to wait for its own place
        }
    }

    public static void Give(string fixture)
    {
        lock (_lock)
        {
            if (_shares.Remove(fixture, out var share))
            {
                _free += share.Places;
                Grant();
            }
        }
    }

    /// <summary>Starts a process of a test and counts it.</summary>
    /// <exception cref="InvalidOperationException">Its fixture has not asked for so many: none is started.</exception>
    public static HeimdallProcess Start(Func<HeimdallProcess> start)
    {
        var fixture = TestContext.CurrentContext.Test.ClassName!;
        lock (_lock)
        {
            var share = _shares.GetValueOrDefault(fixture)
                ?? throw new InvalidOperationException($"{fixture} starts a process: derive it from {nameof(RealProcessTests)}, or start a host in the tests' process.");
            share.Started.RemoveAll(started => started.HasExited);
            if (share.Started.Count == share.Processes)
            {
                throw new InvalidOperationException($"{fixture} starts a process beside {share.Processes} that run, and has asked for no more: see {nameof(RealProcessTests)}.");
            }
            var process = start();
            share.Started.Add(process);
            return process;
        }
    }

    private static void Grant()
    {
        while (_waiting.TryPeek(out var next) && next.Places <= _free)
        {
            _free -= next.Places;
            _waiting.Dequeue().Granted.SetResult();
        }
    }

    private sealed record Share(int Processes, int Places)
    {
        public List<HeimdallProcess> Started { get; } = [];
    }
}
