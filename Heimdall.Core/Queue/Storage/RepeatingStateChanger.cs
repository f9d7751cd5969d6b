using Hangfire.Common;
using Hangfire.States;

namespace Heimdall.Core.Queue.Storage;

/// <summary>Changes states as Hangfire does, and decides again when somebody else was quicker.</summary>
public sealed class RepeatingStateChanger(IJobFilterProvider filters) : IBackgroundJobStateChanger
{
    /// <summary>Each try that fails is a change by somebody else, and an entry has few of them.</summary>
    private const int Tries = 10;

    /// <summary>Longer than somebody else may need who is at it.</summary>
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly BackgroundJobStateChanger _changer = new(filters);

    public IState ChangeState(StateChangeContext context)
    {
        for (var left = Tries; ; left--)
        {
            try
            {
                return _changer.ChangeState(context);
            }
            catch (EntryChangedException) when (left > 1)
            {
                Thread.Sleep(Pause); // Hangfire is synchronous
            }
        }
    }
}
