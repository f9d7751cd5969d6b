using System.Net.ServerSentEvents;
using System.Text;
using System.Text.Json.Nodes;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

/// <summary>A job is watched while a worker runs it.</summary>
[CancelAfter(120_000)]
public sealed class LiveTests() : RealProcessTests(processes: 1)
{
    private const string First = "NOTICE:  first (statement 1, line 1)";
    private const string Second = "NOTICE:  second (statement 3, line 1)";

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_watcher_sees_what_a_batch_does_while_it_does_it(CancellationToken cancellationToken)
    {
        var id = await StartAsync("watched", cancellationToken);
        await using var events = await WatchAsync(id, lastEventId: null, cancellationToken);

        var awaited = new HashSet<string> { "progress", "notice" }; // in either order
        var before = await events.UntilAsync(seen =>
            (seen.EventType == "notice" || (seen.EventType == "progress" && Field(seen, "statements") == "1")) && awaited.Remove(seen.EventType) && awaited.Count == 0);
        var status = (await _heimdall.JobAsync(id, cancellationToken))["status"];
        await _heimdall.OpenGateAsync("watched", cancellationToken);
        var after = await events.ToEndAsync();

        Assert.That(status, Is.EqualTo("RUNNING"));
        Assert.That(Lines(before, "notice"), Is.EqualTo(new[] { First }));
        Assert.That(Lines(after, "notice"), Is.EqualTo(new[] { Second }));
        Assert.That(Lines([.. before, .. after], "log"), Has.Length.EqualTo(3));
        Assert.That(after.Where(seen => seen.EventType == "status").Select(seen => Field(seen, "status")).Last(), Is.EqualTo("SUCCEEDED"));
        Assert.That(after[^1].EventType, Is.EqualTo("end"));
    }

    [Test]
    public async Task Who_comes_back_gets_what_he_has_not_seen(CancellationToken cancellationToken)
    {
        var id = await StartAsync("resumed", cancellationToken);
        SseItem<string> last;
        await using (var first = await WatchAsync(id, lastEventId: null, cancellationToken))
        {
            last = (await first.UntilAsync(seen => seen.EventType == "notice")).Last();
        }
        await _heimdall.OpenGateAsync("resumed", cancellationToken);
        await using var second = await WatchAsync(id, last.EventId, cancellationToken);

        var rest = await second.ToEndAsync();
        var again = await _heimdall.SendAsync(HttpMethod.Get, $"/api/v1/job/{id}/events", cancellationToken, null, ("Last-Event-ID", rest[^1].EventId!));

        Assert.That(Lines(rest, "notice"), Is.EqualTo(new[] { Second }));
        again.AssertStatus(204);
    }

    [Test]
    public async Task Who_comes_back_to_an_API_that_was_restarted_gets_what_he_has_not_seen(CancellationToken cancellationToken)
    {
        var id = await StartAsync("restarted", cancellationToken);
        SseItem<string> last;
        await using (var first = await WatchAsync(id, lastEventId: null, cancellationToken))
        {
            last = (await first.UntilAsync(seen => seen.EventType == "notice")).Last();
        }

        await _heimdall.RestartApiAsync();
        await using var second = await WatchAsync(id, last.EventId, cancellationToken);
        await _heimdall.OpenGateAsync("restarted", cancellationToken);
        var rest = await second.ToEndAsync();

        Assert.That(Lines(rest, "notice"), Is.EqualTo(new[] { Second }));
        Assert.That(rest[^1].EventType, Is.EqualTo("end"));
    }

    [Test]
    public async Task A_job_is_watched_at_another_API_process_than_that_which_took_it(CancellationToken cancellationToken)
    {
        await using var other = await SecondApi.StartAsync(_heimdall, cancellationToken);
        var id = await StartAsync("elsewhere", cancellationToken);
        await using var events = await WatchedJob.OpenAsync(other.Client, id, lastEventId: null, cancellationToken);
        using var follower = await other.Client.GetAsync($"/api/v1/job/{id}/stderr?follow=true", HttpCompletionOption.ResponseHeadersRead, cancellationToken);

        var before = await events.UntilAsync(seen => seen.EventType == "notice");
        await _heimdall.OpenGateAsync("elsewhere", cancellationToken);
        var after = await events.ToEndAsync();

        Assert.That((Lines(before, "notice").Single(), Lines(after, "notice").Single()), Is.EqualTo((First, Second)));
        Assert.That(Field(after.Last(seen => seen.EventType == "status"), "status"), Is.EqualTo("SUCCEEDED"));
        Assert.That(await follower.Content.ReadAsStringAsync(cancellationToken), Is.EqualTo($"{First}\n{Second}\n"));
    }

