using System.Text.Json;
using Heimdall.Cli;
using Heimdall.Tests.Hooks;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Clients;

/// <summary><c>heimdall hooks</c>, with a real receiver.</summary>
[CancelAfter(120_000)]
public sealed class CliHookTests
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    private HookReceiver _receiver = null!;
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _receiver = new HookReceiver();
        _receiver.On("ops", (_, number) => new HookAnswer(number == 1 ? 410 : 200, "no more"));
        _heimdall = await HeimdallInstance.StartAsync(
            config => config with
            {
                Hooks = $"allow: [127.0.0.2], receivers: [{{id: ops, url: \"{_receiver.UrlOf("ops")}\", "
                    + $"secrets: [\"{Secret}\"], events: [cluster.down]}}]",
            },
            worker: false);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        await _receiver.DisposeAsync();
    }

    [Test]
    public async Task A_message_that_was_given_up_is_found_read_and_sent_again(CancellationToken cancellationToken)
    {
        var id = (await PrintAsync("hooks", "test", "ops")).Trim();
        await Eventually.Becomes(
            () => PrintAsync("hooks", "dead", "--hook", "ops"), () => Does.Contain(id), cancellationToken);

        var list = await PrintAsync("hooks", "list");
        var dead = JsonDocument.Parse(await PrintAsync("hooks", "dead", "--format", "json")).RootElement;
        var shown = JsonDocument.Parse(await PrintAsync("hooks", "show", id)).RootElement;
        var again = await PrintAsync("hooks", "redeliver", id);

        Assert.That(list, Does.Match(@"ops +webhook +http://127\.0\.0\.2\S* +cluster\.down +0 +1 +\d{4}-"));
        Assert.That(dead.GetProperty("id").GetString(), Is.EqualTo(id));
        Assert.That(shown.GetProperty("tries")[0].GetProperty("reply").GetString(), Is.EqualTo("no more"));
        Assert.That(again, Is.EqualTo($"{id}\n"));
        await Eventually.Becomes(
            () => PrintAsync("hooks", "messages", "--status", "DELIVERED"), () => Does.Contain(id), cancellationToken);
        Assert.That(await PrintAsync("hooks", "messages", "--job", $"{Guid.Empty}"), Does.Not.Contain(id));
        Assert.That(await PrintAsync("hooks", "list"), Does.Match(@"cluster\.down +0 +0 *\n"), "it is back");
        Assert.That(_receiver.At("ops").Select(message => message.Id), Is.EqualTo(new[] { id, id }));
    }

    [Test]
    public async Task What_is_not_there_is_said()
    {
        var (unknown, noHook, noStatus) = (Cli(), Cli(), Cli());

        Assert.That(await unknown.RunAsync("hooks", "show", $"{Guid.Empty}"), Is.EqualTo(CliExitCode.Wrong));
        Assert.That(unknown.Error, Does.Contain("There is no message"));
        Assert.That(await noHook.RunAsync("hooks", "test", "nobody"), Is.EqualTo(CliExitCode.Wrong));
        Assert.That(noHook.Error, Does.Contain("There is no hook 'nobody'."));
        Assert.That(
            await noStatus.RunAsync("hooks", "dead", "--status", "PENDING"), Is.EqualTo(CliExitCode.Wrong));
    }

    [Test]
    public async Task A_retry_names_the_hooks_that_it_leaves_out(CancellationToken cancellationToken)
    {
        var id = (await _heimdall.EnqueueAsync("select 1", cancellationToken)).ToString();
        await PrintAsync("cancel", id);
        await _heimdall.Store.ExecuteAsync(
            """
            update heimdall.job set on_end = '[{"hook": "ops"}, {"hook": "gone"}, {"hook": "gone-too"}]'
            where id = $1
            """,
            cancellationToken, Guid.Parse(id));
        // Of a process that has lived for long: after a start of all of them nothing is left out for a while.
        await _heimdall.Store.ExecuteAsync(
            """
            insert into heimdall.worker (id, name, clusters, commands, concurrency, started_at, lease, file_hooks)
            values (
              gen_random_uuid(), 'other', '{}', '{}', 0, now() - interval '1 hour', interval '1 day', array['other'])
            """,
            cancellationToken);
        var retry = Cli();

        Assert.That(await retry.RunAsync("retry", id), Is.Zero, retry.Error);

        Assert.That(retry.Error, Is.EqualTo("Hooks that no process has any more are left out: gone, gone-too\n"));
        var job = await _heimdall.JobAsync(Guid.Parse(retry.Out.Trim()), cancellationToken);
        Assert.That(job.Json.GetProperty("on_end").ToString(), Does.Contain("ops").And.Not.Contain("gone"));
    }

    private CliRun Cli() => new(_heimdall.Address);

    private async Task<string> PrintAsync(params string[] arguments)
    {
        var cli = Cli();
        Assert.That(await cli.RunAsync(arguments), Is.Zero, cli.Error);
        return cli.Out;
    }
}
