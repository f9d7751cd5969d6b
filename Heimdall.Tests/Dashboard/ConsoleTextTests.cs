using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>Texts and values reach the server, and come back, as they are.</summary>
[CancelAfter(300_000)]
public sealed class ConsoleTextTests() : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => config
            .WithCommand("small", "type:small", ", context: {max_row_limit: 100, max_timeout_seconds: 5}")
            .WithCommand("ten", "type:ten", ", context: {fixed: {row_limit: 10, timeout_seconds: 30}}")
            .WithCommand("asking", "type:asking", ", context: {return_result: true}"));
        await _heimdall.Target.ExecuteAsync("create table employees (id int, full_name text)", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task Two_windows_keep_what_each_of_them_has_written(CancellationToken cancellationToken)
    {
        var job = await _heimdall.EnqueueAsync("select 'of the job'", cancellationToken, "from-a-job");
        await using var window = await _heimdall.OpenConsoleAsync();
        var first = window.Page;
        await first.WriteAsync("select 'early'");
        await KeepsAsync(first, "early");
        var second = await first.Context.NewPageAsync();
        await second.GotoAsync($"/console?job={job}");
        await second.ReadyAsync();
        await Expect(second.Locator("#hc-tabs [role=tab]")).ToHaveTextAsync(["Text 1", "from-a-job"]);

        await first.WriteAsync("select 'late'");
        await KeepsAsync(second, "late");
        await first.GotoAsync("/healthz");
        await second.GotoAsync("/healthz");
        await second.GotoAsync("/console");
        await second.ReadyAsync();

        await second.GetByRole(AriaRole.Tab, new() { Name = "Text 1" }).ClickAsync();
        await Expect(second.Locator(".monaco-editor .view-lines")).ToContainTextAsync("late");
        await second.GetByRole(AriaRole.Tab, new() { Name = "from-a-job" }).ClickAsync();
        await Expect(second.Locator(".monaco-editor .view-lines")).ToContainTextAsync("job");

        Task KeepsAsync(IPage page, string word) => Eventually.Is(
            () => page.EvaluateAsync<bool>(
                "word => Object.values(localStorage).some(text => text.includes(word))", word),
            cancellationToken);
    }

    [Test]
    public async Task A_text_that_another_window_changes_or_closes_follows_it(CancellationToken cancellationToken)
    {
        await using var window = await _heimdall.OpenConsoleAsync();
        var first = window.Page;
        await first.WriteAsync("select 1");
        await window.ByRole(AriaRole.Button, "New text").ClickAsync();
        var second = await first.Context.NewPageAsync();
        await second.GotoAsync("/console");
        await second.ReadyAsync();
        await second.GetByRole(AriaRole.Tab, new() { Name = "Text 1" }).ClickAsync();

        await second.WriteAsync("select 'from the other window'");
        await Eventually.Is(
            () => first.EvaluateAsync<bool>(
                "monaco.editor.getModels().some(model => model.getValue().includes('other window'))"),
            cancellationToken);
        await second.GetByRole(AriaRole.Button, new() { Name = "Close Text 1" }).ClickAsync();
        await second.GetByRole(AriaRole.Button, new() { Name = "Close Text 1" }).ClickAsync();

        await Expect(first.Locator("#hc-tabs [role=tab]")).ToHaveTextAsync(["Text 2"]);
    }

    [Test]
    public async Task Edit_and_run_as_new_keeps_digits_arrays_the_pin_and_the_form_of_numbers(
        CancellationToken cancellationToken)
    {
        const string Script = "select :big as big, 2 = any(:ids) as has_two, :nothing::text as nothing";
        _heimdall.WriteScript("pick.sql", Script);
        var pin = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(Script)));
        var first = await _heimdall.PostJobAsync(
            $$"""
            {"name": "pinned", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"], "context": {
            "query": "pick.sql", "return_result": true, "sha256": "{{pin}}", "numbers": "string", "byte_limit": 100000,
            "row_limit": 7, "parameters": {"big": {"value": 9007199254740993, "type": "int8"}, "ids": [1, 2, 3],
            "nothing": null} } }
            """,
            cancellationToken);
        first.AssertStatus(200);
        var job = await _heimdall.FindJobAsync("pinned", "SUCCEEDED", cancellationToken);

        await using var window = await _heimdall.OpenConsoleAsync(query: $"?job={job}");
        var page = window.Page;
        await window.ByRole(AriaRole.Button, "Options").ClickAsync();
        await Expect(page.Locator("#hc-drawer")).ToContainTextAsync($"sha256: \"{pin}\"");
        await Expect(page.GetByLabel("Value of ids")).ToHaveValueAsync("[1,2,3]");
        await page.RenameAsync("pinned-anew");
        await page.Keyboard.PressAsync("Control+Enter");
        await page.ExpectStatusAsync("1 row in ");
        await Expect(page.CellsOf(column: 0)).ToHaveTextAsync("9007199254740993");
        await Expect(page.CellsOf(column: 1)).ToHaveTextAsync("true");
        await Expect(page.CellsOf(column: 2)).ToHaveTextAsync("NULL");

        var anew = await ContextOfAsync("pinned-anew", cancellationToken);
        var parameters = anew.GetProperty("parameters");
        Assert.That(
            parameters.GetProperty("big").GetProperty("value").GetRawText(), Is.EqualTo("9007199254740993"));
        Assert.That(parameters.GetProperty("big").GetProperty("type").GetString(), Is.EqualTo("int8"));
        Assert.That(parameters.GetProperty("ids").GetProperty("value").GetArrayLength(), Is.EqualTo(3));
        Assert.That(anew.GetProperty("sha256").GetString(), Is.EqualTo(pin));
        Assert.That(anew.GetProperty("numbers").GetString(), Is.EqualTo("string"));
        Assert.That(anew.GetProperty("byte_limit").GetRawText(), Is.EqualTo("100000"));
        Assert.That(anew.GetProperty("row_limit").GetRawText(), Is.EqualTo("7"));
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task Edit_and_run_as_new_keeps_psql_off_and_variables_of_included_files(
        CancellationToken cancellationToken)
    {
        _heimdall.WriteScript("inner.sql", "select :'word';");
        var variables = new { word = "so", empty = "" };
        var plain = await _heimdall.SubmitAsync(
            "select 1", returnResult: false, cancellationToken, "plain", more: new { psql = false });
        var included = await _heimdall.SubmitAsync(
            "\\i inner.sql", returnResult: false, cancellationToken, "included", more: new { variables });

        await AgainAsync(plain.AssertStatus(202).Id, "plain-anew");
        await AgainAsync(included.AssertStatus(202).Id, "included-anew");

        var context = await ContextOfAsync("plain-anew", cancellationToken);
        Assert.That(context.GetProperty("psql").ValueKind, Is.EqualTo(JsonValueKind.False));
        context = await ContextOfAsync("included-anew", cancellationToken);
        Assert.That(context.GetProperty("variables").GetProperty("word").GetString(), Is.EqualTo("so"));
        Assert.That(context.GetProperty("variables").GetProperty("empty").GetString(), Is.Empty);

        async Task AgainAsync(Guid id, string name)
        {
            await using var window = await _heimdall.OpenConsoleAsync(query: $"?job={id}");
            await Expect(window.Page.GetByLabel("Run as")).ToHaveValueAsync("batch");
            await window.Page.RenameAsync(name);
            await window.Page.Keyboard.PressAsync("Control+Enter");
            await window.Page.ExpectStatusAsync("1 statement done");
        }
    }

    [Test]
    public async Task A_job_that_its_command_made_a_query_is_opened_as_one(CancellationToken cancellationToken)
    {
        await _heimdall.PostJobAsync(
            """
            {"name": "by-default", "command_criteria": ["type:asking"], "cluster_criteria": ["_id:postgres"],
            "context": {"query": "select 1 as n"}}
            """,
            cancellationToken,
            ("Prefer", "respond-async"));
        var job = await _heimdall.FindJobAsync("by-default", "SUCCEEDED", cancellationToken);

        await using var window = await _heimdall.OpenConsoleAsync(query: $"?job={job}");

        await Expect(window.Page.GetByLabel("Run as")).ToHaveValueAsync("stored");
    }

    [Test]
    public async Task Json_is_shown_and_downloaded_as_json()
    {
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;

        await page.RunAsync(
            """
            select '"abc"'::jsonb as a, '"a\"b"'::json as b, '{"n": 9007199254740993}'::jsonb as c, 'abc' as d,
            E'it\'s :no' as e
            """);
        await page.ExpectStatusAsync("1 row in ");
        await Expect(page.CellsOf(column: 0)).ToHaveTextAsync("\"abc\"");
        await Expect(page.CellsOf(column: 1)).ToHaveTextAsync("\"a\\\"b\"");

        var lines = (await page.DownloadAsync("NDJSON")).Split('\n');
        Assert.That(lines[1], Is.EqualTo("""["abc","a\"b",{"n": 9007199254740993},"abc","it's :no"]"""));
        var ending = JsonDocument.Parse(lines[2]).RootElement;
        Assert.That(ending.GetProperty("status").GetString(), Is.EqualTo("SUCCEEDED"));
        var json = JsonDocument.Parse(await page.DownloadAsync("JSON")).RootElement;
        Assert.That(json.GetProperty("data")[0][0].GetString(), Is.EqualTo("abc"));
        Assert.That(await page.DownloadAsync("CSV"), Does.Contain("\r\n\"\"\"abc\"\"\","));
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task Rows_that_are_not_loaded_are_not_copied_as_blank_lines()
    {
        await using var window = await _heimdall.OpenConsoleAsync(
            new() { Permissions = ["clipboard-read", "clipboard-write"] });
        var page = window.Page;
        await page.RunAsync("stored", "select n from generate_series(1, 100000) n");
        await Expect(page.CellsOf(column: 0).First).ToHaveTextAsync("1");
        await page.EvaluateAsync("navigator.clipboard.writeText('before')");

        await page.Locator(".hc-grid").FocusAsync();
        await page.Keyboard.PressAsync("Control+Shift+ArrowDown");
        await Expect(page.Locator(".hc-active")).ToHaveAttributeAsync("data-row", "99999");
        await page.Keyboard.PressAsync("Control+c");
        await Expect(page.Locator(".hc-said")).ToContainTextAsync("Nothing is copied: not all");
        Assert.That(await page.EvaluateAsync<string>("navigator.clipboard.readText()"), Is.EqualTo("before"));

        await page.Keyboard.PressAsync("Control+Home");
        await page.Keyboard.PressAsync("Shift+ArrowDown");
        await Expect(page.CellsOf(column: 0).First).ToHaveTextAsync("1");
        await page.Keyboard.PressAsync("Control+c");
        Assert.That(await page.EvaluateAsync<string>("navigator.clipboard.readText()"), Is.EqualTo("1\n2"));
    }

    [TestCase("timestamp", "without a time zone")]
    [TestCase("timestamptz", "in UTC")]
    public async Task Times_are_drawn_as_they_are_wherever_the_browser_is(string type, string zone)
    {
        await using var window = await _heimdall.OpenConsoleAsync(new() { TimezoneId = "America/New_York" });
        var page = window.Page;
        var inZone = type == "timestamp" ? "" : "at time zone 'UTC'";
        await page.RunAsync(
            $"select (timestamp '2026-01-01' + n * interval '1 hour') {inZone} as t, n from generate_series(0, 5) n");
        await page.ExpectStatusAsync("6 rows in ");

        await window.ByRole(AriaRole.Tab, "Plot").ClickAsync();

        await Expect(page.Locator(".hc-plot figcaption")).ToContainTextAsync($"by t, {zone}.");
        var labels = await page.Locator(".hc-plot text[text-anchor=middle]").AllTextContentsAsync();
        Assert.That(labels[0], Is.EqualTo("00:00:00"));
        Assert.That(labels[^1], Is.EqualTo("05:00:00"));
    }

    [Test]
    public async Task A_commands_ceilings_and_fixed_limits_refuse_neither_queries_nor_completion()
    {
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;
        foreach (var (command, rows) in new[] { ("small", 100), ("ten", 10) })
        {
            await page.Locator("#hc-command").SelectOptionAsync(command);
            await page.RunAsync("select n from generate_series(1, 200) n");
            await page.ExpectStatusAsync($"{rows} rows: a limit has cut the result");
            Assert.That(
                await page.DownloadAsync("CSV"),
                Does.EndWith($"\r\n\"heimdall: TRUNCATED by a limit after {rows} rows\r\n"));

            await page.WriteAsync("select e. from employees e");
            await page.EvaluateAsync("monaco.editor.getEditors()[0].setPosition({lineNumber: 1, column: 10})");
            await page.Keyboard.PressAsync("Control+Space");
            await Expect(page.Locator(".suggest-widget")).ToContainTextAsync("full_name");
            await page.Keyboard.PressAsync("Escape");
        }
        await Expect(page.Locator("#hc-names")).ToBeEmptyAsync();
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task An_open_schedule_follows_how_the_text_runs()
    {
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;
        await page.WriteAsync("select 1");
        await window.ByRole(AriaRole.Button, "Schedule").ClickAsync();
        await Expect(page.Locator("#hc-drawer")).ToContainTextAsync("runs as a query");

        await page.GetByLabel("Run as").SelectOptionAsync("batch");

        await Expect(page.Locator("#hc-drawer")).ToContainTextAsync("runs as a batch");
    }

    [Test]
    public async Task Workers_of_a_plan_run_side_by_side_and_a_common_table_counts_once()
    {
        await using var window = await _heimdall.OpenConsoleAsync();
        const string Plan = """
            [{"Planning Time": 1, "Execution Time": 100, "Plan": {"Node Type": "CTE Scan", "CTE Name": "c",
            "Actual Total Time": 100, "Actual Loops": 1, "Actual Rows": 1, "Plan Rows": 1, "Plans": [
            {"Node Type": "Gather", "Parent Relationship": "InitPlan", "Subplan Name": "CTE c",
            "Actual Total Time": 90, "Actual Loops": 1, "Actual Rows": 1, "Plan Rows": 1, "Plans": [
            {"Node Type": "Seq Scan", "Parent Relationship": "Outer",
            "Actual Total Time": 60, "Actual Loops": 3, "Actual Rows": 1, "Plan Rows": 1}]}]}}]
            """;

        var shares = await window.Page.EvaluateAsync<string[]>(
            """
            async plan => {
                const { drawPlan } = await import(
                    document.querySelector('script[type=module]').src.replace('app.js', 'plan.js'));
                return [...drawPlan(plan).querySelectorAll('.hc-numbers')].map(p => p.textContent.split(' ·')[0]);
            }
            """,
            Plan);

        Assert.That(shares, Is.EqualTo(new[] { "10 %", "30 %", "60 %" }));
    }

    [Test]
    public async Task What_is_quoted_or_a_comment_names_no_parameter()
    {
        await using var window = await _heimdall.OpenConsoleAsync();

        var names = await window.Page.EvaluateAsync<string>(
            """
            async () => {
                const { placeholders } = await import(
                    document.querySelector('script[type=module]').src.replace('app.js', 'sqltext.js'));
                return [
                    placeholders("select E'it\\'s :a', :b", false),
                    placeholders("/* x /* :a */ :b */ select :c, $t$ :d $t$, \":e\", ':f''s' -- :g", false),
                    placeholders("select :'a', :\"b\", ':c', :d, :{?e}; do $$ :f $$", true),
                ].join('|');
            }
            """);

        Assert.That(names, Is.EqualTo("b|c|a,b,d,e"));
    }

    private async Task<JsonElement> ContextOfAsync(string name, CancellationToken cancellationToken)
    {
        var id = await _heimdall.FindJobAsync(name, "SUCCEEDED", cancellationToken);
        return (await _heimdall.JobAsync(id, cancellationToken)).Json.GetProperty("context");
    }
}
