using System.Text.Json;
using Deque.AxeCore.Commons;
using Deque.AxeCore.Playwright;
using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>The console, as an analyst uses it.</summary>
[CancelAfter(300_000)]
public sealed class ConsoleTests() : RealProcessTests(processes: 1)
{
    private const string Hostile = "<img src=x onerror=alert('xss')><script>alert('xss')</script>\"'&";
    private const string HostileName = "<img src=x onerror=alert('xss')>"; // PostgreSQL's names are short

    private const string FirstValue =
        "select n as id, 'employee ' || n as name, n * 1.5 as salary, null as nothing from generate_series(1, 2000) n";

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => config
            .WithCluster("reporting", "type:postgres, data:local, data:reporting", config.Target));
        await _heimdall.Target.ExecuteAsync(
            "create table employees (id int, full_name text, salary numeric)", CancellationToken.None);
        await _heimdall.Target.ExecuteAsync(
            "insert into employees select n, 'employee ' || n, n * 1.5 from generate_series(1, 50) n",
            CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [TestCase(ColorScheme.Light, 1440)]
    [TestCase(ColorScheme.Dark, 1440)]
    [TestCase(ColorScheme.Light, 390)]
    [TestCase(ColorScheme.Dark, 390)]
    public async Task The_console_fits_its_screen_and_can_be_read_by_anyone(ColorScheme colors, int width)
    {
        await using var window = await OpenAsync(
            new() { ColorScheme = colors, ViewportSize = new() { Width = width, Height = 900 } });
        var page = window.Page;
        await page.RunAsync(FirstValue);
        await Expect(page.Locator("#hc-status")).ToContainTextAsync("2,000 rows in ");
        await page.GetByRole(AriaRole.Button, new() { Name = "Options" }).ClickAsync();

        var overflow = await page.EvaluateAsync<int>("document.documentElement.scrollWidth - window.innerWidth");
        var result = await page.RunAxe(
            new AxeRunContext { Exclude = [new(".monaco-editor"), new(".monaco-aria-container")] },
            new AxeRunOptions { ResultTypes = [ResultType.Violations] });

        Assert.That(overflow, Is.LessThanOrEqualTo(0), "the page is wider than the screen");
        Assert.That(
            result.Violations.SelectMany(rule => rule.Nodes, (rule, node) => $"{rule.Id}: {node.Html}"), Is.Empty);
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task An_analyst_writes_checks_runs_sorts_downloads_explains_and_plots()
    {
        await using var window = await OpenAsync();
        var page = window.Page;
        await Expect(page.Locator("#hc-match")).ToHaveTextAsync("Runs with postgres-0.0.1 on postgres");

        await page.WriteAsync("select id,\n  salry from employees");
        await window.ByRole(AriaRole.Button, "Check").ClickAsync();
        await Expect(page.Locator("#hc-error")).ToContainTextAsync("42703 column \"salry\" does not exist");
        await Expect(window.ByRole(AriaRole.Button, "Line 2, column 3")).ToBeVisibleAsync();
        Assert.That(await page.MarksAsync(), Is.EqualTo("2:3 42703"));

        await page.WriteAsync("select id, salary from employees order by id");
        await window.ByRole(AriaRole.Button, "Run").ClickAsync();
        await Expect(page.Locator("#hc-status")).ToContainTextAsync("50 rows in ");
        await Expect(page.Locator(".hc-head")).ToContainTextAsync("salarynumeric");
        Assert.That(await page.MarksAsync(), Is.Empty);
        await Expect(page.CellsOf(column: 1).First).ToHaveTextAsync("1.5");
        await page.Locator(".hc-head [data-column='1']").ClickAsync();
        await page.Locator(".hc-head [data-column='1']").ClickAsync();
        await Expect(page.CellsOf(column: 1).First).ToHaveTextAsync("75.0");
        await Expect(page.Locator(".hc-said")).ToContainTextAsync("Sorted in this browser: the 50 loaded rows.");

        var csv = await page.DownloadAsync("CSV");
        Assert.That(csv, Does.StartWith("id,salary\r\n50,75.0\r\n49,73.5\r\n"));
        var json = JsonDocument.Parse(await page.DownloadAsync("JSON"));
        Assert.That(json.RootElement.GetProperty("data")[0][1].GetRawText(), Is.EqualTo("75.0"));

        await window.ByRole(AriaRole.Tab, "Plot").ClickAsync();
        await page.Locator("[data-pick=kind]").SelectOptionAsync("bar");
        await page.Locator("[data-pick=y]").SelectOptionAsync("salary");
        await Expect(page.Locator(".hc-plot rect")).ToHaveCountAsync(50);
        Assert.That(page.Url, Does.Contain("#plot=bar"));

        await page.GetByLabel("with ANALYZE").CheckAsync();
        await window.ByRole(AriaRole.Button, "Explain").ClickAsync();
        await Expect(page.Locator(".hc-plan")).ToContainTextAsync("50 of ");
        await Expect(page.Locator(".hc-plan")).ToContainTextAsync("Seq Scan employees");
        await Expect(page.Locator(".hc-hot").First).ToContainTextAsync("costly");
        Assert.That(window.Complaints.Where(ConsoleWindow.IsNoRefusal), Is.Empty);
    }

    [Test]
    public async Task Numbers_are_shown_with_every_digit_and_white_space_is_seen()
    {
        await using var window = await OpenAsync();
        var page = window.Page;

        await page.RunAsync("""
            select 9007199254740993::int8 as a, 1e-400::numeric as b, 123456789012345678901234567890.10::numeric as c,
            1e-7::float8 as d, null::text as e, '' as f, E' x\ty\n' as g, chr(8238) || 'z' as h,
            '{"n": 9007199254740993, "s": "},]"}'::json as i, '"' || chr(92) as j
            """);
        await Expect(page.Locator("#hc-status")).ToContainTextAsync("1 row in ");

        // The bar moves columns into sight; each is looked at where it is.
        var shown = new List<string>();
        await page.Locator(".hc-grid").FocusAsync();
        for (var column = 0; column < 10; column++)
        {
            shown.Add(await page.Locator(".hc-active").InnerTextAsync());
            await page.Keyboard.PressAsync("ArrowRight");
            if (column < 9)
            {
                await Expect(page.Locator(".hc-active")).ToHaveAttributeAsync(
                    "data-column", $"{column + 1}");
            }
        }
        Assert.That(shown[0], Is.EqualTo("9007199254740993"));
        Assert.That(shown[1], Does.StartWith("0.000000").And.EndWith("…"));
        Assert.That(shown[2..6], Is.EqualTo(new[] { "123456789012345678901234567890.10", "1e-07", "NULL", "empty" }));
        Assert.That(
            shown[6..],
            Is.EqualTo(new[] { "·x→y↵", "U+202Ez", """{"n": 9007199254740993, "s": "},]"}""", "\"\\" }));

        for (var column = 9; column > 1; column--)
        {
            await page.Keyboard.PressAsync("ArrowLeft");
        }
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("#hc-value pre")).ToHaveTextAsync($"0.{new string('0', 399)}1");
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task What_the_database_says_is_text(CancellationToken cancellationToken)
    {
        await using var window = await OpenAsync();
        var page = window.Page;

        await page.RunAsync($"select $h${Hostile}$h$ as \"{HostileName}\"");
        await Expect(page.CellsOf(column: 0).First).ToHaveTextAsync(Hostile);
        await Expect(page.Locator(".hc-head")).ToContainTextAsync(HostileName);
        await page.Locator(".hc-grid").FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("#hc-value pre")).ToHaveTextAsync(Hostile);
        await page.Keyboard.PressAsync("Escape");
        await window.ByRole(AriaRole.Tab, "Plot").ClickAsync();
        await Expect(page.Locator(".hc-plot-bar")).ToContainTextAsync(HostileName);

        await page.GetByLabel("Run as").SelectOptionAsync("batch");
        await page.RunAsync($"""
            do $x$ begin raise notice '%', $h${Hostile}$h$; end $x$;
            do $x$ begin
            raise exception '%', $h${Hostile}$h$ using hint = $h${Hostile}$h$, detail = $h${Hostile}$h$; end $x$
            """);
        await Expect(page.Locator("#hc-error .hd-error-message")).ToContainTextAsync(Hostile);
        await Expect(page.Locator("#hc-error")).ToContainTextAsync($"Hint: {Hostile}");
        await Expect(page.Locator(".hd-log")).ToContainTextAsync(Hostile);
        await _heimdall.EnqueueAsync($"select $h${Hostile}$h$", cancellationToken, Hostile);
        await window.ByRole(AriaRole.Button, "History").ClickAsync();
        await Expect(page.Locator(".hc-list")).ToContainTextAsync(Hostile);

        Assert.That(await page.Locator("img, main script").CountAsync(), Is.Zero);
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task A_stored_result_is_scrolled_to_its_end_with_few_rows_in_the_page()
    {
        await using var window = await OpenAsync();
        var page = window.Page;
        await page.GetByLabel("Run as").SelectOptionAsync("stored");
        await page.RunAsync("select n, md5(n::text) as hash from generate_series(1, 100000) n");
        await Expect(page.Locator("#hc-status")).ToContainTextAsync("100,000 rows, stored in ");

        await page.Locator(".hc-grid").FocusAsync();
        await page.Keyboard.PressAsync("Control+End");
        await Expect(page.Locator(".hc-active")).ToHaveAttributeAsync("data-row", "99999");
        await Expect(page.CellsOf(column: 0).Last).ToHaveTextAsync("100000");
        await page.EvaluateAsync("document.querySelector('.hc-grid').scrollTop = 50000 * 26");
        await Expect(page.CellsOf(column: 0).First).ToHaveTextAsync("50001");

        Assert.That(await page.Locator(".hc-row").CountAsync(), Is.LessThan(60));
        await page.Locator(".hc-head [data-column='1']").ClickAsync();
        await Expect(page.Locator(".hc-said")).ToContainTextAsync("Use ORDER BY in the query.");
        var csv = await page.DownloadAsync("CSV", AriaRole.Link);
        Assert.That(csv.Split('\n', StringSplitOptions.RemoveEmptyEntries), Has.Length.EqualTo(100_001));
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task A_million_rows_have_an_end_that_can_be_reached()
    {
        await using var window = await OpenAsync();
        var page = window.Page;
        await page.GetByLabel("Run as").SelectOptionAsync("stored");
        await page.RunAsync("select n from generate_series(1, 1000000) n");
        await Expect(page.Locator("#hc-status")).ToContainTextAsync("1,000,000 rows, stored in ");

        await page.EvaluateAsync("document.querySelector('.hc-grid').scrollTop = 1e9");
        await Expect(page.CellsOf(column: 0).Last).ToHaveTextAsync("1000000");
        await page.Locator(".hc-grid").FocusAsync();
        await page.Keyboard.PressAsync("Control+Home");
        await Expect(page.CellsOf(column: 0).First).ToHaveTextAsync("1");

        Assert.That(await page.Locator(".hc-row").CountAsync(), Is.LessThan(60));
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task A_query_and_a_batch_are_cancelled(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("console", cancellationToken);
        await using var window = await OpenAsync();
        var page = window.Page;

        await page.GetByLabel("Run as").SelectOptionAsync("batch");
        await page.RunAsync(HeimdallInstance.WaitAt("console"));
        await window.ByRole(AriaRole.Button, "Cancel").ClickAsync();
        await Expect(page.Locator("#hc-status")).ToContainTextAsync("Cancelled in ");

        await window.ByRole(AriaRole.Button, "Rename").ClickAsync();
        await page.Keyboard.TypeAsync("to be stopped");
        await page.Keyboard.PressAsync("Enter");
        await page.GetByLabel("Run as").SelectOptionAsync("query");
        await page.RunAsync("select pg_sleep(600)");
        await _heimdall.FindJobAsync("to%20be%20stopped", "RUNNING", cancellationToken);
        await window.ByRole(AriaRole.Button, "Cancel").ClickAsync();
        await Expect(page.Locator("#hc-status")).ToContainTextAsync("Cancelled in ");
        await _heimdall.FindJobAsync("to%20be%20stopped", "CANCELED", cancellationToken);
        await _heimdall.OpenGateAsync("console", cancellationToken);
        Assert.That(window.Complaints.Where(ConsoleWindow.IsNoRefusal), Is.Empty);
    }

    [Test]
    public async Task A_batch_is_followed_and_its_failure_marked_in_the_selection()
    {
        await using var window = await OpenAsync();
        var page = window.Page;
        await page.GetByLabel("Run as").SelectOptionAsync("batch");
        await page.WriteAsync("select 'not this';\nselect 1;\nselect 1/0;");
        await page.EvaluateAsync("monaco.editor.getEditors()[0].setSelection(new monaco.Range(2, 1, 3, 12))");

        await page.Keyboard.PressAsync("Control+Enter");
        await Expect(page.Locator("#hc-status")).ToContainTextAsync("of the selection");
        await Expect(page.Locator("#hc-error")).ToContainTextAsync("22012 division by zero");
        await Expect(page.Locator(".hd-log")).ToContainTextAsync("1  line 1  SELECT");

        Assert.That(await page.MarksAsync(), Does.StartWith("3:").And.EndWith(" 22012"));
        var job = await page.Locator("#hc-status a").GetAttributeAsync("href");
        await page.GotoAsync(job!);
        await window.ByRole(AriaRole.Link, "Edit and run as new").ClickAsync();
        await Expect(page.Locator(".monaco-editor .view-lines")).ToContainTextAsync("1/0");
        await Expect(page.GetByLabel("Run as")).ToHaveValueAsync("batch");
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task By_keyboard_alone_a_parameter_is_bound_and_a_value_is_copied()
    {
        await using var window = await OpenAsync(new() { Permissions = ["clipboard-read", "clipboard-write"] });
        var page = window.Page;
        await page.Keyboard.TypeAsync("select :word || ' it is' as said");
        await page.Locator("[data-drawer=options]").FocusAsync();
        await page.Keyboard.PressAsync("Enter");
        await page.GetByLabel("Value of word").FocusAsync();
        await page.Keyboard.TypeAsync("so");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.TypeAsync("text");
        await page.Keyboard.PressAsync("F6");
        await page.Keyboard.PressAsync("Control+Enter");
        await Expect(page.Locator("#hc-status")).ToContainTextAsync("1 row in ");
        await page.Keyboard.PressAsync("F6");
        await Expect(page.Locator(".hc-grid")).ToBeFocusedAsync();
        await page.Keyboard.PressAsync("Control+c");

        Assert.That(await page.EvaluateAsync<string>("navigator.clipboard.readText()"), Is.EqualTo("so it is"));
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task Texts_are_kept_in_the_browser_and_columns_are_offered()
    {
        await using var window = await OpenAsync();
        var page = window.Page;
        await page.Keyboard.TypeAsync("select 1 -- the first");
        await window.ByRole(AriaRole.Button, "New text").ClickAsync();
        await page.Locator("#hc-cluster").SelectOptionAsync("reporting");
        await Expect(page.Locator("#hc-match")).ToHaveTextAsync("Runs with postgres-0.0.1 on reporting");
        await page.WriteAsync("select e. from employees e");
        await page.EvaluateAsync("monaco.editor.getEditors()[0].setPosition({lineNumber: 1, column: 10})");
        await page.Keyboard.PressAsync("Control+Space");
        await Expect(page.Locator(".suggest-widget")).ToContainTextAsync("full_name");
        await page.Keyboard.PressAsync("Escape");

        await page.ReloadAsync();
        await page.ReadyAsync();
        await Expect(page.Locator("#hc-tabs [role=tab]")).ToHaveTextAsync(["Text 1", "Text 2"]);
        await Expect(page.Locator(".monaco-editor .view-lines")).ToContainTextAsync("employees");
        await Expect(page.Locator("#hc-cluster")).ToHaveValueAsync("reporting");
        await window.ByRole(AriaRole.Tab, "Text 1").ClickAsync();
        await Expect(page.Locator(".monaco-editor .view-lines")).ToContainTextAsync("first");
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task A_text_becomes_a_schedule(CancellationToken cancellationToken)
    {
        await using var window = await OpenAsync();
        var page = window.Page;
        await page.WriteAsync("select count(*) from employees");
        await window.ByRole(AriaRole.Button, "Schedule").ClickAsync();
        await page.GetByLabel("Id", new() { Exact = true }).FillAsync("count-staff");
        await page.GetByLabel("Times (cron)", new() { Exact = true }).FillAsync("30 2 1 1 *");
        await window.ByRole(AriaRole.Button, "Make the schedule").ClickAsync();
        await Expect(page.Locator("#hc-drawer")).ToContainTextAsync("Scheduled. It runs next at ");

        var schedule = (await _heimdall.GetAsync("/api/v1/schedule/count-staff", cancellationToken)).AssertStatus(200);
        Assert.That(schedule.Json.GetProperty("cron").GetString(), Is.EqualTo("30 2 1 1 *"));
        Assert.That(
            schedule.Json.GetProperty("context").GetProperty("query").GetString(),
            Is.EqualTo("select count(*) from employees"));
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task Files_are_kept_by_browsers_and_come_compressed(CancellationToken cancellationToken)
    {
        var page = (await _heimdall.GetAsync("/console", cancellationToken)).AssertStatus(200).Text;
        var app = page.Split("src=\"").Last(part => part.Contains("app.js", StringComparison.Ordinal)).Split('"')[0];
        var editor = app.Replace("app.js", "monaco/vs/editor/editor.main.js", StringComparison.Ordinal);

        var plain = await _heimdall.SendAsync(HttpMethod.Get, editor, cancellationToken);
        using var request = new HttpRequestMessage(HttpMethod.Get, editor);
        request.Headers.AcceptEncoding.Add(new("gzip"));
        using var compressed = await _heimdall.Client.SendAsync(request, cancellationToken);

        Assert.That(compressed.Content.Headers.ContentEncoding, Is.EqualTo(new[] { "gzip" }));
        Assert.That(compressed.Headers.CacheControl!.ToString(), Does.Contain("immutable"));
        Assert.That(compressed.Headers.Vary, Does.Contain("Accept-Encoding"));
        Assert.That((await compressed.Content.ReadAsByteArrayAsync(cancellationToken)).Length, Is.LessThan(1_000_000));
        Assert.That(plain.Text, Has.Length.GreaterThan(2_900_000));
        var none = app.Replace("app.js", "none.js", StringComparison.Ordinal);
        (await _heimdall.GetAsync(none, cancellationToken)).AssertStatus(404);
        (await _heimdall.GetAsync("/console/files/000000000000/app.js", cancellationToken)).AssertStatus(404);
    }

    private Task<BrowserPage> OpenAsync(BrowserNewContextOptions? options = null) =>
        _heimdall.OpenConsoleAsync(options);
}
