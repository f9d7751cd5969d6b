using Heimdall.Tests.Rights;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Hooks;

/// <summary>The page of hooks: what it shows, and what its buttons do, for those who may.</summary>
[CancelAfter(120_000)]
public sealed class HookPageTests
{
    private const string Secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
    private const string Path = "/hangfire/sql/hooks";

    private HookReceiver _receiver = null!;
    private RoleInstance _api = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _receiver = new HookReceiver();
        _receiver.On("ops", (_, number) => new HookAnswer(number == 1 ? 410 : 200, "<b>gone</b>"));
        _receiver.On("gone", (_, _) => new HookAnswer(410));
        _api = await RoleInstance.StartAsync(
            worker: false, users: [],
            config => config with
            {
                Hooks = "allow: [127.0.0.2], receivers: "
                    + $"[{{id: ops, url: \"{_receiver.UrlOf("ops")}\", secrets: [\"{Secret}\"]}}, "
                    + $"{{id: gone, url: \"{_receiver.UrlOf("gone")}\", secrets: [\"{Secret}\"]}}]",
            });
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _api.DisposeAsync();
        await _receiver.DisposeAsync();
    }

    [Test]
    public async Task An_operator_tries_a_hook_and_sends_its_message_again(CancellationToken cancellationToken)
    {
        (await _api.PressAsync("operator", "/sql/hooks/test", cancellationToken, ("hook", "ops"))).AssertStatus(303);
        var dead = await Eventually.Becomes(
            () => _api.SendAsync("operator", "GET", "/api/v1/hooks/deliveries?status=DEAD&hook=ops", cancellationToken),
            () => Has.Property("Text").Contain("\"ops\""), cancellationToken);
        var id = dead.Json.GetProperty("data")[0].GetProperty("id").GetGuid();
        var page = (await _api.SendAsync("operator", "GET", Path, cancellationToken)).AssertStatus(200);

        (await _api.PressAsync("operator", $"/sql/hooks/{id}/redeliver", cancellationToken)).AssertStatus(303);

        await Eventually.Becomes(
            () => Task.FromResult(_receiver.At("ops").Select(message => message.Id).ToArray()),
            () => Is.EqualTo(new[] { $"{id}", $"{id}" }), cancellationToken);
        await Eventually.Becomes(
            () => _api.SendAsync("operator", "GET", Path, cancellationToken),
            () => Has.Property("Text").Contain("DELIVERED"), cancellationToken);
        Assert.That(page.Text, Does.Contain("410").And.Contain("&lt;b&gt;gone&lt;/b&gt;").And.Contain("DEAD"));
        foreach (var target in new[] { "hook/ops", $"delivery/{id}" })
        {
            var audit = await _api.SendAsync("admin", "GET", $"/api/v1/audit?target={target}", cancellationToken);
            Assert.That(
                audit.Json.GetProperty("data").EnumerateArray().Select(one => one.GetProperty("outcome").GetString()),
                Is.EqualTo(new[] { "DONE" }), target);
        }
        Assert.That(page.Text, Does.Not.Contain("whsec_").And.Not.Contain("/ops\""), "neither secrets nor paths");
    }

    [Test]
    public async Task Why_a_message_failed_only_those_see_who_see_hooks(CancellationToken cancellationToken)
    {
        var body = """
            {"name": "told", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:inside"],
             "context": {"query": "select 1"}, "start_after": "2099-01-01T00:00:00Z", "on_end": [{"hook": "gone"}]}
            """;
        var job = (await _api.PostAsync("submitter", "/api/v1/job", body, cancellationToken)).AssertStatus(202).Id;
        (await _api.SendAsync("operator", "POST", $"/api/v1/job/{job}/cancel", cancellationToken)).AssertStatus(200);
        var path = $"/api/v1/job/{job}/deliveries";

        var ofOperator = await Eventually.Becomes(
            () => _api.SendAsync("operator", "GET", path, cancellationToken),
            () => Has.Property("Text").Contain("DEAD"), cancellationToken);

        Assert.That(ofOperator.Text, Does.Contain("The receiver wants no more of these messages."));
        var ofReader = await _api.SendAsync("reader", "GET", path, cancellationToken);
        Assert.That(ofReader.Text, Does.Contain("DEAD").And.Not.Contain("error").And.Not.Contain("wants no more"));
    }

    [TestCase("reader")]
    [TestCase("submitter")]
    [TestCase("operator-a")]
    public async Task Others_see_neither_hooks_nor_messages(string caller)
    {
        var cancellationToken = TestContext.CurrentContext.CancellationToken;

        (await _api.SendAsync(caller, "GET", Path, cancellationToken)).AssertStatus(403);
        (await _api.SendAsync(caller, "GET", "/api/v1/hooks", cancellationToken)).AssertStatus(403);
        var overview = await _api.SendAsync(caller, "GET", "/hangfire/sql/overview", cancellationToken);
        Assert.That(overview.Text, Does.Not.Contain(Path));
    }
}
