using Heimdall.Core.Sharing;
using Heimdall.Tests.Schedules;
using NUnit.Framework;

namespace Heimdall.Tests.Sharing;

[FixtureLifeCycle(LifeCycle.InstancePerTestCase)]
public sealed class SharedAnswersTests
{
    private static readonly TimeSpan Age = TimeSpan.FromSeconds(1);

    private readonly ManualClock _clock = new(new DateTime(2026, 1, 31, 12, 0, 0, DateTimeKind.Utc));
    private readonly TaskCompletionSource<string> _answer = new();
    private int _asked;

    [Test]
    public async Task Who_asks_what_is_being_asked_shares_the_answer()
    {
        var answers = new SharedAnswers<string, string>(Age, _clock);

        var first = answers.GetAsync("who?", AskAsync);
        _clock.Now += 10 * Age; // however long it takes
        var second = answers.GetAsync("who?", AskAsync);
        var other = answers.GetAsync("what?", AskAsync);
        _answer.SetResult("me");

        Assert.That(await Task.WhenAll(first, second, other), Is.All.EqualTo("me"));
        Assert.That(_asked, Is.EqualTo(2), "two questions");
    }

    [Test]
    public async Task An_answer_is_shared_until_it_is_old()
    {
        var answers = new SharedAnswers<string, string>(Age, _clock);
        _answer.SetResult("me");

        await answers.GetAsync("who?", AskAsync);
        _clock.Now += Age - TimeSpan.FromTicks(1);
        await answers.GetAsync("who?", AskAsync);
        var young = _asked;
        _clock.Now += TimeSpan.FromTicks(1);
        await answers.GetAsync("who?", AskAsync);

        Assert.That((young, _asked), Is.EqualTo((1, 2)));
    }

    [Test]
    public async Task A_question_that_failed_is_asked_again_when_its_failure_is_old()
    {
        var answers = new SharedAnswers<string, string>(Age, _clock);

        Assert.That(() => answers.GetAsync("who?", () => throw new TimeoutException()), Throws.InstanceOf<TimeoutException>());
        Assert.That(() => answers.GetAsync("who?", AskAsync), Throws.InstanceOf<TimeoutException>());
        _clock.Now += Age;
        _answer.SetResult("me");

        Assert.That(await answers.GetAsync("who?", AskAsync), Is.EqualTo("me"));
    }

    [Test]
    public async Task A_failure_is_shared_for_a_second_however_long_answers_are()
    {
        var answers = new SharedAnswers<string, string>(TimeSpan.FromMinutes(1), _clock);
        _answer.SetResult("me");

        Assert.That(() => answers.GetAsync("who?", () => throw new TimeoutException()), Throws.InstanceOf<TimeoutException>());
        _clock.Now += TimeSpan.FromSeconds(1);

        Assert.That(await answers.GetAsync("who?", AskAsync), Is.EqualTo("me"));
        _clock.Now += TimeSpan.FromSeconds(59);
        await answers.GetAsync("who?", AskAsync);
        Assert.That(_asked, Is.EqualTo(1));
    }

    private Task<string> AskAsync()
    {
        _asked++;
        return _answer.Task;
    }
}
