using System.Net.Http.Json;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Core.Hooks;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Hooks;

/// <summary>The end of a job is told to hooks, whatever the receiver does. The receiver is a real server.</summary>
[CancelAfter(120_000)]
public sealed class HookTests
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string PublicUrl = "http://127.0.0.1:9090/db";
    private const string OldSecret = "whsec_b2xkLW9sZC1vbGQtb2xkLW9sZC1vbGQtb2xkLW9sZA==";

    private HookReceiver _receiver = null!;
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _receiver = new HookReceiver();
        string Webhook(string id, string more = "") =>
            $"{{id: {id}, url: \"{_receiver.UrlOf(id)}\", secrets: [\"{Secret}\", \"{OldSecret}\"]{more}}}";
        string[] receivers =
        [
            Webhook("plain"), Webhook("failing"), Webhook("silent"), Webhook("breaking"), Webhook("gone"),
            Webhook("redirecting"), Webhook("dead"), Webhook("late"), Webhook("again"),
            Webhook("dated"), Webhook("of-command"), Webhook("of-schedule"), Webhook("leaving"), Webhook("talkative"),
            Webhook("mine", ", allowed_callers: [alice]"),
            Webhook(
                "subscribed",
                ", events: [job.ended], statuses: [FAILED], commands: [watched], cluster_tags: [data:local]"),
            $"{{id: by-name, url: \"http://localhost:{_receiver.Port}/by-name\", secrets: [\"{Secret}\"]}}",
            $"{{id: slack, kind: slack, url: \"{_receiver.UrlOf("slack")}\"}}",
        ];
        _heimdall = await HeimdallInstance.StartAsync(config => (config with
        {
            Server = $"public_url: \"{PublicUrl}\"",
            Hooks = "allow: [127.0.0.2, localhost], retry_after: 50ms, timeout: 2s, "
                + $"receivers: [{string.Join(", ", receivers)}]",
        }).WithCommand("watched", "type:watched")
            .WithCommand("told", "type:told", ", on_end: [{hook: of-command, on: [SUCCEEDED]}]")
            .WithSchedule(
                "told",
                "cron: 0 0 1 1 *, command_criteria: [\"_id:postgres-0.0.1\"], cluster_criteria: [\"_id:postgres\"], "
                    + "context: {query: select 1}, on_end: [{hook: of-schedule}]"));
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        await _receiver.DisposeAsync();
    }

    [Test]
    public async Task The_end_of_a_batch_is_told_with_a_signature(CancellationToken cancellationToken)
    {
        var job = await SubmitAsync("select 1/0", "signed", "plain", [], cancellationToken);

        var message = await ReceiveAsync("plain", job, cancellationToken);

        Assert.That(message.Type, Is.EqualTo("job.ended"));
        Assert.That(message.Text("status"), Is.EqualTo("FAILED"));
        Assert.That(message.Text("name"), Is.EqualTo("signed"));
        Assert.That(message.Text("sqlstate"), Is.EqualTo("22012"));
        Assert.That(message.Text("error"), Does.Contain("division by zero"));
        Assert.That(message.Text("cluster_id"), Is.EqualTo("postgres"));
        Assert.That(message.Text("url"), Is.EqualTo($"{PublicUrl}/api/v1/job/{job}"));
        Assert.That(message.Text("page"), Is.EqualTo($"{PublicUrl}/hangfire/sql/jobs/{job}"));
        Assert.That(message.Body, Does.Not.Contain("1/0"), "no SQL");
        Assert.That(message.Body, Does.Not.Contain(HeimdallInstance.Canary));
        Assert.That(message.Headers["webhook-signature"].Split(' '),
            Is.EqualTo(new[] { Signature(message, Secret), Signature(message, OldSecret) }));
        var sent = DateTimeOffset.FromUnixTimeSeconds(long.Parse(message.Headers["webhook-timestamp"], provider: null));
        Assert.That(sent, Is.EqualTo(DateTimeOffset.UtcNow).Within(TimeSpan.FromMinutes(5)), "as receivers demand");
    }

    [Test]
    public async Task A_hook_is_told_of_the_ends_that_it_asks_for(CancellationToken cancellationToken)
    {
        var good = await SubmitAsync("select 1", "good", "plain", ["FAILED", "KILLED"], cancellationToken);
        await _heimdall.WaitForStatusAsync(good, "SUCCEEDED", cancellationToken);

        var bad = await SubmitAsync("select 1/0", "bad", "plain", ["FAILED", "KILLED"], cancellationToken);

        await ReceiveAsync("plain", bad, cancellationToken);
        Assert.That(await CountAsync(good, cancellationToken), Is.Zero);
        Assert.That((await _heimdall.JobAsync(bad, cancellationToken)).Json.GetProperty("on_end").ToString(),
            Is.EqualTo("""[{"hook":"plain","on":["FAILED","KILLED"]}]"""));
    }

    [Test]
    public async Task An_inline_query_tells_too(CancellationToken cancellationToken)
    {
        var reply = await PostAsync(
            "select 7 as seven", "inline", returnResult: true, [new { hook = "plain" }], cancellationToken);
        reply.AssertStatus(200);

        var message = await ReceiveAsync("plain", reply.Id, cancellationToken);

        Assert.That(message.Text("status"), Is.EqualTo("SUCCEEDED"));
        Assert.That(message.Data.GetProperty("row_count").GetInt64(), Is.EqualTo(1));
    }

    [Test]
    public async Task A_job_that_never_ran_tells_how_it_ended(CancellationToken cancellationToken)
    {
        var later = DateTimeOffset.UtcNow.AddHours(1);
        var body = Body("select 1", "never", returnResult: false, [new { hook = "plain" }]);
        body["start_after"] = later;
        var canceled = (await PostAsync(body, cancellationToken)).AssertStatus(202).Id;
        var dependent = Body("select 1", "dependent", returnResult: false, [new { hook = "plain" }]);
        dependent["after"] = new[] { canceled };
        var unmet = (await PostAsync(dependent, cancellationToken)).AssertStatus(202).Id;

        await _heimdall.CancelAsync(canceled, cancellationToken);

        Assert.That((await ReceiveAsync("plain", canceled, cancellationToken)).Text("status"), Is.EqualTo("CANCELED"));
        Assert.That((await ReceiveAsync("plain", unmet, cancellationToken)).Text("status"), Is.EqualTo("CANCELED"));
    }

    [Test]
    public async Task A_command_a_schedule_and_a_subscription_name_hooks(CancellationToken cancellationToken)
    {
        var ofCommand = await EnqueueAsync("select 1", "type:told");
        var watched = await EnqueueAsync("select 1/0", "type:watched");
        var unwatched = await EnqueueAsync("select 1/0", "type:postgres");
        (await _heimdall.SendAsync(HttpMethod.Post, "/api/v1/schedule/told/trigger", cancellationToken))
            .AssertStatus(202);

        await ReceiveAsync("of-command", ofCommand, cancellationToken);
        await ReceiveAsync("subscribed", watched, cancellationToken);
        var ofSchedule = await Eventually.Becomes(
            () => Task.FromResult(_receiver.At("of-schedule")), () => Has.Length.EqualTo(1), cancellationToken);

        Assert.That(ofSchedule[0].Text("schedule"), Is.EqualTo("told"));
        await _heimdall.WaitForStatusAsync(unwatched, "FAILED", cancellationToken);
        Assert.That(await CountAsync(unwatched, cancellationToken), Is.Zero, "a job without hooks writes nothing");

        async Task<Guid> EnqueueAsync(string query, string command) =>
            (await _heimdall.SubmitAsync(query, returnResult: false, cancellationToken, command: command)).Id;
    }

    [Test]
    public async Task What_fails_is_sent_again_with_the_same_id_and_body(CancellationToken cancellationToken)
    {
        _receiver.On("failing", (_, number) => new HookAnswer(number < 3 ? 500 : 204, number < 3 ? "not now" : ""));

        var job = await SubmitAsync("select 1", "failing", "failing", [], cancellationToken);

        var delivery = await WaitForAsync(job, "DELIVERED", cancellationToken);
        var sent = _receiver.At("failing");
        Assert.That(sent, Has.Length.EqualTo(3));
        Assert.That(sent.Select(message => (message.Id, message.Body)).Distinct().Count(), Is.EqualTo(1));
        Assert.That(sent[0].Id, Is.EqualTo(delivery["id"]));
        var tries = delivery.Json.GetProperty("tries").EnumerateArray().ToArray();
        Assert.That(tries.Select(one => one.GetProperty("status").GetInt32()), Is.EqualTo(new[] { 500, 500, 204 }));
        Assert.That(tries[0].GetProperty("reply").GetString(), Is.EqualTo("not now"));
        Assert.That(tries[0].GetProperty("error").GetString(), Is.EqualTo("The receiver answered 500."));
    }

    [Test]
    public async Task A_receiver_that_is_silent_holds_up_no_other(CancellationToken cancellationToken)
    {
        var mayAnswer = false;
        _receiver.On("silent", (_, _) => mayAnswer ? new HookAnswer(200) : HookAnswer.Silence);
        var stuck = new List<Guid>();
        for (var count = 0; count < 20; count++)
        {
            stuck.Add(await SubmitAsync("select 1", "stuck", "silent", [], cancellationToken));
        }
        await Eventually.Is(() => Task.FromResult(_receiver.At("silent").Length > 0), cancellationToken);

        var job = await SubmitAsync("select 1", "free", "plain", [], cancellationToken);

        await ReceiveAsync("plain", job, cancellationToken);
        Assert.That((await FindAsync(stuck[0], cancellationToken))["status"], Is.EqualTo("PENDING"));
        mayAnswer = true;
        foreach (var one in stuck)
        {
            await WaitForAsync(one, "DELIVERED", cancellationToken);
        }
        var late = (await FindAsync(stuck[0], cancellationToken)).Json.GetProperty("tries")[0];
        Assert.That(late.GetProperty("error").GetString(), Is.EqualTo("The receiver did not answer within 2 s."));
    }

    [Test]
    public async Task A_connection_that_breaks_off_is_a_failure(CancellationToken cancellationToken)
    {
        _receiver.On("breaking", (_, number) => number == 1 ? HookAnswer.BreakOff : new HookAnswer(200));

        var job = await SubmitAsync("select 1", "breaking", "breaking", [], cancellationToken);

        var delivery = await WaitForAsync(job, "DELIVERED", cancellationToken);
        Assert.That(_receiver.At("breaking"), Has.Length.EqualTo(2));
        Assert.That(delivery.Json.GetProperty("tries")[0].GetProperty("error").GetString(), Does.Contain("connection"));
    }

    [Test]
    public async Task A_receiver_that_is_gone_is_left_alone_until_asked(CancellationToken cancellationToken)
    {
        _receiver.On("gone", (_, number) => new HookAnswer(number == 1 ? 410 : 200));
        var job = await SubmitAsync("select 1", "gone", "gone", [], cancellationToken);
        var dead = await WaitForAsync(job, "DEAD", cancellationToken);

        var path = $"/api/v1/hooks/deliveries/{dead["id"]}/redeliver";
        (await _heimdall.SendAsync(HttpMethod.Post, path, cancellationToken)).AssertStatus(202);

        var delivered = await WaitForAsync(job, "DELIVERED", cancellationToken);
        Assert.That(delivered["attempts"], Is.EqualTo("2"));
        Assert.That(_receiver.At("gone").Select(message => message.Id).Distinct(), Is.EqualTo(new[] { dead["id"] }));
        var audit = await _heimdall.GetAsync($"/api/v1/audit?target=delivery/{dead["id"]}", cancellationToken);
        Assert.That(audit.Json.GetProperty("data")[0].GetProperty("outcome").GetString(), Is.EqualTo("DONE"));
    }

    [Test]
    public async Task To_a_receiver_that_is_gone_nothing_is_sent_until_it_takes_a_message(
        CancellationToken cancellationToken)
    {
        _receiver.On("leaving", (_, number) => new HookAnswer(number == 1 ? 410 : 200));
        var first = await SubmitAsync("select 1", "leaving", "leaving", [], cancellationToken);
        var dead = await WaitForAsync(first, "DEAD", cancellationToken);
        var second = await SubmitAsync("select 1", "leaving", "leaving", [], cancellationToken);
        var unsent = await WaitForAsync(second, "DEAD", cancellationToken);

        Assert.That(unsent.Json.GetProperty("tries")[0].GetProperty("error").GetString(), Does.Contain("410"));
        Assert.That(_receiver.At("leaving"), Has.Length.EqualTo(1));
        Assert.That(await GoneSinceAsync(), Is.Not.Null);
        var page = await _heimdall.GetAsync("/hangfire/sql/hooks", cancellationToken);
        Assert.That(page.AssertStatus(200).Text, Does.Contain("GONE"));

        var path = $"/api/v1/hooks/deliveries/{unsent["id"]}/redeliver";
        (await _heimdall.SendAsync(HttpMethod.Post, path, cancellationToken)).AssertStatus(202);
        await WaitForAsync(second, "DELIVERED", cancellationToken);
        var third = await SubmitAsync("select 1", "leaving", "leaving", [], cancellationToken);

        await WaitForAsync(third, "DELIVERED", cancellationToken);
        Assert.That(await GoneSinceAsync(), Is.Null);
        Assert.That(dead["attempts"], Is.EqualTo("1"));

        async Task<string?> GoneSinceAsync()
        {
            var hooks = (await _heimdall.GetAsync("/api/v1/hooks", cancellationToken)).AssertStatus(200);
            var leaving = hooks.Json.EnumerateArray().Single(hook => hook.GetProperty("id").GetString() == "leaving");
            return leaving.TryGetProperty("gone_since", out var since) ? since.GetString() : null;
        }
    }

    [Test]
    public async Task A_list_of_messages_has_no_answers_and_a_message_has(CancellationToken cancellationToken)
    {
        _receiver.On("talkative", (_, number) => new HookAnswer(number == 1 ? 500 : 200, "an answer"));
        var job = await SubmitAsync("select 1", "talkative", "talkative", [], cancellationToken);
        var delivery = await WaitForAsync(job, "DELIVERED", cancellationToken);

        var list = (await _heimdall.GetAsync($"/api/v1/hooks/deliveries?job={job}", cancellationToken))
            .AssertStatus(200);
        var stored = await _heimdall.ApiServices.GetRequiredService<DeliveryStore>().ListAsync(
            new DeliveryFilter { JobId = job }, cancellationToken);

        Assert.That(delivery.Text, Does.Contain("an answer"));
        Assert.That(list.Text, Does.Contain($"{delivery["id"]}").And.Not.Contain("an answer"));
        var listed = stored.Deliveries.Single();
        Assert.That(
            (listed.Tries.Single().Number, listed.Tries[0].Reply, listed.Data.Count),
            Is.EqualTo((2, (string?)null, 0)));
    }

    [Test]
    public async Task A_retry_leaves_out_hooks_that_have_left_the_file(CancellationToken cancellationToken)
    {
        var job = await SubmitAsync("select 1/0", "left", "plain", ["FAILED"], cancellationToken);
        await _heimdall.WaitForStatusAsync(job, "FAILED", cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            """
            update heimdall.job set on_end = '[{"hook": "plain", "on": ["FAILED"]}, {"hook": "left-the-file"}]'
            where id = $1
            """,
            cancellationToken, job);
        await WriteProcessAsync("nothing", cancellationToken);

        var again = (await _heimdall.SendAsync(HttpMethod.Post, $"/api/v1/job/{job}/retry", cancellationToken))
            .AssertStatus(202);

        Assert.That(again.Header("Heimdall-Hooks-Left-Out"), Is.EqualTo("left-the-file"));
        Assert.That(
            again.Json.GetProperty("on_end").ToString(), Does.Contain("plain").And.Not.Contain("left-the-file"));
        var page = await _heimdall.GetAsync($"/hangfire/sql/jobs/{again.Id}", cancellationToken);
        Assert.That(page.AssertStatus(200).Text, Does.Contain("left-the-file: in no file any more"));
        await ReceiveAsync("plain", again.Id, cancellationToken);
        var messages = await _heimdall.GetAsync($"/api/v1/job/{again.Id}/deliveries", cancellationToken);
        Assert.That(messages.Json.GetArrayLength(), Is.EqualTo(1));
    }

    [Test]
    public async Task A_retry_keeps_hooks_that_another_process_has(CancellationToken cancellationToken)
    {
        var job = await SubmitAsync("select 1/0", "kept", "plain", ["FAILED"], cancellationToken);
        await _heimdall.WaitForStatusAsync(job, "FAILED", cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            "update heimdall.job set on_end = '[{\"hook\": \"of-another\"}, {\"hook\": \"of-no-file\"}]' where id = $1",
            cancellationToken, job);
        await WriteProcessAsync("of-another", cancellationToken);

        var again = (await _heimdall.SendAsync(HttpMethod.Post, $"/api/v1/job/{job}/retry", cancellationToken))
            .AssertStatus(202);

        Assert.That(again.Header("Heimdall-Hooks-Left-Out"), Is.EqualTo("of-no-file"));
        Assert.That(
            again.Json.GetProperty("on_end").ToString(), Does.Contain("of-another").And.Not.Contain("of-no-file"));
    }

    /// <summary>As one would that has lived for long, and has a hook in its file.</summary>
    private Task WriteProcessAsync(string hook, CancellationToken cancellationToken) => _heimdall.Store.ExecuteAsync(
        """
        insert into heimdall.worker (id, name, clusters, commands, concurrency, started_at, lease, file_hooks)
        values (gen_random_uuid(), 'other', '{}', '{}', 0, now() - interval '1 hour', interval '1 day', array[$1])
        """,
        cancellationToken, hook);

    [TestCase("http://169.254.169.254/latest/meta-data/")]
    [TestCase("http://127.0.0.1:{port}/secret")]
    [TestCase("https://example.org/")]
    public async Task A_redirect_is_not_followed(string location, CancellationToken cancellationToken)
    {
        var target = location.Replace("{port}", $"{_receiver.Port}", StringComparison.Ordinal);
        _receiver.On("redirecting", (_, _) => new HookAnswer(307, Headers: $"Location: {target}\r\n"));

        var job = await SubmitAsync("select 1", "redirecting", "redirecting", [], cancellationToken);

        var delivery = await Eventually.Becomes(
            () => FindAsync(job, cancellationToken), () => Has.Property("Text").Contain("redirects are not followed"),
            cancellationToken);
        Assert.That(delivery["status"], Is.EqualTo("PENDING"));
        Assert.That(_receiver.At("secret"), Is.Empty);
    }

    [Test]
    public async Task A_name_that_leads_to_loopback_is_refused(CancellationToken cancellationToken)
    {
        var job = await SubmitAsync("select 1", "by name", "by-name", [], cancellationToken);

        var delivery = await Eventually.Becomes(
            () => FindAsync(job, cancellationToken), () => Has.Property("Text").Contain("is not public"),
            cancellationToken);

        Assert.That(delivery["error"], Does.StartWith("localhost leads to "));
        Assert.That(_receiver.At("by-name"), Is.Empty);
    }

    [Test]
    public async Task What_is_not_delivered_in_time_is_dead(CancellationToken cancellationToken)
    {
        _receiver.On("dead", (_, _) => new HookAnswer(503));
        var job = await SubmitAsync("select 1", "dead", "dead", [], cancellationToken);
        await Eventually.Is(() => Task.FromResult(_receiver.At("dead").Length > 0), cancellationToken);

        await _heimdall.Store.ExecuteAsync(
            """
            update heimdall.hook_delivery set give_up_at = now(), next_at = now()
            where job_id = $1 and status = 'PENDING'
            """,
            cancellationToken, job);

        await WaitForAsync(job, "DEAD", cancellationToken);
        var hooks = await _heimdall.GetAsync("/api/v1/hooks", cancellationToken);
        var counted = hooks.Json.EnumerateArray().Single(hook => hook.GetProperty("id").GetString() == "dead");
        Assert.That(counted.GetProperty("dead_lately").GetInt64(), Is.EqualTo(1));
        Assert.That(hooks.Text, Does.Not.Contain("whsec_").And.Not.Contain("/dead\""), "neither secrets nor paths");
    }

    [Test]
    public async Task What_nobody_could_try_for_days_is_tried_as_if_it_were_new(CancellationToken cancellationToken)
    {
        _receiver.On("late", (_, number) => new HookAnswer(number == 1 ? 503 : 200));

        var id = await WriteAsync("late", "now() - interval '3 days'", cancellationToken);

        await Eventually.Is(() => IsAsync(id, "DELIVERED", cancellationToken), cancellationToken);
        Assert.That(_receiver.At("late"), Has.Length.EqualTo(2));
    }

    [Test]
    public async Task Only_what_no_process_has_a_hook_for_is_given_up_untried(CancellationToken cancellationToken)
    {
        await WriteProcessAsync("elsewhere", cancellationToken);
        var known = await WriteAsync("elsewhere", "now() - interval '8 days'", cancellationToken);
        var lately = await WriteAsync("nowhere", "now() - interval '3 days'", cancellationToken);
        var old = await WriteAsync("nowhere", "now() - interval '8 days'", cancellationToken);

        await _heimdall.ApiServices.GetRequiredService<HookDelivery>().GiveUpLeftAsync(cancellationToken);

        Assert.That(await IsAsync(known, "PENDING", cancellationToken), Is.True, "another process may send it");
        Assert.That(await IsAsync(lately, "PENDING", cancellationToken), Is.True, "its hook may come back");
        Assert.That(await IsAsync(old, "DEAD", cancellationToken), Is.True);
        Assert.That(
            _heimdall.Logs, Has.Some.Contains($"Message {old} to hook nowhere is given up: no process has that hook"));
    }

    [Test]
    public async Task A_message_that_is_sent_again_has_its_first_pauses_again(CancellationToken cancellationToken)
    {
        _receiver.On("again", (_, number) => new HookAnswer(number == 1 ? 500 : 200));
        var id = await WriteAsync("again", "now()", cancellationToken, "DEAD", attempts: 12);

        var path = $"/api/v1/hooks/deliveries/{id}/redeliver";
        (await _heimdall.SendAsync(HttpMethod.Post, path, cancellationToken)).AssertStatus(202);

        await Eventually.Is(() => IsAsync(id, "DELIVERED", cancellationToken), cancellationToken);
        var delivery = await _heimdall.GetAsync($"/api/v1/hooks/deliveries/{id}", cancellationToken);
        Assert.That(delivery["attempts"], Is.EqualTo("14"), "they are counted on");
    }

    [Test]
    public async Task A_receiver_may_say_by_a_date_when_it_wants_the_next_attempt(CancellationToken cancellationToken)
    {
        var until = DateTime.UtcNow.AddHours(1).ToString("R", System.Globalization.CultureInfo.InvariantCulture);
        _receiver.On("dated", (_, _) => new HookAnswer(503, Headers: $"Retry-After: {until}\r\n"));

        var id = await WriteAsync("dated", "now()", cancellationToken);

        await Eventually.Is(
            () => _heimdall.Store.ScalarAsync<bool>(
                """
                select status = 'PENDING' and jsonb_array_length(tries) = 1 and next_at > now() + interval '30 min'
                from heimdall.hook_delivery where id = $1
                """,
                cancellationToken, id),
            cancellationToken);
    }

    [Test]
    public async Task A_reply_that_the_store_cannot_keep_is_left_out(CancellationToken cancellationToken)
    {
        var outbox = _heimdall.ApiServices.GetRequiredService<HookOutbox>();
        var id = await WriteAsync("nobody", "now()", cancellationToken);
        var message = (await outbox.ClaimAsync("nobody", 1, cancellationToken)).Single();

        await outbox.EndAsync(
            message, new DeliveryAttempt { Number = 1, Status = 200, Reply = "\0" }, DeliveryStatus.Delivered,
            TimeSpan.Zero);

        Assert.That(await IsAsync(id, "DELIVERED", cancellationToken), Is.True);
    }

    [Test]
    public async Task A_message_that_was_not_sent_does_not_have_a_receiver_gone_that_is_back(
        CancellationToken cancellationToken)
    {
        var outbox = _heimdall.ApiServices.GetRequiredService<HookOutbox>();
        await WriteGoneAsync("back", cancellationToken);
        await WriteOfJobAsync("back", cancellationToken);
        var unsent = (await outbox.ClaimAsync("back", 1, cancellationToken)).Single();
        await WriteAsync("back", "now()", cancellationToken);
        var taken = (await outbox.ClaimAsync("back", 1, cancellationToken)).Single();

        await outbox.EndAsync(taken, new DeliveryAttempt { Number = 1 }, DeliveryStatus.Delivered, TimeSpan.Zero);
        await outbox.EndAsync(
            unsent, new DeliveryAttempt { Number = 1, IsFinal = true }, DeliveryStatus.Dead, TimeSpan.Zero);

        Assert.That((unsent.IsUnwanted, taken.IsUnwanted), Is.EqualTo((true, false)));
        Assert.That(
            await _heimdall.Store.ScalarAsync<long>(
                "select count(*) from heimdall.hook_state where subject = 'hook/back'", cancellationToken),
            Is.Zero);
    }

    [Test]
    public async Task A_message_that_was_never_tried_is_tried_when_somebody_asks(CancellationToken cancellationToken)
    {
        var outbox = _heimdall.ApiServices.GetRequiredService<HookOutbox>();
        await WriteGoneAsync("untried", cancellationToken);
        var id = await WriteOfJobAsync("untried", cancellationToken);
        var path = $"/api/v1/hooks/deliveries/{id}/redeliver";

        (await _heimdall.SendAsync(HttpMethod.Post, path, cancellationToken)).AssertStatus(202);

        var claimed = (await outbox.ClaimAsync("untried", 1, cancellationToken)).Single();
        Assert.That((claimed.IsUnwanted, claimed.Attempt, claimed.InARow), Is.EqualTo((false, 1, 1)));
    }

    private Task WriteGoneAsync(string hook, CancellationToken cancellationToken) => _heimdall.Store.ExecuteAsync(
        "insert into heimdall.hook_state (event, subject) values ('hook.gone', $1)", cancellationToken, $"hook/{hook}");

    private async Task<Guid> WriteOfJobAsync(string hook, CancellationToken cancellationToken)
    {
        var id = await WriteAsync(hook, "now()", cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            "update heimdall.hook_delivery set event = 'job.ended' where id = $1", cancellationToken, id);
        return id;
    }

    [Test]
    public async Task Slack_gets_a_text_without_links_of_others(CancellationToken cancellationToken)
    {
        var job = await SubmitAsync("select 1/0", "<!channel> & co", "slack", [], cancellationToken);
        await WaitForAsync(job, "DELIVERED", cancellationToken);

        var message = _receiver.At("slack").Single();
        var text = message.Json.GetProperty("text").GetString();

        Assert.That(text, Does.StartWith("*FAILED: job &lt;!channel&gt; &amp; co on postgres*\n"));
        Assert.That(text, Does.Contain("Error: division by zero [22012]\n"));
        Assert.That(text, Does.Contain($"/hangfire/sql/jobs/{job}"));
        Assert.That(message.Headers, Does.Not.ContainKey("webhook-signature"));
    }

    [Test]
    public void A_chat_gets_no_names_and_no_URLs_of_others()
    {
        var data = new JsonObject
        {
            ["id"] = $"{Guid.Empty}", ["name"] = "@all http://evil.test [x](y)", ["error"] = "@here",
        };
        var message = new HookMessage(Guid.Empty, "job.ended", data, default, 1, default, 1);

        var text = JsonNode.Parse(SlackBody.Of(message, "http://heimdall.test"))!["text"]!.GetValue<string>();

        Assert.That(text, Does.Not.Contain("@all").And.Not.Contain("@here").And.Not.Contain("http://evil"));
        Assert.That(text, Does.Not.Contain("](").And.Contain("all").And.Contain("evil.test"));
        Assert.That(text, Does.EndWith($"See: http://heimdall.test/hangfire/sql/jobs/{Guid.Empty}"));
    }

    [Test]
    public async Task A_hook_can_be_tried(CancellationToken cancellationToken)
    {
        var asked = (await TestAsync("plain")).AssertStatus(202);

        var message = await Eventually.Becomes(
            () => Task.FromResult(_receiver.At("plain").FirstOrDefault(one => one.Id == asked["id"])),
            () => Is.Not.Null, cancellationToken);
        Assert.That(message!.Type, Is.EqualTo("hook.test"));
        (await TestAsync("nothing")).AssertProblem(404, "nothing");

        Task<Reply> TestAsync(string hook) =>
            _heimdall.SendAsync(HttpMethod.Post, $"/api/v1/hooks/{hook}/test", cancellationToken);
    }

    [Test]
    public async Task Messages_are_listed_in_pages(CancellationToken cancellationToken)
    {
        var jobs = new List<Guid>();
        for (var count = 0; count < 3; count++)
        {
            jobs.Add(await SubmitAsync("select 1", "listed", "plain", [], cancellationToken));
            await WaitForAsync(jobs[^1], "DELIVERED", cancellationToken);
        }
        var found = new List<string>();
        for (var path = "/api/v1/hooks/deliveries?hook=plain&limit=1"; path.Length > 0;)
        {
            var page = (await _heimdall.GetAsync(path, cancellationToken)).AssertStatus(200).Json;
            found.AddRange(page.GetProperty("data").EnumerateArray()
                .Select(one => one.GetProperty("subject").GetString()!));
            path = page.GetProperty("has_more").GetBoolean()
                ? $"/api/v1/hooks/deliveries?hook=plain&limit=1&cursor={page.GetProperty("next_cursor")}"
                : "";
        }

        Assert.That(found.Where(subject => jobs.Exists(job => subject == $"job/{job}")),
            Is.EqualTo(jobs.Select(job => $"job/{job}").Reverse()));
        (await _heimdall.GetAsync("/api/v1/hooks/deliveries?status=LOST&hok=1", cancellationToken))
            .AssertProblem(400, "PENDING", "hok");
    }

    [Test]
    public async Task Hooks_that_there_are_not_are_refused_by_name(CancellationToken cancellationToken)
    {
        (await PostAsync("select 1", "x", false, [new { hook = "plane" }], cancellationToken))
            .AssertProblem(400, "on_end[0].hook", "plain");
        (await PostAsync("select 1", "x", false, [new { hook = "plain", on = new[] { "RUNNING" } }], cancellationToken))
            .AssertProblem(400, "on_end[0].on[0]", "SUCCEEDED, FAILED, CANCELED, KILLED");
        (await PostAsync("select 1", "x", false, [new { hook = "plain", url = "http://a.test" }], cancellationToken))
            .AssertProblem(400, "on_end[0].url");
        (await PostAsync("select 1", "x", false, [new { hook = "mine" }], cancellationToken))
            .AssertProblem(400, "on_end[0].hook");
        var body = Body("select 1", "x", returnResult: false, [new { hook = "mine" }]);
        (await PostAsync(body, cancellationToken, ("X-Heimdall-User", "alice"))).AssertStatus(202);
    }

    [Test]
    public async Task A_schedule_that_a_caller_makes_names_hooks(CancellationToken cancellationToken)
    {
        var made = await PutAsync("of-schedule");

        Assert.That(made.AssertStatus(201).Json.GetProperty("on_end").ToString(),
            Is.EqualTo("""[{"hook":"of-schedule","on":["FAILED"]}]"""));
        (await PutAsync("nothing")).AssertProblem(400, "on_end[0].hook", "of-schedule");

        Task<Reply> PutAsync(string hook) => _heimdall.SendAsync(
            HttpMethod.Put, "/api/v1/schedule/made", cancellationToken, JsonContent.Create(new
            {
                cron = "0 0 1 1 *",
                command_criteria = new[] { "type:postgres" },
                cluster_criteria = new[] { "_id:postgres" },
                context = new { query = "select 1" },
                on_end = new[] { new { hook, on = new[] { "FAILED" } } },
            }));
    }

    [Test]
    public async Task Who_edits_a_schedule_may_leave_its_hooks(CancellationToken cancellationToken)
    {
        (await PutAsync("alice", "mine")).AssertStatus(201);

        (await PutAsync("bob", "mine")).AssertStatus(200);

        (await PutAsync("bob", "plain")).AssertStatus(200);
        (await PutAsync("bob", "mine")).AssertProblem(400, "on_end[0].hook");

        Task<Reply> PutAsync(string user, string hook) => _heimdall.SendAsync(
            HttpMethod.Put, "/api/v1/schedule/of-alice", cancellationToken, JsonContent.Create(new
            {
                cron = "0 0 1 1 *",
                command_criteria = new[] { "type:postgres" },
                cluster_criteria = new[] { "_id:postgres" },
                context = new { query = "select 1" },
                on_end = new[] { new { hook } },
            }), ("X-Heimdall-User", user));
    }

    [Test]
    public async Task Errors_with_any_escape_and_a_login_without_rights_end_a_job(CancellationToken cancellationToken)
    {
        var id = Guid.CreateVersion7();
        var role = $"ender_{id:N}";
        await using var connection = new NpgsqlConnection(_heimdall.Store.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using var command = new NpgsqlCommand(
            $$"""
            insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result,
                command_id, command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context, on_end)
            values ('{{id}}', 'n', '', '', '{}', 'u', 'RUNNING', true, true, 'c', 'c', 'k', 'k', '{}', '{}', '{}',
                '[{"hook": "nobody"}]');
            create role {{role}};
            grant usage on schema heimdall to {{role}};
            grant all on all tables in schema heimdall to {{role}};
            revoke all on heimdall.hook_delivery from {{role}};
            set local role {{role}};
            update heimdall.job set status = 'FAILED', finished_at = now(),
                errors = '[{"message": "\u0000", "sql_state": "22012"}]' where id = '{{id}}';
            reset role;
            select data ->> 'sqlstate' from heimdall.hook_delivery where job_id = '{{id}}'
            """,
            connection);

        var state = await command.ExecuteScalarAsync(cancellationToken);

        Assert.That(state, Is.EqualTo("22012"));
        await transaction.RollbackAsync(cancellationToken); // and the role with it
    }

    [Test]
    public async Task A_retry_tells_the_same_hooks(CancellationToken cancellationToken)
    {
        var job = await SubmitAsync("select 1/0", "again", "plain", ["FAILED"], cancellationToken);
        await _heimdall.WaitForStatusAsync(job, "FAILED", cancellationToken);

        var again = (await _heimdall.SendAsync(HttpMethod.Post, $"/api/v1/job/{job}/retry", cancellationToken))
            .AssertStatus(202);

        var message = await ReceiveAsync("plain", again.Id, cancellationToken);
        Assert.That(message.Text("retry_of"), Is.EqualTo($"{job}"));
    }

    [Test]
    public async Task What_a_crash_takes_from_a_jobs_end_it_takes_from_the_message(CancellationToken cancellationToken)
    {
        var id = Guid.CreateVersion7();
        await using var connection = new NpgsqlConnection(_heimdall.Store.ConnectionString);
        await connection.OpenAsync(cancellationToken);
        await using (var transaction = await connection.BeginTransactionAsync(cancellationToken))
        {
            await WriteAndEndAsync();
            await transaction.RollbackAsync(cancellationToken);
        }
        Assert.That(await CountAsync(id, cancellationToken), Is.Zero);

        await WriteAndEndAsync();
        var first = await FindIdAsync();
        await ExecuteAsync($"delete from heimdall.hook_delivery where job_id = '{id}'");
        await ExecuteAsync($"delete from heimdall.job where id = '{id}'");
        await WriteAndEndAsync();

        Assert.That(await FindIdAsync(), Is.EqualTo(first), "an end that is written again makes the same message");

        async Task WriteAndEndAsync()
        {
            await ExecuteAsync($$"""
                insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result,
                    command_id, command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context,
                    on_end)
                values ('{{id}}', 'n', '', '', '{}', 'u', 'RUNNING', true, true, 'c', 'c', 'k', 'k', '{}', '{}', '{}',
                    '[{"hook": "nobody"}]')
                """);
            await ExecuteAsync(
                $"update heimdall.job set status = 'SUCCEEDED', finished_at = now() where id = '{id}'");
        }

        async Task ExecuteAsync(string sql)
        {
            await using var command = new NpgsqlCommand(sql, connection);
            await command.ExecuteNonQueryAsync(cancellationToken);
        }

        Task<Guid> FindIdAsync() => _heimdall.Store.ScalarAsync<Guid>(
            "select id from heimdall.hook_delivery where job_id = $1", cancellationToken, id);
    }

    /// <summary>Writes a message that nobody has tried.</summary>
    private async Task<Guid> WriteAsync(
        string hook, string at, CancellationToken cancellationToken, string status = "PENDING", int attempts = 0)
    {
        var id = Guid.CreateVersion7();
        await _heimdall.Store.ExecuteAsync(
            $$"""
            insert into heimdall.hook_delivery (id, hook, event, subject, data, status, attempts, created_at, next_at)
            values ($1, $2, 'hook.test', 'hook/tests', '{}', $3, $4, {{at}}, {{at}})
            """,
            cancellationToken, id, hook, status, attempts);
        return id;
    }

    private Task<bool> IsAsync(Guid message, string status, CancellationToken cancellationToken) =>
        _heimdall.Store.ScalarAsync<bool>(
            "select status = $2 from heimdall.hook_delivery where id = $1", cancellationToken, message, status);

    private static string Signature(ReceivedMessage message, string secret)
    {
        var signed = Encoding.UTF8.GetBytes($"{message.Id}.{message.Headers["webhook-timestamp"]}.{message.Body}");
        var key = Convert.FromBase64String(secret["whsec_".Length..]);
        return $"v1,{Convert.ToBase64String(HMACSHA256.HashData(key, signed))}";
    }

    private Task<ReceivedMessage> ReceiveAsync(string hook, Guid job, CancellationToken cancellationToken) =>
        Eventually.Becomes(
        () => Task.FromResult(_receiver.At(hook).FirstOrDefault(
            message => message.Data.TryGetProperty("id", out var id) && id.GetString() == $"{job}")!),
        () => Is.Not.Null, cancellationToken);

    private async Task<Guid> SubmitAsync(
        string query, string name, string hook, string[] on, CancellationToken cancellationToken) =>
        (await PostAsync(
            query, name, returnResult: false, [on.Length == 0 ? new { hook } : new { hook, on }],
            cancellationToken)).AssertStatus(202).Id;

    private Task<Reply> PostAsync(
        string query, string name, bool returnResult, object[] onEnd, CancellationToken cancellationToken) =>
        PostAsync(Body(query, name, returnResult, onEnd), cancellationToken);

    private Task<Reply> PostAsync(
        Dictionary<string, object> body, CancellationToken cancellationToken, params (string, string)[] headers) =>
        _heimdall.PostJobAsync(JsonSerializer.Serialize(body), cancellationToken, headers);

    private static Dictionary<string, object> Body(
        string query, string name, bool returnResult, object[] onEnd) => new()
        {
            ["name"] = name,
            ["command_criteria"] = new[] { "type:postgres" },
            ["cluster_criteria"] = new[] { "_id:postgres" },
            ["context"] = new { query, return_result = returnResult },
            ["on_end"] = onEnd,
        };

    private async Task<Reply> FindAsync(Guid job, CancellationToken cancellationToken)
    {
        var list = await Eventually.Becomes(
            () => _heimdall.GetAsync($"/api/v1/job/{job}/deliveries", cancellationToken),
            () => Has.Property("Text").Not.EqualTo("[]"), cancellationToken);
        var id = list.Json[0].GetProperty("id");
        return await _heimdall.GetAsync($"/api/v1/hooks/deliveries/{id}", cancellationToken);
    }

    private Task<Reply> WaitForAsync(Guid job, string status, CancellationToken cancellationToken) =>
        Eventually.Becomes(
        () => FindAsync(job, cancellationToken),
        () => Is.Not.Null.And.Matches<Reply>(delivery => delivery?["status"] == status), cancellationToken);

    private Task<long> CountAsync(Guid job, CancellationToken cancellationToken) => _heimdall.Store.ScalarAsync<long>(
        "select count(*) from heimdall.hook_delivery where job_id = $1", cancellationToken, job);
}
