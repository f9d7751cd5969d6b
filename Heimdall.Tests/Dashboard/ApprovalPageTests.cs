using Heimdall.Cli;
using Heimdall.Tests.Clients;
using Heimdall.Tests.Rights;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Dashboard;

/// <summary>Jobs that wait for an approval, on the pages and on the command line. The forms need no scripts.</summary>
[CancelAfter(120_000)]
public sealed class ApprovalPageTests
{
    private const string Command = "_id:reviewed";

    private RoleInstance _api = null!;

    [OneTimeSetUp]
    public async Task Start() => _api = await RoleInstance.StartAsync(
        worker: true, users: ["alice"],
        config => config.WithCommand("reviewed", "type:reviewed", ", approval: required"));

    [OneTimeTearDown]
    public async Task Stop() => await _api.DisposeAsync();

    [Test]
    public async Task A_job_s_page_has_forms_for_who_may_decide_and_for_nobody_else(
        CancellationToken cancellationToken)
    {
        var id = await SubmitAsync("alice", cancellationToken);
        var own = await SubmitAsync("admin", cancellationToken);

        var ofOperator = await PageAsync("operator", id, cancellationToken);
        Assert.That(
            ofOperator, Does.Contain($"/sql/jobs/{id}/approve").And.Contain($"/sql/jobs/{id}/refuse")
                .And.Contain("It waits for an approval by an operator").And.Contain("SHA-256 to approve"));
        Assert.That(await PageAsync("alice", id, cancellationToken), Does.Not.Contain("/approve"));
        Assert.That(await PageAsync("reader", id, cancellationToken), Does.Not.Contain("/approve"));
        Assert.That(await PageAsync("admin", own, cancellationToken), Does.Not.Contain("/approve"));

        (await _api.PressAsync("operator", $"/sql/jobs/{id}/approve", cancellationToken)).AssertStatus(303);

        await _api.Heimdall.Store.ScalarAsync<string>(
            "select decided_by from heimdall.job where id = $1", cancellationToken, id);
        await Eventually.Becomes(
            () => PageAsync("operator", id, cancellationToken), () => Does.Contain("It has ended well."),
            cancellationToken);
        Assert.That(
            (await _api.PressAsync("admin", $"/sql/jobs/{id}/approve", cancellationToken)).AssertStatus(409).Text,
            Does.Contain("was approved by operator already"));
        Assert.That(
            (await _api.PressAsync("admin", $"/sql/jobs/{own}/approve", cancellationToken)).AssertStatus(403).Text,
            Does.Contain("is your own"));
    }

    [Test]
    public async Task A_form_refuses_with_a_reason_and_not_without(CancellationToken cancellationToken)
    {
        var id = await SubmitAsync("alice", cancellationToken);

        var bare = await _api.PressAsync("operator", $"/sql/jobs/{id}/refuse", cancellationToken, ("reason", " "));
        var refused = await _api.PressAsync(
            "operator", $"/sql/jobs/{id}/refuse", cancellationToken, ("reason", "No <b>WHERE</b>."));

        Assert.That(bare.AssertStatus(400).Text, Does.Contain("It is what the owner of the job learns").IgnoreCase);
        refused.AssertStatus(303);
        Assert.That(
            await PageAsync("alice", id, cancellationToken),
            Does.Contain("It was refused by operator, and never ran.").And.Contain("No &lt;b&gt;WHERE&lt;/b&gt;."));
    }

    [Test]
    public async Task The_page_says_whether_a_script_is_still_what_was_submitted(CancellationToken cancellationToken)
    {
        _api.Heimdall.WriteScript("shown.sql", "select 1;\n");
        var id = await SubmitAsync("alice", cancellationToken, "shown.sql");

        var same = await PageAsync("operator", id, cancellationToken);
        _api.Heimdall.WriteScript("shown.sql", "select 2;\n");
        var changed = await PageAsync("operator", id, cancellationToken);

        Assert.That(same, Does.Contain("As it was submitted for approval: the SHA-256 is the same."));
        Assert.That(changed, Does.Contain("has been changed since it was submitted for approval"));
    }

    [Test]
    public async Task Who_decides_is_shown_all_of_it_or_cannot_approve_on_the_page(CancellationToken cancellationToken)
    {
        var lines = string.Concat(Enumerable.Range(1, 400).Select(line => $"select {line};\n"));
        var far = new string(' ', 2500) + "select 'far to the right';";
        _api.Heimdall.WriteScript("long.sql", $"{far}\n{lines}select 'below all';\n\\i long-part.sql\n");
        _api.Heimdall.WriteScript("long-part.sql", "select 'in the part';\n");
        var id = await SubmitAsync("alice", cancellationToken, "long.sql");

        foreach (var caller in new[] { "operator", "operator-a" })
        {
            Assert.That(
                await PageAsync(caller, id, cancellationToken),
                Does.Contain("far to the right").And.Contain("below all").And.Contain("in the part")
                    .And.Contain($"/sql/jobs/{id}/approve"),
                caller);
        }
        _api.Heimdall.WriteScript("long-part.sql", "select 'another part';\n");
        var changed = await PageAsync("operator", id, cancellationToken);
        _api.Heimdall.WriteScript("large.sql", $"select 1;\n{new string(' ', 1024 * 1024)}");
        var large = await SubmitAsync("alice", cancellationToken, "large.sql");

        Assert.That(
            changed, Does.Contain("It cannot be approved on this page. long-part.sql is not what was submitted")
                .And.Not.Contain($"/sql/jobs/{id}/approve").And.Not.Contain("another part")
                .And.Contain($"/sql/jobs/{id}/refuse"));
        Assert.That(
            await PageAsync("operator", large, cancellationToken),
            Does.Contain("longer than the 1048576 bytes").And.Not.Contain($"/sql/jobs/{large}/approve"));
    }

