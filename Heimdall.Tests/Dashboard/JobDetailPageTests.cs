using System.Text.RegularExpressions;
using Heimdall.Tests.Support;
using Microsoft.Playwright;
using Npgsql;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>The page of a job, as an operator uses it.</summary>
[CancelAfter(300_000)]
public sealed class JobDetailPageTests() : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync();
        await _heimdall.Target.ExecuteAsync("create table effect (name text)", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_long_batch_is_watched_and_canceled(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("first", cancellationToken);
        await _heimdall.CloseGateAsync("second", cancellationToken);
        var id = await _heimdall.EnqueueAsync(
            $"""
            insert into effect values ('watched');
            do $$ begin raise notice 'halfway there'; end $$;
            {HeimdallInstance.WaitAt("first")};
            insert into effect values ('watched');
            {HeimdallInstance.WaitAt("second")}
            """,
            cancellationToken,
            "nightly load");

        await using var window = await OpenAsync(id);
        var page = window.Page;
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("nightly load 0.0.1");
        await Expect(page.Locator("#hd-status")).ToContainTextAsync("RUNNING");
        await Expect(page.Locator("#hd-part-progress")).ToContainTextAsync("Statements done: 2");
        await Expect(page.Locator("#hd-log")).ToContainTextAsync("NOTICE:  halfway there");
        await Expect(page.Locator("#hd-part-session")).ToContainTextAsync("active");

        await _heimdall.OpenGateAsync("first", cancellationToken);
        await Expect(page.Locator("#hd-part-progress")).ToContainTextAsync("Statements done: 4");

        await PressAsync(window, "Cancel", "Yes, cancel it");
        await Expect(page.Locator("#hd-status")).ToContainTextAsync("It was stopped by anonymous.");
        await Expect(page.Locator("#hd-actions summary").Filter(new() { HasText = "Cancel" })).ToHaveCountAsync(0);
        await Expect(page.Locator("#hd-part-session")).ToBeEmptyAsync();
        await Expect(page.Locator("#hd-part-attempts")).ToContainTextAsync("CANCELED");
        Assert.That(await page.TitleAsync(), Does.StartWith("nightly load – CANCELED"));
        Assert.That(await _heimdall.Target.ScalarAsync<long>("select count(*) from effect where name = 'watched'", cancellationToken), Is.Zero);
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task The_clusters_of_a_fan_out_are_a_grid(CancellationToken cancellationToken)
    {
        var parent = (await _heimdall.PostJobAsync(
            """
            {"name": "everywhere", "target": "all", "max_parallel": 3, "command_criteria": ["type:postgres"],
             "cluster_criteria": ["data:local"], "context": {"query": "select 1/0"}}
            """,
            cancellationToken)).AssertStatus(202).Id;
        await _heimdall.WaitForEndAsync(parent, cancellationToken);

        await using var window = await OpenAsync(parent);
        var page = window.Page;
        await Expect(page.Locator("#hd-status")).ToContainTextAsync("0 of 1 children have succeeded.");
        var row = page.Locator("#hd-part-children tbody tr");
        await Expect(row).ToContainTextAsync("postgres");
        await Expect(row).ToContainTextAsync("FAILED");
        await Expect(row).ToContainTextAsync("division by zero");
        await Expect(page.Locator("#hd-part-facts")).ToContainTextAsync("at most 3");
        await row.GetByRole(AriaRole.Link).ClickAsync();
        await Expect(page.Locator("#hd-part-facts")).ToContainTextAsync($"job {parent}");
        await Expect(page.Locator("#hd-part-children")).ToBeEmptyAsync();
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task The_result_of_a_batch_is_shown(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync(
            "insert into effect values ('shown'); insert into effect values ('shown')", cancellationToken, "shown");
        await _heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);

        await using var window = await OpenAsync(id);
        var result = window.Page.Locator("#hd-part-result");
        await Expect(result.Locator("th")).ToHaveTextAsync("message text");
        await Expect(result.Locator("td")).ToHaveTextAsync("2 statements executed successfully");
        await Expect(result).ToContainTextAsync("1 row. Kept until");
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task What_has_not_changed_stays_where_it_is_while_the_page_follows_its_job(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("still", cancellationToken);
        var id = await _heimdall.EnqueueAsync(HeimdallInstance.WaitAt("still"), cancellationToken, "still");
        await _heimdall.WaitForStatusAsync(id, "RUNNING", cancellationToken);
        await Eventually.Is( // its first progress is one of the facts
            () => _heimdall.Store.ScalarAsync<bool>("select rows_affected is not null from heimdall.job where id = $1", cancellationToken, id), cancellationToken);

        await using var window = await OpenAsync(id);
        var page = window.Page;
        var cancel = await page.Locator("#hd-actions summary").ElementHandleAsync();
        var facts = await page.Locator("#hd-part-facts dl").ElementHandleAsync();
        await cancel.FocusAsync();
        var asked = window.CountReplies("/live");
        await Eventually.Is(
            () => Task.FromResult(window.CountReplies("/live") >= asked + 3), cancellationToken, TimeSpan.FromSeconds(90));

        Assert.That(await cancel.EvaluateAsync<bool>("button => button.isConnected && document.activeElement === button"), Is.True, "the focus stays on the button");
        Assert.That(await facts.EvaluateAsync<bool>("list => list.isConnected"), Is.True);
        await page.Keyboard.PressAsync("Enter");
        await page.Keyboard.PressAsync("Tab");
        await page.Keyboard.PressAsync("Enter");
        await Expect(page.Locator("#hd-status")).ToContainTextAsync("It was stopped by anonymous.");
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task The_line_that_failed_is_marked_and_linked(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync("select 1;\nselect 2;\nselect 3,\n  nothing_of_that_name;\nselect 5", cancellationToken, "wrong");
        await _heimdall.WaitForEndAsync(id, cancellationToken);

        await using var window = await OpenAsync(id);
        var page = window.Page;
        await Expect(page.Locator("#hd-part-errors")).ToContainTextAsync("42703");
        var marked = page.Locator(".hd-sql li.hd-failed");
        await Expect(marked).ToHaveCountAsync(1);
        await Expect(marked.Locator("mark")).ToHaveTextAsync("  nothing_of_that_name;");
        await Expect(marked).ToContainTextAsync("column \"nothing_of_that_name\" does not exist");
        Assert.That(await marked.GetAttributeAsync("value"), Is.EqualTo("4"));

        await window.ByRole(AriaRole.Link, "Line 4, column 3").FocusAsync();
        await page.Keyboard.PressAsync("Enter");

        await Expect(marked).ToBeFocusedAsync();
        await Expect(marked).ToBeInViewportAsync();
        Assert.That(page.Url, Does.EndWith("#L4"));
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task Of_a_long_script_the_place_that_failed_is_shown(CancellationToken cancellationToken)
    {
        var lines = Enumerable.Range(1, 2000).Select(line => line == 1500 ? "select 1/0;" : $"select {line};");
        _heimdall.WriteScript("loads/long.sql", string.Join('\n', lines));
        var id = await _heimdall.EnqueueAsync("loads/long.sql", cancellationToken, "long");
        await _heimdall.WaitForEndAsync(id, cancellationToken);

        await using var window = await OpenAsync(id);
        var sql = window.Page.Locator("#hd-part-sql");
        await Expect(sql).ToContainTextAsync("Script loads/long.sql");
        await Expect(sql.Locator("#L1500 mark")).ToHaveTextAsync("select 1/0;");
        await Expect(sql.Locator("#L1490")).ToHaveTextAsync("select 1490;");
        await Expect(sql.Locator("#L301")).ToHaveCountAsync(0);
        await Expect(sql).ToContainTextAsync("Lines 301 to 1,489 are left out.");

        _heimdall.WriteScript("loads/long.sql", "select 'another'");
        await window.Page.ReloadAsync();

        await Expect(sql).ToContainTextAsync("The script has been changed since");
    }

    [Test]
    public async Task Of_a_long_script_the_statement_that_runs_is_shown(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("far", cancellationToken);
        var lines = Enumerable.Range(1, 2000).Select(line => line == 1500 ? $"{HeimdallInstance.WaitAt("far")};" : $"select {line};");
        _heimdall.WriteScript("loads/far.sql", string.Join('\n', lines));
        var id = await _heimdall.EnqueueAsync("loads/far.sql", cancellationToken, "far");
        await Eventually.Is(
            () => _heimdall.Store.ScalarAsync<bool>(
                "select exists (select from heimdall.job_log where job_id = $1 and lines like '%line 1499%')",
                cancellationToken, id),
            cancellationToken);

        await using var window = await OpenAsync(id);
        var sql = window.Page.Locator("#hd-part-sql");
        await Expect(sql.Locator("#L1500.hd-now")).ToContainTextAsync("pg_sleep");
        await Expect(sql.Locator("#L1510")).ToHaveTextAsync("select 1510;");
        await Expect(sql.Locator("#L1511")).ToHaveCountAsync(0);

        await _heimdall.OpenGateAsync("far", cancellationToken);
        await _heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
    }

    [Test]
    public async Task A_job_that_waits_for_a_lock_says_for_whose(CancellationToken cancellationToken)
    {
        await using var holder = new NpgsqlConnection(_heimdall.Target.ConnectionString + ";Application Name=someone else");
        await holder.OpenAsync(cancellationToken);
        await using var transaction = await holder.BeginTransactionAsync(cancellationToken);
        await using var locking = new NpgsqlCommand("create table if not exists contested (); lock table contested", holder);
        await locking.ExecuteNonQueryAsync(cancellationToken);
        await transaction.CommitAsync(cancellationToken);
        await using var second = await holder.BeginTransactionAsync(cancellationToken);
        locking.CommandText = "lock table contested";
        await locking.ExecuteNonQueryAsync(cancellationToken);
        var id = await _heimdall.EnqueueAsync("select count(*) from contested", cancellationToken, "waits");
        await Eventually.Is(() => IsWaitingForLockAsync(id, cancellationToken), cancellationToken);
        var behind = await _heimdall.EnqueueAsync("drop table contested", cancellationToken, "waits behind");

        await using var window = await OpenAsync(id);
        var session = window.Page.Locator("#hd-part-session");
        await Expect(session).ToContainTextAsync("Lock: relation");
        await Expect(session).ToContainTextAsync($"Blocked by another session:\npid {holder.ProcessID}, user postgres, someone else, idle in transaction", new() { UseInnerText = true });
        await using var other = await OpenAsync(behind);
        await Expect(other.Page.Locator("#hd-part-session").GetByRole(AriaRole.Link, new() { Name = $"job {id}" })).ToBeVisibleAsync();

        await second.CommitAsync(cancellationToken);
        await Expect(window.Page.Locator("#hd-status")).ToContainTextAsync("SUCCEEDED");
        await Expect(session).ToBeEmptyAsync();
    }

    [Test]
    public async Task A_stored_result_is_shown_as_a_table(CancellationToken cancellationToken)
    {
        const string Query = "select n as number, case when n % 2 = 0 then repeat('é', 300) end as text from generate_series(1, 30) n";
        var job = await _heimdall.SubmitAsync(Query, returnResult: true, cancellationToken, prefer: "respond-async");
        await _heimdall.WaitForStatusAsync(job.Id, "SUCCEEDED", cancellationToken);

        await using var window = await OpenAsync(job.Id);
        var table = window.Page.Locator("#hd-part-result table");
        await Expect(window.Page.Locator("#hd-part-result")).ToContainTextAsync("The first 20 of 30 rows.");
        await Expect(table.Locator("tbody tr")).ToHaveCountAsync(20);
        await Expect(table.Locator("th[scope=col]")).ToHaveTextAsync(["number int4", "text text"]);
        await Expect(table.Locator("tbody tr").Nth(0).Locator("td")).ToHaveTextAsync(["1", "NULL"]);
        await Expect(table.Locator("tbody tr").Nth(1).Locator("td").Nth(1)).ToHaveTextAsync(new string('é', 200) + " … cut");
    }

    [Test]
    public async Task A_job_is_run_again_without_scripts(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync("select 1/0", cancellationToken, "again");
        await _heimdall.WaitForEndAsync(id, cancellationToken);

        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, $"/hangfire/sql/jobs/{id}", new() { JavaScriptEnabled = false });
        await PressAsync(window, "Run again", "Yes, run it again");

        await Expect(window.ByRole(AriaRole.Link, $"job {id}")).ToBeVisibleAsync();
        var again = Guid.Parse(window.Page.Url.Split('/')[^1]);
        Assert.That((await _heimdall.WaitForEndAsync(again, cancellationToken))["retry_of"], Is.EqualTo(id.ToString()));
    }

    [Test]
    public async Task A_batch_is_resumed_at_the_statement_that_failed(CancellationToken cancellationToken)
    {
        var old = await _heimdall.SubmitAsync("select 1; select 1/0", returnResult: false, cancellationToken, "resumed", more: new { transaction = "none" });
        await _heimdall.WaitForEndAsync(old.AssertStatus(202).Id, cancellationToken);

        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, $"/hangfire/sql/jobs/{old.Id}", new() { JavaScriptEnabled = false });
        await PressAsync(window, "Resume at statement 2", "Yes, resume it");

        await Expect(window.ByRole(AriaRole.Link, $"job {old.Id}")).ToBeVisibleAsync();
        var job = await _heimdall.WaitForEndAsync(Guid.Parse(window.Page.Url.Split('/')[^1]), cancellationToken);
        Assert.That(job.Json.GetProperty("from_statement").GetInt64(), Is.EqualTo(2));
    }

    [Test]
    public async Task A_button_that_comes_too_late_says_so(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("late", cancellationToken);
        var id = await _heimdall.EnqueueAsync(HeimdallInstance.WaitAt("late"), cancellationToken, "late");
        await _heimdall.WaitForStatusAsync(id, "RUNNING", cancellationToken);
        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, $"/hangfire/sql/jobs/{id}", new() { JavaScriptEnabled = false });

        await _heimdall.OpenGateAsync("late", cancellationToken);
        await _heimdall.WaitForEndAsync(id, cancellationToken);
        await PressAsync(window, "Cancel", "Yes, cancel it");

        await Expect(window.Page.GetByRole(AriaRole.Alert).Filter(new() { HasText = "ended already" })).ToBeVisibleAsync();
        await Expect(window.Page.Locator("#hd-status")).ToContainTextAsync("SUCCEEDED");
    }

    [TestCase("cancel")]
    [TestCase("retry")]
    public async Task A_page_of_somebody_else_cannot_press_a_button(string button, CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync(button, cancellationToken);
        var id = await _heimdall.EnqueueAsync(HeimdallInstance.WaitAt(button), cancellationToken, "forged");
        await _heimdall.WaitForStatusAsync(id, "RUNNING", cancellationToken);

        using var form = new FormUrlEncodedContent([]);
        var forged = await _heimdall.SendAsync(HttpMethod.Post, $"/hangfire/sql/jobs/{id}/{button}", cancellationToken, form);
        var got = await _heimdall.GetAsync($"/hangfire/sql/jobs/{id}/{button}", cancellationToken);

        Assert.That((int)forged.Status, Is.EqualTo(403));
        Assert.That((int)got.Status, Is.EqualTo(405));
        Assert.That((await _heimdall.JobAsync(id, cancellationToken))["status"], Is.EqualTo("RUNNING"));
        await _heimdall.OpenGateAsync(button, cancellationToken);
        await _heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
    }

    [Test]
    public async Task The_queue_s_page_and_the_job_s_page_link_to_each_other(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync("select 1", cancellationToken, "linked");
        await _heimdall.WaitForEndAsync(id, cancellationToken);

        await using var window = await OpenAsync(id);
        await window.Page.Locator("#hd-part-facts").GetByRole(AriaRole.Link, new() { NameRegex = new("^Hangfire job #") }).ClickAsync();
        await Expect(window.Page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToContainTextAsync($"linked ({id})");
        await window.ByRole(AriaRole.Link, "SQL, progress and log of this job").ClickAsync();

        await Expect(window.Page.Locator("#hd-title")).ToContainTextAsync("linked");
    }

    [Test]
    public async Task A_job_that_is_not_there_is_not_found(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.GetAsync($"/hangfire/sql/jobs/{Guid.NewGuid()}", cancellationToken);

        Assert.That((int)reply.Status, Is.EqualTo(404));
        Assert.That(reply.Text, Does.Contain("No such job"));
    }

    [Test]
    public async Task Statements_that_are_done_are_ticked_and_the_one_that_runs_is_marked(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("ticked", cancellationToken);
        await _heimdall.CloseGateAsync("later", cancellationToken);
        var id = await _heimdall.EnqueueAsync(
            $"select 1;\n-- a comment\n{HeimdallInstance.WaitAt("ticked")};\nselect 2;\n{HeimdallInstance.WaitAt("later")};\nselect 3",
            cancellationToken, "ticked");
        await _heimdall.WaitForStatusAsync(id, "RUNNING", cancellationToken);
        await Eventually.Is(
            () => _heimdall.Store.ScalarAsync<bool>("select exists (select from heimdall.job_log where job_id = $1)", cancellationToken, id),
            cancellationToken);

        await using var window = await OpenAsync(id);
        await Expect(window.Page.Locator("#L1 code")).ToHaveAttributeAsync("data-took", new Regex("^✓ "));
        await Expect(window.Page.Locator(".hd-sql .hd-now")).ToHaveAttributeAsync("id", "L3");
        await _heimdall.OpenGateAsync("ticked", cancellationToken);
        await Expect(window.Page.Locator("#L4 code")).ToHaveAttributeAsync("data-took", new Regex("^✓ "));
        await Expect(window.Page.Locator(".hd-sql .hd-now")).ToHaveAttributeAsync("id", "L5");

        await _heimdall.OpenGateAsync("later", cancellationToken);
        await Expect(window.Page.Locator("#hd-status")).ToContainTextAsync("SUCCEEDED");
        await Expect(window.Page.Locator("#hd-part-sql .hd-slowest li").First).ToContainTextAsync("Statement");
        await Expect(window.Page.Locator(".hd-sql .hd-now")).ToHaveCountAsync(0);
        await Expect(window.Page.Locator("#hd-part-timeline")).ToContainTextAsync("attempt 1, SUCCEEDED");
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task A_retry_is_linked_in_both_directions_and_told_before_the_next(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync("select 1/0", cancellationToken, "twice");
        await _heimdall.WaitForEndAsync(id, cancellationToken);
        var again = (await _heimdall.SendAsync(HttpMethod.Post, $"/api/v1/job/{id}/retry", cancellationToken)).AssertStatus(202).Id;
        await _heimdall.WaitForEndAsync(again, cancellationToken);

        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, $"/hangfire/sql/jobs/{id}", new() { JavaScriptEnabled = false });
        await window.Page.Locator("#hd-actions summary").Filter(new() { HasText = "Run again" }).ClickAsync();
        await Expect(window.Page.Locator("#hd-actions")).ToContainTextAsync("It was run again already, 1 time.");
        await window.ByRole(AriaRole.Link, $"job {again}").ClickAsync();
        await Expect(window.ByRole(AriaRole.Link, $"job {id}")).ToBeVisibleAsync();
    }

    [Test]
    public async Task An_estimate_comes_from_earlier_runs_of_the_same_SQL(CancellationToken cancellationToken)
    {
        var query = $"{HeimdallInstance.WaitAt("usual")}; select 'usual'";
        await _heimdall.OpenGateAsync("usual", cancellationToken);
        var earlier = await _heimdall.EnqueueAsync(query, cancellationToken, "usual");
        await _heimdall.WaitForStatusAsync(earlier, "SUCCEEDED", cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            "update heimdall.job set started_at = finished_at - interval '20 min' where id = $1", cancellationToken, earlier);
        await _heimdall.CloseGateAsync("usual", cancellationToken);
        var id = await _heimdall.EnqueueAsync(query, cancellationToken, "usual");
        await _heimdall.WaitForStatusAsync(id, "RUNNING", cancellationToken);

        await using var window = await OpenAsync(id);
        await Expect(window.Page.Locator("#hd-part-progress")).ToContainTextAsync("% of 20 min 0 s");
        await Expect(window.Page.Locator("#hd-part-progress")).ToContainTextAsync("1 earlier run of the same SQL");
        await _heimdall.OpenGateAsync("usual", cancellationToken);
        await _heimdall.WaitForStatusAsync(id, "SUCCEEDED", cancellationToken);
    }

    [Test]
    public async Task A_stored_result_is_paged_and_downloaded(CancellationToken cancellationToken)
    {
        var table = await _heimdall.SubmitAsync(
            "select n, 'x' || n as text from generate_series(1, 45) n", returnResult: true, cancellationToken, "paged", prefer: "respond-async");
        await _heimdall.WaitForStatusAsync(table.Id, "SUCCEEDED", cancellationToken);

        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, $"/hangfire/sql/jobs/{table.Id}", new() { JavaScriptEnabled = false });
        await window.ByRole(AriaRole.Link, "Later rows").ClickAsync();
        await Expect(window.Page.Locator("#hd-part-result tbody tr").First).ToContainTextAsync("21");
        await window.ByRole(AriaRole.Link, "Later rows").ClickAsync();
        await Expect(window.Page.Locator("#hd-part-result")).ToContainTextAsync("Rows 41 to 45 of 45.");
        await Expect(window.ByRole(AriaRole.Link, "Later rows")).ToHaveCountAsync(0);

        var csv = (await _heimdall.GetAsync($"/hangfire/sql/jobs/{table.Id}/result/csv", cancellationToken)).AssertStatus(200);
        Assert.That(csv.Text.ReplaceLineEndings("\n"), Does.StartWith("n,text\n1,x1\n").And.Contain("45,x45"));
        var json = (await _heimdall.GetAsync($"/hangfire/sql/jobs/{table.Id}/result/json", cancellationToken)).AssertStatus(200);
        Assert.That(json.Json.GetProperty("data").GetArrayLength(), Is.EqualTo(45));
    }

    [Test]
    public async Task Characters_that_nobody_sees_are_shown(CancellationToken cancellationToken)
    {
        // Trojan Source: an override makes a comment look like code; a zero-width space makes two names look alike.
        const string Trojan = "select 1; /*\u202e } \u2066if is admin\u2069 \u2066 begin */ select 'ad\u200bmin'";
        var id = await _heimdall.EnqueueAsync(Trojan, cancellationToken, "pay\u202eroll");
        await _heimdall.WaitForEndAsync(id, cancellationToken);
        var rows = await _heimdall.SubmitAsync(
            "select U&'a\\202Eb\\200Fc' as t", returnResult: true, cancellationToken, "hidden", prefer: "respond-async");
        await _heimdall.WaitForStatusAsync(rows.Id, "SUCCEEDED", cancellationToken);

        await using var window = await OpenAsync(id);
        await Expect(window.Page.Locator("#hd-part-sql .hd-hidden")).ToHaveTextAsync(
            ["U+202E", "U+2066", "U+2069", "U+2066", "U+200B"]);
        await Expect(window.Page.Locator("#hd-title .hd-hidden")).ToHaveTextAsync("U+202E");
        Assert.That(await window.Page.TitleAsync(), Does.StartWith("pay[U+202E]roll"));
        await window.Page.GotoAsync($"/hangfire/sql/jobs/{rows.Id}");
        await Expect(window.Page.Locator("#hd-part-result td .hd-hidden")).ToHaveTextAsync(["U+202E", "U+200F"]);
        foreach (var address in new[] { $"/hangfire/sql/jobs/{id}", $"/hangfire/sql/jobs/{rows.Id}", "/hangfire/sql/jobs", "/hangfire" })
        {
            var page = (await _heimdall.GetAsync(address, cancellationToken)).AssertStatus(200).Text;
            Assert.That(page.IndexOfAny(['\u202e', '\u2066', '\u2069', '\u200b', '\u200f']), Is.EqualTo(-1), address);
        }
    }

    /// <summary>A button asks first.</summary>
    private static async Task PressAsync(BrowserPage window, string button, string consent)
    {
        await window.Page.Locator("#hd-actions summary").Filter(new() { HasText = button }).ClickAsync();
        await window.ByRole(AriaRole.Button, consent).ClickAsync();
    }

    private Task<bool> IsWaitingForLockAsync(Guid id, CancellationToken cancellationToken) => _heimdall.Target.ScalarAsync<bool>(
        "select exists (select from pg_stat_activity where application_name like $1 and wait_event_type = 'Lock')", cancellationToken, $"heimdall {id} %");

    private Task<BrowserPage> OpenAsync(Guid id) => DashboardBrowser.Browser.OpenAsync(_heimdall, $"/hangfire/sql/jobs/{id}");
}
