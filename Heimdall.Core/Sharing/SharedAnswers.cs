namespace Heimdall.Core.Sharing;

/// <summary>Answers to questions that many may ask: who asks what is being asked, or was answered a moment ago, shares that answer.</summary>
/// <param name="age">For how long an answer is shared after it was given; a failure, for a second at most.</param>
/// <param name="time">The clock.</param>
internal sealed class SharedAnswers<TQuestion, TAnswer>(TimeSpan age, TimeProvider time)
    where TQuestion : notnull
{
    /// <summary>Long enough that the many who ask do not ask a store that is away again at once.</summary>
    private static readonly TimeSpan LongestFailure = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly Dictionary<TQuestion, SharedAnswer> _answers = [];

    /// <param name="question">The question.</param>
    /// <param name="askAsync">Asks it, for all who share the answer: it ends by itself, however many of them have gone.</param>
    public Task<TAnswer> GetAsync(TQuestion question, Func<Task<TAnswer>> askAsync)
    {
        SharedAnswer? answer;
        lock (_lock)
        {
            ForgetOld();
            if (!_answers.TryGetValue(question, out answer))
            {
                _answers[question] = answer = new SharedAnswer(askAsync, time);
            }
        }
        return answer.Task;
    }

    private void ForgetOld()
    {
        foreach (var (question, answer) in _answers)
        {
            if (answer.IsOlderThan(answer.HasFailed && age > LongestFailure ? LongestFailure : age))
            {
                _answers.Remove(question);
            }
        }
    }

    private sealed class SharedAnswer
    {
        private readonly TimeProvider _time;
        private readonly Lazy<Task<TAnswer>> _task;
        private long _givenAt;

        public SharedAnswer(Func<Task<TAnswer>> askAsync, TimeProvider time)
        {
            _time = time;
            _task = new(() => AskAsync(askAsync));
        }

        public Task<TAnswer> Task => _task.Value;

        public bool HasFailed => _task is { IsValueCreated: true, Value: { IsCompleted: true, IsCompletedSuccessfully: false } };

        public bool IsOlderThan(TimeSpan age) =>
            _task is { IsValueCreated: true, Value.IsCompleted: true } && _time.GetElapsedTime(Volatile.Read(ref _givenAt)) >= age;

        private async Task<TAnswer> AskAsync(Func<Task<TAnswer>> askAsync)
        {
            try
            {
                return await askAsync();
            }
            finally
            {
                Volatile.Write(ref _givenAt, _time.GetTimestamp());
            }
        }
    }
}