    [Test]
    public async Task A_job_that_was_approved_and_then_cancelled_by_the_same_was_not_refused(
        CancellationToken cancellationToken)
    {
        _api.Heimdall.WriteScript("stopped.sql", "select 1;\n");
        var job = RoleInstance.Batch("inside", "stopped.sql", Command)
            .Replace("{\"name\"", "{\"start_after\":\"2999-01-01T00:00:00Z\",\"name\"", StringComparison.Ordinal);
        var id = (await _api.PostAsync("alice", "/api/v1/job", job, cancellationToken)).AssertStatus(202).Id;
        (await _api.PressAsync("operator", $"/sql/jobs/{id}/approve", cancellationToken)).AssertStatus(303);
        (await _api.PressAsync("operator", $"/sql/jobs/{id}/cancel", cancellationToken)).AssertStatus(303);
        _api.Heimdall.WriteScript("stopped.sql", "select 2;\n");

        Assert.That(
            await PageAsync("operator", id, cancellationToken),
            Does.Contain("It was stopped by operator.").And.Not.Contain("It was refused")
                .And.Not.Contain("so the job will fail").And.Contain("has been changed since it was submitted"));
    }

    [Test]
    public async Task The_command_line_goes_on_behind_a_job_that_it_may_not_approve(CancellationToken cancellationToken)
    {
        var (own, other) = (
            await SubmitAsync("admin", cancellationToken), await SubmitAsync("alice", cancellationToken));
        var cli = Cli("admin");

        var code = await cli.RunAsync("approve", $"{own}", $"{other}");

        Assert.That(code, Is.EqualTo(CliExitCode.Wrong));
        Assert.That(cli.Error, Does.Contain("is your own"));
        Assert.That(cli.Out, Does.StartWith($"{other} "));
    }

    [Test]
    public async Task The_overview_and_the_list_show_what_waits(CancellationToken cancellationToken)
    {
        await SubmitAsync("alice", cancellationToken);

        var overview = await Eventually.Becomes(
            async () => (await _api.SendAsync("operator", "GET", "/hangfire/sql/overview", cancellationToken)).Text,
            () => Does.Contain("TO APPROVE"), cancellationToken);
        var list = await _api.SendAsync(
            "operator", "GET", "/hangfire/sql/jobs?status=WAITING_FOR_APPROVAL", cancellationToken);

        Assert.That(
            overview, Does.Match("status=WAITING_FOR_APPROVAL\"[^>]*>[0-9,]+ jobs?<")
                .And.Match("waits? for approval by an operator"));
        Assert.That(list.AssertStatus(200).Text, Does.Match("WAITING_FOR_APPROVAL <b>[1-9]"));
    }

    [Test]
    public async Task The_command_line_approves_and_refuses(CancellationToken cancellationToken)
    {
        var (good, bad) = (
            await SubmitAsync("alice", cancellationToken), await SubmitAsync("alice", cancellationToken));
        var (approve, again, refuse) = (Cli("operator"), Cli("operator"), Cli("operator"));
        var run = new CliRun(_api.Heimdall.Address) { Input = "select 1" };
        run.Variables["HEIMDALL_KEY"] = _api.KeyOf("alice");
        var running = run.RunAsync("run", "-", "--command", Command, "--cluster", "_id:inside", "--name", "by-cli");
        var followed = await Eventually.Becomes(
            async () => (await _api.Heimdall.Store.ColumnAsync<Guid>(
                "select id from heimdall.job where name = 'by-cli'", cancellationToken)).SingleOrDefault(),
            () => Is.Not.EqualTo(Guid.Empty), cancellationToken);

        var approved = await approve.RunAsync("approve", good.ToString());
        var late = await again.RunAsync("approve", good.ToString());
        var refused = await refuse.RunAsync("refuse", bad.ToString(), "--reason", "No.");
        await Cli("operator").RunAsync("approve", $"{followed}");

        Assert.That(
            (approved, late, refused),
            Is.EqualTo((CliExitCode.Succeeded, CliExitCode.Wrong, CliExitCode.Succeeded)));
        Assert.That(approve.Out, Does.Match($"^{good} (ACCEPTED|RUNNING|SUCCEEDED)\n$"));
        Assert.That(again.Error, Does.Contain("was approved by operator already"));
        Assert.That(refuse.Out, Is.EqualTo($"{bad} CANCELED\n"));
        Assert.That(await running, Is.EqualTo(CliExitCode.Succeeded), run.Error);
        Assert.That(run.Error, Does.Contain($"It waits for approval by an operator: heimdall approve {followed}"));
    }

    private CliRun Cli(string caller)
    {
        var cli = new CliRun(_api.Heimdall.Address);
        cli.Variables["HEIMDALL_KEY"] = _api.KeyOf(caller);
        return cli;
    }

    private async Task<Guid> SubmitAsync(
        string user, CancellationToken cancellationToken, string query = "select 1") => (await _api.PostAsync(
        user, "/api/v1/job", RoleInstance.Batch("inside", query, Command), cancellationToken)).AssertStatus(202).Id;

    private async Task<string> PageAsync(string caller, Guid job, CancellationToken cancellationToken) =>
        (await _api.SendAsync(caller, "GET", $"/hangfire/sql/jobs/{job}", cancellationToken)).AssertStatus(200).Text;
}
