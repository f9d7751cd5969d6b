using System.Net.Http.Headers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>
/// The form of a schedule says no more and no less than its PUT, without scripts too. The strip says how its runs went.
/// </summary>
[CancelAfter(300_000)]
public sealed class ScheduleEditTests() : RealProcessTests(processes: 1)
{
    private const string Criteria = "command_criteria: [type:postgres], cluster_criteria: [data:local]";

    private static readonly JsonSerializerOptions Readable =
        new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly BrowserNewContextOptions NoScripts = new() { JavaScriptEnabled = false };

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(config => config
        .WithSchedule("of-file", $"cron: 30 2 1 1 *, {Criteria}, context: {{query: select 1}}"));

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_schedule_is_edited_without_scripts_and_what_is_wrong_is_said_beside_what_was_typed(
        CancellationToken cancellationToken)
    {
        await PutAsync("edited", """{"query": "select 1"}""", cancellationToken);
        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, "/hangfire/sql/schedules/edited", NoScripts);
        var page = window.Page;
        await window.ByRole(AriaRole.Link, "Edit").ClickAsync();

        await page.GetByLabel("Cron").FillAsync("61 * * * *");
        await page.GetByLabel("Tags of its command").FillAsync("not a tag\ntype:postgres");
        await page.GetByLabel("SQL, or the path of a script").FillAsync("select 2 -- <b>");
        await window.ByRole(AriaRole.Button, "Save").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Alert)).ToContainTextAsync("Nothing was saved.");
        await Expect(page.GetByLabel("Cron")).ToHaveValueAsync("61 * * * *");
        await Expect(page.GetByLabel("Cron")).ToHaveAttributeAsync("aria-invalid", "true");
        await Expect(page.GetByLabel("Tags of its command")).ToHaveValueAsync("not a tag\ntype:postgres");
        await Expect(page.GetByLabel("SQL, or the path of a script")).ToHaveValueAsync("select 2 -- <b>");
        Assert.That(await ContextOfAsync("edited", cancellationToken), Is.EqualTo("""{"query":"select 1"}"""));

        await page.GetByLabel("Cron").FillAsync("15 4 * * *");
        await page.GetByLabel("Tags of its command").FillAsync("type:postgres");
        await page.GetByLabel("Time zone").FillAsync("Europe/Berlin");
        await page.GetByLabel("While a run has not ended").SelectOptionAsync("queue");
        await page.GetByLabel("Other settings of its jobs, as JSON").FillAsync("""{"timeout_seconds": 30}""");
        await window.ByRole(AriaRole.Button, "Save").ClickAsync();
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("edited");
        await Expect(page.Locator("#hd-facts")).ToContainTextAsync("15 4 * * *");
        await Expect(page.Locator("ol.hd-sql")).ToContainTextAsync("select 2 -- <b>");

        var saved = (await _heimdall.GetAsync("/api/v1/schedule/edited", cancellationToken)).AssertStatus(200);
        Assert.That(
            (saved["cron"], saved["timezone"], saved["overlap"], saved["name"]),
            Is.EqualTo(("15 4 * * *", "Europe/Berlin", "queue", "edited")));
        Assert.That(
            await ContextOfAsync("edited", cancellationToken),
            Is.EqualTo("""{"query":"select 2 -- <b>","timeout_seconds":30}"""));
        var audit = (await _heimdall.GetAsync("/api/v1/audit?target=schedule/edited", cancellationToken))
            .AssertStatus(200);
        var outcomes = audit.Json.GetProperty("data").EnumerateArray()
            .Where(one => one.GetProperty("action").GetString() == "POST /hangfire/sql/schedules/{schedule}/save")
            .Select(one => one.GetProperty("outcome").GetString());
        Assert.That(outcomes, Is.EqualTo(new[] { "DONE", "FAILED" }));
        Assert.That(window.Complaints.Where(ConsoleWindow.IsNoRefusal), Is.Empty);
    }

    [Test]
    public async Task What_is_not_touched_stays_to_the_letter(CancellationToken cancellationToken)
    {
        const string Context = """
            {"query":"\n select '<\u202e>' as a,\r\n  '&amp;' as b, :big as c","return_result":true,
            "parameters":{"big":90071992547409931234567.10}}
            """;
        const string More = """
            , "tags": ["a:b", "c:d"], "max_lateness": "90s", "starts_at": "2026-01-31T12:00:00.5Z",
            "version": " 1\n", "target": "all", "max_parallel": 2, "canary": 1, "stop_after_failures": 3
            """;
        await PutAsync("kept", Context, cancellationToken, More);
        var before = (await _heimdall.GetAsync("/api/v1/schedule/kept", cancellationToken)).AssertStatus(200).Json;

        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, "/hangfire/sql/schedules/kept/edit", NoScripts);
        await window.Page.GetByLabel("Description").FillAsync("now described");
        await window.ByRole(AriaRole.Button, "Save").ClickAsync();
        await Expect(window.Page.GetByText("now described")).ToBeVisibleAsync();

        var after = (await _heimdall.GetAsync("/api/v1/schedule/kept", cancellationToken)).AssertStatus(200).Json;
        foreach (var field in before.EnumerateObject().Where(field => field.Name != "updated_at"))
        {
            Assert.That(after.GetProperty(field.Name).GetRawText(), Is.EqualTo(field.Value.GetRawText()), field.Name);
        }
    }

    [Test]
    public async Task A_form_that_is_old_changes_nothing(CancellationToken cancellationToken)
    {
        await PutAsync("raced", """{"query": "select 1"}""", cancellationToken);
        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, "/hangfire/sql/schedules/raced/edit", NoScripts);
        await PutAsync("raced", """{"query": "select 2"}""", cancellationToken);

        await window.Page.GetByLabel("SQL, or the path of a script").FillAsync("select 3");
        await window.ByRole(AriaRole.Button, "Save").ClickAsync();

        await Expect(window.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("Somebody else has changed");
        await Expect(window.Page.GetByLabel("SQL, or the path of a script")).ToHaveValueAsync("select 3");
        Assert.That(await ContextOfAsync("raced", cancellationToken), Is.EqualTo("""{"query":"select 2"}"""));
    }

    [TestCase("Other settings of its jobs, as JSON", "{timeout: 3}", "Must be a JSON object")]
    [TestCase("Other settings of its jobs, as JSON", """{"query": "select 2"}""", "without the SQL")]
    [TestCase("Other settings of its jobs, as JSON", """{"no_such_setting": 1}""", "no_such_setting")]
    [TestCase("Time zone", "Mars/Base", "time zone")]
    [TestCase("Starts", "tomorrow", "RFC 3339")]
    [TestCase("Latest start", "soon", "duration")]
    public async Task What_PUT_refuses_the_form_refuses(string field, string value, string said)
    {
        await PutAsync("refused", """{"query": "select 1"}""", CancellationToken.None);
        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, "/hangfire/sql/schedules/refused/edit", NoScripts);

        await window.Page.GetByLabel(field, new() { Exact = true }).FillAsync(value);
        await window.ByRole(AriaRole.Button, "Save").ClickAsync();

        var input = window.Page.GetByLabel(field, new() { Exact = true });
        await Expect(window.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync(said, new() { IgnoreCase = true });
        await Expect(input).ToHaveAttributeAsync("aria-invalid", "true");
        Assert.That(await ContextOfAsync("refused", CancellationToken.None), Is.EqualTo("""{"query":"select 1"}"""));
    }

    [Test]
    public async Task One_of_the_file_says_what_editing_means_and_holds_until_the_file_says_something_else(
        CancellationToken cancellationToken)
    {
        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, "/hangfire/sql/schedules/of-file/edit", NoScripts);
        await Expect(window.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("It comes from the configuration file.");
        await window.Page.GetByLabel("Cron").FillAsync("45 3 1 1 *");
        await window.ByRole(AriaRole.Button, "Save").ClickAsync();
        await Expect(window.Page.Locator("#hd-facts")).ToContainTextAsync("45 3 1 1 *");
        await Expect(window.Page.Locator("#hd-facts")).ToContainTextAsync("the configuration file");

        await _heimdall.RestartApiAsync();
        await window.Page.ReloadAsync();
        await Expect(window.Page.Locator("#hd-facts")).ToContainTextAsync("45 3 1 1 *");
    }

    [Test]
    public async Task A_strip_says_how_the_last_runs_went(CancellationToken cancellationToken)
    {
        await PutAsync("strip", """{"query": "select 1"}""", cancellationToken);
        await RunAsync("strip", cancellationToken);
        await RunAsync("strip", cancellationToken);
        await PutAsync("strip", """{"query": "select 1/0"}""", cancellationToken);
        var failed = await RunAsync("strip", cancellationToken);

        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, "/hangfire/sql/schedules", NoScripts);
        var row = window.Page.Locator(".hd-schedules tbody tr", new() { HasText = "strip" });
        await Expect(row.Locator(".hd-unseen")).ToContainTextAsync("The last 3 runs: 2 SUCCEEDED, 1 FAILED.");
        await Expect(row.Locator(".hd-strip rect")).ToHaveCountAsync(3);
        await Expect(row.Locator(".hd-strip rect").Nth(2)).ToHaveClassAsync("hd-bad");
        var heights = await row.Locator(".hd-strip rect").EvaluateAllAsync<int[]>(
            "bars => bars.map(bar => bar.height.baseVal.value)");
        Assert.That(heights.Max(), Is.EqualTo(28), "the longest has the whole height");

        await row.GetByRole(AriaRole.Link, new() { Name = "strip" }).ClickAsync();
        await Expect(window.Page.Locator(".hd-strip a").Nth(2))
            .ToHaveAttributeAsync("href", $"/hangfire/sql/jobs/{failed}");
        await Expect(window.Page.Locator(".hd-runs li").First).ToContainTextAsync("division by zero");
    }

    [Test]
    public async Task A_run_that_was_skipped_names_the_job_in_its_way_and_older_runs_are_reached(
        CancellationToken cancellationToken)
    {
        var wait = JsonSerializer.Serialize(HeimdallInstance.WaitAt("busy"));
        await PutAsync("busy", $$"""{"query": {{wait}}}""", cancellationToken);
        await _heimdall.CloseGateAsync("busy", cancellationToken);
        var first = (await TriggerAsync("busy", cancellationToken)).AssertStatus(202);
        (await TriggerAsync("busy", cancellationToken)).AssertProblem(409);
        await _heimdall.Store.ExecuteAsync(
            """
            insert into heimdall.schedule_run (id, schedule, planned_at, outcome, reason, decided_at)
            select gen_random_uuid(), 'busy', now() - n * interval '1 day', 'SKIPPED', 'old ' || n, now()
            from generate_series(1, 40) n
            """,
            cancellationToken);

        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, "/hangfire/sql/schedules/busy", NoScripts);
        var page = window.Page;
        await page.Locator(".hd-runs")
            .GetByRole(AriaRole.Link, new() { Name = $"job {first["job_id"]}" }).First.ClickAsync();
        await Expect(page.Locator("#hd-title")).ToContainTextAsync("busy");
        await page.GoBackAsync();
        await Expect(page.Locator(".hd-runs li")).ToHaveCountAsync(30);
        await window.ByRole(AriaRole.Link, "Older").ClickAsync();
        await Expect(page.Locator(".hd-runs li")).ToHaveCountAsync(12);
        await Expect(page.Locator(".hd-runs li").Last).ToContainTextAsync("old 40");
        await _heimdall.OpenGateAsync("busy", cancellationToken);
    }

    [Test]
    public async Task A_schedule_that_finds_no_cluster_says_so(CancellationToken cancellationToken)
    {
        await PutAsync("nowhere", """{"query": "select 1"}""", cancellationToken, cluster: "data:of-nobody");

        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, "/hangfire/sql/schedules/nowhere", NoScripts);

        await Expect(window.Page.GetByRole(AriaRole.Alert)).ToContainTextAsync("data:of-nobody");
    }

    [Test]
    public async Task Of_many_schedules_a_page_shows_some_and_finds_the_others(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        await PutAsync("many-000", """{"query": "select 1"}""", cancellationToken, heimdall: heimdall);
        await heimdall.Store.ExecuteAsync(
            """
            create table copied as select * from heimdall.schedule where id = 'many-000';
            """,
            cancellationToken);
        await heimdall.Store.ExecuteAsync(
            """
            do $$ declare n int; begin for n in 1..120 loop
            update copied set id = 'many-' || lpad(n::text, 3, '0'), name = 'many-' || lpad(n::text, 3, '0');
            insert into heimdall.schedule select * from copied; end loop; end $$
            """,
            cancellationToken);

        await using var window = await DashboardBrowser.Browser.OpenAsync(
            heimdall, "/hangfire/sql/schedules?utm_source=x", NoScripts);
        var rows = window.Page.Locator(".hd-schedules tbody tr");
        await Expect(rows).ToHaveCountAsync(50);
        await window.ByRole(AriaRole.Link, "Next").ClickAsync();
        await window.ByRole(AriaRole.Link, "Next").ClickAsync();
        await Expect(rows).ToHaveCountAsync(21);
        await window.Page.GetByLabel("In the name or id").FillAsync("MANY-077");
        await window.ByRole(AriaRole.Button, "Find").ClickAsync();
        await Expect(rows).ToHaveCountAsync(1);
        await Expect(rows).ToContainTextAsync("many-077");
    }

    private async Task PutAsync(
        string id, string context, CancellationToken cancellationToken, string more = "", string cluster = "data:local",
        HeimdallInstance? heimdall = null)
    {
        using var body = new StringContent(
            $$"""
            {"cron": "0 0 1 1 *", "command_criteria": ["type:postgres"], "cluster_criteria": ["{{cluster}}"],
            "context": {{context}}{{more}} }
            """,
            Encoding.UTF8, new MediaTypeHeaderValue("application/json"));
        var reply = await (heimdall ?? _heimdall).SendAsync(
            HttpMethod.Put, $"/api/v1/schedule/{id}", cancellationToken, body);
        Assert.That((int)reply.Status, Is.EqualTo(200).Or.EqualTo(201), reply.Text);
    }

    private Task<Reply> TriggerAsync(string id, CancellationToken cancellationToken) =>
        _heimdall.SendAsync(HttpMethod.Post, $"/api/v1/schedule/{id}/trigger", cancellationToken);

    private async Task<Guid> RunAsync(string id, CancellationToken cancellationToken)
    {
        var job = (await TriggerAsync(id, cancellationToken)).AssertStatus(202).Json.GetProperty("job_id").GetGuid();
        await _heimdall.WaitForEndAsync(job, cancellationToken);
        return job;
    }

    private async Task<string> ContextOfAsync(string id, CancellationToken cancellationToken)
    {
        var reply = (await _heimdall.GetAsync($"/api/v1/schedule/{id}", cancellationToken)).AssertStatus(200);
        return JsonSerializer.Serialize(reply.Json.GetProperty("context"), Readable);
    }
}
