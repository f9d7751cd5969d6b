namespace Heimdall.Core.Database;

/// <summary>Whether this process has seen the store with its schema up to date. Whatever needs the store waits here first.</summary>
public sealed class StoreReadiness
{
    private const string NotReached = "the store has not been reached since the start";

    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private volatile string _problem = NotReached;

    public bool IsReady => _ready.Task.IsCompletedSuccessfully;

    /// <summary>Why it has not. Anybody may read it.</summary>
    public string Reason => _problem;

    public Task WaitAsync(CancellationToken cancellationToken) => _ready.Task.WaitAsync(cancellationToken);

    internal void SetReady() => _ready.TrySetResult();

    /// <param name="problem">What the last try has found; it does not matter once the store is ready.</param>
    internal void SetProblem(string problem) => _problem = problem == StoreProblem.Silent ? NotReached : problem;
}