    [Test]
    public async Task Each_line_is_a_place_to_come_back_to(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync("do $$ begin for i in 1..50 loop raise notice '%', i; end loop; end $$", cancellationToken);
        await _heimdall.WaitForEndAsync(id, cancellationToken);
        await using var all = await WatchAsync(id, lastEventId: null, cancellationToken);
        var seen = await all.ToEndAsync();
        var notices = seen.Where(item => item.EventType == "notice").ToArray();

        for (var i = 0; i < notices.Length; i += 7)
        {
            await using var rest = await WatchAsync(id, notices[i].EventId, cancellationToken);
            Assert.That(Lines(await rest.ToEndAsync(), "notice"), Is.EqualTo(Lines(notices[(i + 1)..], "notice")), notices[i].EventId);
        }
        Assert.That(Lines(seen, "notice"), Is.EqualTo(Enumerable.Range(1, 50).Select(i => $"NOTICE:  {i} (statement 1, line 1)")));
    }

    [Test]
    public async Task A_log_can_be_followed(CancellationToken cancellationToken)
    {
        var id = await StartAsync("followed", cancellationToken);
        using var reply = await _heimdall.Client.GetAsync($"/api/v1/job/{id}/stderr?follow=true", HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        using var reader = new StreamReader(await reply.Content.ReadAsStreamAsync(cancellationToken));

        var first = await reader.ReadLineAsync(cancellationToken);
        await _heimdall.OpenGateAsync("followed", cancellationToken);
        var rest = await reader.ReadToEndAsync(cancellationToken);

        Assert.That((first, rest), Is.EqualTo((First, $"{Second}\n")));
        Assert.That((await _heimdall.GetAsync($"/api/v1/job/{id}/stderr", cancellationToken)).Text, Is.EqualTo($"{First}\n{Second}\n"));
    }

    [Test]
    public async Task A_log_that_is_over_is_followed_to_its_end(CancellationToken cancellationToken)
    {
        var id = await StartAsync("over", cancellationToken);
        using var follower = await _heimdall.Client.GetAsync($"/api/v1/job/{id}/stdout?follow=true", HttpCompletionOption.ResponseHeadersRead, cancellationToken);
        using var reader = new StreamReader(await follower.Content.ReadAsStreamAsync(cancellationToken));
        var first = await reader.ReadLineAsync(cancellationToken);
        await _heimdall.CancelAsync(id, cancellationToken);
        await _heimdall.WaitForStatusAsync(id, "CANCELED", cancellationToken);

        var rest = await reader.ReadToEndAsync(cancellationToken);
        var late = await _heimdall.GetAsync($"/api/v1/job/{id}/stdout?follow=true", cancellationToken);
        var plain = await _heimdall.GetAsync($"/api/v1/job/{id}/stdout", cancellationToken);

        Assert.That(($"{first}\n{rest}", late.Text), Is.EqualTo((plain.Text, plain.Text)));
    }

    [Test]
    public async Task A_followed_log_is_the_log_to_the_letter(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync("do $$ begin raise notice E'\\n\\na\\n' using hint = E'b\\n\\n'; end $$", cancellationToken);
        await _heimdall.WaitForEndAsync(id, cancellationToken);

        var followed = await _heimdall.GetAsync($"/api/v1/job/{id}/stderr?follow=true", cancellationToken);

        Assert.That(followed.Text, Is.EqualTo((await _heimdall.GetAsync($"/api/v1/job/{id}/stderr", cancellationToken)).Text).And.EndsWith("b\n\n\n"));
    }

    [TestCase("stdout")]
    [TestCase("stderr")]
    public async Task A_long_log_ends_with_a_line_that_says_so(string stream, CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync(
            stream == "stderr"
                ? "do $$ begin for i in 1..1200 loop raise notice '%', repeat('x', 1000); end loop; end $$"
                : string.Concat(Enumerable.Repeat("select 1;\n", 40_000)),
            cancellationToken);
        await _heimdall.WaitForEndAsync(id, cancellationToken, TimeSpan.FromSeconds(90));

        var log = await _heimdall.GetAsync($"/api/v1/job/{id}/{stream}", cancellationToken);

        Assert.That(log.Text, Does.EndWith("\n… more was left out: the log of an attempt holds 1024 KiB\n"));
        Assert.That(Encoding.UTF8.GetByteCount(log.Text), Is.InRange(1023 * 1024, 1025 * 1024));
    }

    [Test]
    public async Task A_long_log_says_where_it_was_cut(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync("do $$ begin for i in 1..1200 loop raise notice '%', repeat('x', 1000); end loop; end $$", cancellationToken);
        await using var events = await WatchAsync(id, lastEventId: null, cancellationToken);

        var notices = Lines(await events.ToEndAsync(), "notice");

        Assert.That(notices, Has.Length.InRange(900, 1100));
        Assert.That(notices[^1], Does.Contain("more was left out"));
    }

    [Test]
    public async Task A_job_that_waits_says_so_and_then_that_it_was_canceled(CancellationToken cancellationToken)
    {
        await using var idle = await HeimdallInstance.StartAsync(worker: false);
        var id = await idle.EnqueueAsync("select 1", cancellationToken);
        await using var events = await WatchedJob.OpenAsync(idle.Client, id, lastEventId: null, cancellationToken);

        var first = (await events.UntilAsync(seen => seen.EventType == "status")).Last();
        await idle.CancelAsync(id, cancellationToken);
        var rest = await events.ToEndAsync();

        Assert.That(Field(first, "status"), Is.EqualTo("ACCEPTED"));
        Assert.That(rest.Select(seen => seen.EventType), Is.EqualTo(new[] { "status", "end" }));
        Assert.That((Field(rest[0], "status"), Field(rest[0], "canceled_by")), Is.EqualTo(("CANCELED", "anonymous")));
    }

    [Test]
    public async Task A_process_that_stops_lets_its_watchers_go(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartProcessesAsync(worker: false);
        var id = await heimdall.EnqueueAsync("select 1", cancellationToken);
        await using var events = await WatchedJob.OpenAsync(heimdall.Client, id, lastEventId: null, cancellationToken);
        await events.UntilAsync(seen => seen.EventType == "status");
        using var follower = await heimdall.Client.GetAsync($"/api/v1/job/{id}/stdout?follow=true", HttpCompletionOption.ResponseHeadersRead, cancellationToken);

        await heimdall.Api!.TerminateAsync(cancellationToken);
        var rest = await events.ToEndAsync();

        Assert.That(rest.Select(seen => seen.EventType), Has.None.EqualTo("end"));
        Assert.That(async () => await follower.Content.ReadAsStringAsync(cancellationToken), Throws.InstanceOf<HttpRequestException>(), "a log that is not over is not ended");
        await heimdall.Api!.WaitForExitAsync(cancellationToken);
    }

    [Test]
    public async Task What_cannot_be_watched_is_refused(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync("select 1", cancellationToken);

        (await _heimdall.GetAsync($"/api/v1/job/{Guid.NewGuid()}/events", cancellationToken)).AssertProblem(404);
        (await _heimdall.GetAsync($"/api/v1/job/{Guid.NewGuid()}/stdout?follow=true", cancellationToken)).AssertProblem(404);
        (await _heimdall.GetAsync($"/api/v1/job/{id}/stdout?follow=yes", cancellationToken)).AssertProblem(400);
        (await _heimdall.GetAsync($"/api/v1/job/{id}/stdout?folow=true", cancellationToken)).AssertProblem(400);
        (await _heimdall.SendAsync(HttpMethod.Get, $"/api/v1/job/{id}/events", cancellationToken, null, ("Last-Event-ID", "yesterday"))).AssertProblem(400);
    }

    /// <returns>A job that has raised a notice, has done a statement, and waits at its gate with another notice behind it.</returns>
    private async Task<Guid> StartAsync(string name, CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync(name, cancellationToken);
        return await _heimdall.EnqueueAsync(
            $"do $$ begin raise notice 'first'; end $$; {HeimdallInstance.WaitAt(name)}; do $$ begin raise notice 'second'; end $$", cancellationToken, name);
    }

    private Task<WatchedJob> WatchAsync(Guid id, string? lastEventId, CancellationToken cancellationToken) =>
        WatchedJob.OpenAsync(_heimdall.Client, id, lastEventId, cancellationToken);

    private static string[] Lines(IEnumerable<SseItem<string>> events, string type) =>
        [.. events.Where(seen => seen.EventType == type).Select(seen => Field(seen, "line")!)];

    private static string? Field(SseItem<string> seen, string name) => JsonNode.Parse(seen.Data)![name]?.ToString();
}
