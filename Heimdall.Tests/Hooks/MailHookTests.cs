using System.Text.Json;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Hooks;

/// <summary>Ends of jobs are told by mail, to a real server.</summary>
[CancelAfter(120_000)]
public sealed class MailHookTests
{
    private MailReceiver _receiver = null!;
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _receiver = new MailReceiver();
        string Mail(string id, string more, string other = "dba@example.org") =>
            $"{{id: {id}, kind: mail, url: \"smtp://127.0.0.1:{_receiver.Port}\", "
            + $"from: heimdall@example.org, to: [ops@example.org, {other}]{more}}}";
        _heimdall = await HeimdallInstance.StartAsync(config => config with
        {
            Hooks = "allow: [127.0.0.1], retry_after: 50ms, receivers: "
                + $"[{Mail("plain", ", tls: false")}, {Mail("safe", "")}, "
                + $"{Mail("partly", ", tls: false", "gone@example.org")}]",
        });
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        await _receiver.DisposeAsync();
    }

    [Test]
    public async Task A_mail_that_is_refused_for_now_is_sent_again(CancellationToken cancellationToken)
    {
        _receiver.Refuse(1);

        var job = await SubmitAsync("plain", "a\\r\\nBcc: all@example.org", cancellationToken);

        var delivery = await WaitForAsync(job, delivery => delivery["status"] == "DELIVERED", cancellationToken);
        var mail = _receiver.Mails.Single(one => one.Text.Contains($"{delivery["id"]}", StringComparison.Ordinal));
        Assert.That(mail.From, Does.Contain("<heimdall@example.org>"));
        Assert.That(mail.To, Has.Count.EqualTo(2));
        Assert.That(mail.Text, Does.Contain($"Message-Id: <{delivery["id"]}@example.org>").IgnoreCase);
        Assert.That(mail.Text, Does.Contain("Subject: [Heimdall] FAILED: job a"));
        Assert.That(mail.Text, Does.Not.Match("(?m)^Bcc:"), "no header comes out of a job's name");
        Assert.That(mail.Text, Does.Contain("Error: division by zero [22012]"));
        Assert.That(delivery.Json.GetProperty("tries")[0].GetProperty("status").GetInt32(), Is.EqualTo(451));
    }

    [Test]
    public async Task Without_TLS_nothing_is_sent_unless_that_is_said(CancellationToken cancellationToken)
    {
        var job = await SubmitAsync("safe", "safe", cancellationToken);

        var delivery = await WaitForAsync(
            job, delivery => delivery.Text.Contains("TLS failed", StringComparison.Ordinal), cancellationToken);
        Assert.That(delivery["status"], Is.EqualTo("PENDING"));
        Assert.That(
            _receiver.Mails.Where(mail => mail.Text.Contains($"{delivery["id"]}", StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public async Task A_mailbox_that_is_refused_keeps_the_mail_from_no_other(CancellationToken cancellationToken)
    {
        var job = await SubmitAsync("partly", "partly", cancellationToken);

        var delivery = await WaitForAsync(job, delivery => delivery["status"] == "DELIVERED", cancellationToken);
        var mail = _receiver.Mails.Single(one => one.Text.Contains($"{delivery["id"]}", StringComparison.Ordinal));
        Assert.That(mail.To.Single(), Does.Contain("<ops@example.org>"));
        Assert.That(
            delivery.Json.GetProperty("tries").EnumerateArray().Last().GetProperty("reply").GetString(),
            Does.Contain("Not taken: gone@example.org, 550 no such user"));
    }

    private async Task<Guid> SubmitAsync(string hook, string name, CancellationToken cancellationToken)
    {
        var job = JsonSerializer.Serialize(new
        {
            name = "NAME",
            command_criteria = new[] { "type:postgres" },
            cluster_criteria = new[] { "_id:postgres" },
            context = new { query = "select 1/0" },
            on_end = new[] { new { hook } },
        }).Replace("NAME", name, StringComparison.Ordinal);
        return (await _heimdall.PostJobAsync(job, cancellationToken)).AssertStatus(202).Id;
    }

    private Task<Reply> WaitForAsync(Guid job, Func<Reply, bool> isSo, CancellationToken cancellationToken) =>
        Eventually.Becomes(
            async () =>
            {
                var list = await _heimdall.GetAsync($"/api/v1/job/{job}/deliveries", cancellationToken);
                return list.Json.GetArrayLength() == 0
                    ? list
                    : await _heimdall.GetAsync(
                        $"/api/v1/hooks/deliveries/{list.Json[0].GetProperty("id")}", cancellationToken);
            },
            () => Is.Not.Null.And.Matches<Reply>(
                delivery => delivery!.Json.ValueKind == JsonValueKind.Object && isSo(delivery)),
            cancellationToken);
}
