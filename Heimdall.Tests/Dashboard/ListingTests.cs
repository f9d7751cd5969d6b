using System.Text.Json;
using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>The list of jobs and the list of clusters.</summary>
[CancelAfter(300_000)]
public sealed class ListingTests() : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync(config => config
        .WithCluster("other", "type:postgres, data:local, data:other", config.Target)
        .WithCluster("down", "type:postgres, data:local, data:down", "postgresql://someone@127.0.0.1:1/nothing"));

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task Jobs_are_filtered_by_what_the_form_says(CancellationToken cancellationToken)
    {
        var good = await EnqueueAsync("select 1", "good", "alice", "_id:postgres", cancellationToken);
        var bad = await EnqueueAsync("select 1/0", "bad", "alice", "_id:other", cancellationToken);
        await EnqueueAsync("select 1/0", "strange", "bob", "_id:other", cancellationToken);

        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, "/hangfire/sql/jobs");
        var page = window.Page;
        await page.GetByLabel("Caller").FillAsync("alice");
        await window.ByRole(AriaRole.Button, "Filter").ClickAsync();
        await Expect(Names(page)).ToHaveTextAsync(["bad", "good"]);

        await page.GetByLabel("Status").SelectOptionAsync("FAILED");
        await page.GetByLabel("Cluster").SelectOptionAsync("other");
        await window.ByRole(AriaRole.Button, "Filter").ClickAsync();
        await Expect(Names(page)).ToHaveTextAsync(["bad"]);
        await Expect(page.GetByLabel("Caller")).ToHaveValueAsync("alice");
        await Expect(page.Locator(".hd-jobs tbody")).ToContainTextAsync("[22012] division by zero");
        await Expect(Names(page)).ToHaveAttributeAsync("href", $"/hangfire/sql/jobs/{bad}");

        await window.ByRole(AriaRole.Link, "Clear").ClickAsync();
        await page.GetByLabel("Tag").FillAsync("name:good");
        await page.Keyboard.PressAsync("Enter");
        await Expect(Names(page)).ToHaveAttributeAsync("href", $"/hangfire/sql/jobs/{good}");
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task A_failed_job_is_found_by_text_and_its_line_read(CancellationToken cancellationToken)
    {
        await EnqueueAsync("select 1;\nselect 1/0 as The_Culprit", "dull name", "carol", "_id:postgres", cancellationToken);
        await EnqueueAsync("select 1", "another", "carol", "_id:postgres", cancellationToken);

        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, "/hangfire/sql/jobs");
        var page = window.Page;
        await page.GetByLabel("Text in SQL or error").FillAsync("the_culprit");
        await page.GetByLabel("Status").SelectOptionAsync("FAILED");
        await window.ByRole(AriaRole.Button, "Filter").ClickAsync();
        await Expect(Names(page)).ToHaveTextAsync(["dull name"]);
        await Expect(page.GetByText("All further jobs were looked at")).ToBeVisibleAsync();
        await Names(page).ClickAsync();

        await Expect(page.Locator(".hd-sql .hd-failed mark")).ToHaveTextAsync("select 1/0 as The_Culprit");
        await Expect(page.Locator(".hd-sql .hd-failed")).ToContainTextAsync("22012 division by zero");
    }

    [Test]
    public async Task A_search_says_how_far_it_has_looked_and_goes_on(CancellationToken cancellationToken)
    {
        await EnqueueAsync("select 'the needle'", "deep", "dave", "_id:postgres", cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            """
            insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result, command_id, command_name,
                cluster_id, cluster_name, command_criteria, cluster_criteria, context, created_at, updated_at, finished_at)
            select gen_random_uuid(), 'hay', version, description, tags, "user", status, is_sync, return_result, command_id, command_name,
                cluster_id, cluster_name, command_criteria, cluster_criteria, '{"query": "select 1"}', created_at + n * interval '1 ms', updated_at, finished_at
            from heimdall.job, generate_series(1, 2500) n where name = 'deep'
            """,
            cancellationToken);

        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, "/hangfire/sql/jobs?user=dave&text=NEEDLE");
        await Expect(window.Page.GetByText("No job matches.")).ToBeVisibleAsync();
        await Expect(window.Page.GetByText("2,000 jobs were looked at, back to ")).ToBeVisibleAsync();
        await window.ByRole(AriaRole.Link, "Search on").ClickAsync();
        await Expect(Names(window.Page)).ToHaveTextAsync(["deep"]);
        await Expect(window.ByRole(AriaRole.Link, "Search on")).ToHaveCountAsync(0);

        var first = (await _heimdall.GetAsync("/api/v1/jobs?user=dave&text=needle", cancellationToken)).AssertStatus(200).Json;
        Assert.That(first.GetProperty("data").GetArrayLength(), Is.Zero);
        Assert.That(first.GetProperty("has_more").GetBoolean(), Is.True);
        Assert.That(first.GetProperty("searched_to").GetDateTime(), Is.LessThan(DateTime.UtcNow));
        var next = first.GetProperty("next_cursor").GetString();
        var second = (await _heimdall.GetAsync($"/api/v1/jobs?user=dave&text=needle&cursor={next}", cancellationToken)).AssertStatus(200).Json;
        Assert.That(second.GetProperty("data")[0].GetProperty("name").GetString(), Is.EqualTo("deep"));
        Assert.That(second.TryGetProperty("searched_to", out _), Is.False);
    }

    [Test]
    public async Task A_search_in_much_SQL_says_so_and_goes_on(CancellationToken cancellationToken)
    {
        await EnqueueAsync("select 'the needle'", "deep", "erin", "_id:postgres", cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            """
            insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result, command_id, command_name,
                cluster_id, cluster_name, command_criteria, cluster_criteria, context, created_at, updated_at, finished_at)
            select gen_random_uuid(), 'hay', version, description, tags, "user", status, is_sync, return_result, command_id, command_name,
                cluster_id, cluster_name, command_criteria, cluster_criteria, json_build_object('query', repeat('hay ', 1024 * 1024)),
                created_at + n * interval '1 ms', updated_at, finished_at
            from heimdall.job, generate_series(1, 20) n where name = 'deep' and "user" = 'erin'
            """,
            cancellationToken);

        var pages = 0;
        var list = JsonDocument.Parse("{}").RootElement;
        for (var cursor = ""; cursor is not null; pages++)
        {
            list = (await _heimdall.GetAsync($"/api/v1/jobs?user=erin&text=needle{cursor}", cancellationToken)).AssertStatus(200).Json;
            var hasMore = list.GetProperty("has_more").GetBoolean();
            Assert.That(list.TryGetProperty("searched_to", out _), Is.EqualTo(hasMore));
            cursor = hasMore ? $"&cursor={list.GetProperty("next_cursor").GetString()}" : null;
        }

        Assert.That(pages, Is.InRange(2, 4), "80 MiB of SQL, 32 MiB a page");
        Assert.That(list.GetProperty("data").EnumerateArray().Select(job => job.GetProperty("name").GetString()), Is.EqualTo(new[] { "deep" }));
    }

    [Test]
    public async Task Pages_follow_each_other(CancellationToken cancellationToken)
    {
        for (var i = 1; i <= 5; i++)
        {
            await EnqueueAsync("select 1", $"paged {i}", "pager", "_id:postgres", cancellationToken);
        }

        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, "/hangfire/sql/jobs?user=pager&limit=2");
        var page = window.Page;
        await Expect(Names(page)).ToHaveTextAsync(["paged 5", "paged 4"]);
        await Expect(window.ByRole(AriaRole.Link, "Newest")).ToHaveCountAsync(0);
        await window.ByRole(AriaRole.Link, "Older").ClickAsync();
        await Expect(Names(page)).ToHaveTextAsync(["paged 3", "paged 2"]);
        await window.ByRole(AriaRole.Link, "Older").ClickAsync();
        await Expect(Names(page)).ToHaveTextAsync(["paged 1"]);
        await Expect(window.ByRole(AriaRole.Link, "Older")).ToHaveCountAsync(0);
        await window.ByRole(AriaRole.Link, "Newest").ClickAsync();

        await Expect(Names(page)).ToHaveTextAsync(["paged 5", "paged 4"]);
    }

    [Test]
    public async Task Beginnings_of_names_several_statuses_and_ids_filter_and_unknown_parameters_do_not(CancellationToken cancellationToken)
    {
        await EnqueueAsync("select 1", "night one", "finder", "_id:postgres", cancellationToken);
        var bad = await EnqueueAsync("select 1/0", "night two", "finder", "_id:postgres", cancellationToken);
        await EnqueueAsync("select 1/0", "day", "finder", "_id:postgres", cancellationToken);

        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, "/hangfire/sql/jobs?user=finder&name=night*&utm_source=mail", new() { JavaScriptEnabled = false });
        var page = window.Page;
        await Expect(Names(page)).ToHaveTextAsync(["night two", "night one"]);
        await Expect(page.Locator(".hd-chip").Filter(new() { HasText = "FAILED" })).ToContainTextAsync("1");
        await page.Locator(".hd-chip").Filter(new() { HasText = "FAILED" }).ClickAsync();
        await Expect(Names(page)).ToHaveTextAsync(["night two"]);
        await page.Locator(".hd-chip").Filter(new() { HasText = "SUCCEEDED" }).ClickAsync();
        await Expect(Names(page)).ToHaveTextAsync(["night two", "night one"]);
        await page.GotoAsync($"/hangfire/sql/jobs?id={bad}");
        await Expect(Names(page)).ToHaveTextAsync(["night two"]);
        await page.GotoAsync("/hangfire/sql/jobs?user=finder&created_before=2020-01-01");
        await Expect(page.GetByText("No job matches.")).ToBeVisibleAsync();
    }

    [Test]
    public async Task The_longest_jobs_come_first_when_asked_for(CancellationToken cancellationToken)
    {
        var slow = await EnqueueAsync("select 1", "slow", "timer", "_id:postgres", cancellationToken);
        await EnqueueAsync("select 1", "quick", "timer", "_id:postgres", cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            "update heimdall.job set started_at = finished_at - interval '1 hour' where id = $1", cancellationToken, slow);

        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, "/hangfire/sql/jobs?user=timer");
        await Expect(Names(window.Page)).ToHaveTextAsync(["quick", "slow"]);
        await window.Page.GetByLabel("Order").SelectOptionAsync("duration");
        await window.ByRole(AriaRole.Button, "Filter").ClickAsync();
        await Expect(Names(window.Page)).ToHaveTextAsync(["slow", "quick"]);
    }

    [Test]
    public async Task Many_jobs_are_run_again_and_canceled_after_a_look_at_them(CancellationToken cancellationToken)
    {
        for (var i = 0; i < 3; i++)
        {
            await EnqueueAsync("select 1/0", $"broken {i}", "bulky", "_id:postgres", cancellationToken);
        }
        await EnqueueAsync("select 1/0", "spared", "another", "_id:postgres", cancellationToken);

        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, "/hangfire/sql/jobs?user=bulky", new() { JavaScriptEnabled = false });
        await window.Page.GetByRole(AriaRole.Link, new() { Name = "Run again all that match" }).ClickAsync();
        await Expect(Names(window.Page)).ToHaveCountAsync(3);
        await window.ByRole(AriaRole.Button, "Run again: 3 jobs").ClickAsync();
        await Expect(window.Page.GetByRole(AriaRole.Status)).ToContainTextAsync("3 of 3 jobs");
        Assert.That(
            await _heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where retry_of is not null and name like 'broken%'", cancellationToken),
            Is.EqualTo(3));
        Assert.That(
            await _heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where retry_of is not null and name = 'spared'", cancellationToken), Is.Zero);

        await _heimdall.CloseGateAsync("bulk", cancellationToken);
        var running = (await _heimdall.SubmitAsync(HeimdallInstance.WaitAt("bulk"), returnResult: false, cancellationToken, "held", user: "stopper")).AssertStatus(202).Id;
        await _heimdall.WaitForStatusAsync(running, "RUNNING", cancellationToken);
        await window.Page.GotoAsync("/hangfire/sql/bulk/cancel?user=stopper");
        await window.ByRole(AriaRole.Button, "Cancel: 1 job").ClickAsync();
        await _heimdall.WaitForStatusAsync(running, "CANCELED", cancellationToken);
    }

    [Test]
    public async Task A_cluster_says_how_it_is_and_what_it_has_to_do(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("busy", cancellationToken);
        var running = await _heimdall.EnqueueAsync(HeimdallInstance.WaitAt("busy"), cancellationToken, "busy", cluster: "_id:other");
        await _heimdall.WaitForStatusAsync(running, "RUNNING", cancellationToken);
        await _heimdall.GetAsync("/api/v1/clusters/health", cancellationToken);

        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, "/hangfire/sql/clusters");
        var page = window.Page;
        await Expect(Row(page, "other").Locator("td").Nth(0)).ToContainTextAsync("HEALTHY");
        await Expect(Row(page, "other").Locator("td").Nth(2)).ToHaveTextAsync("1");
        await Expect(Row(page, "postgres").Locator("td").Nth(2)).ToHaveTextAsync("0");
        await Expect(Row(page, "down").Locator("td").Nth(0)).ToContainTextAsync("DOWN");
        await Row(page, "other").GetByRole(AriaRole.Link, new() { Name = "1" }).ClickAsync();

        await Expect(Names(page)).ToHaveTextAsync(["busy"]);
        await _heimdall.OpenGateAsync("busy", cancellationToken);
        await _heimdall.WaitForStatusAsync(running, "SUCCEEDED", cancellationToken);
    }

    private async Task<Guid> EnqueueAsync(string query, string name, string user, string cluster, CancellationToken cancellationToken)
    {
        var id = (await _heimdall.SubmitAsync(query, returnResult: false, cancellationToken, name, cluster: cluster, user: user)).AssertStatus(202).Id;
        await _heimdall.WaitForEndAsync(id, cancellationToken);
        return id;
    }

    private static ILocator Names(IPage page) => page.Locator(".hd-jobs tbody tr td:nth-child(2) > a");

    private static ILocator Row(IPage page, string cluster) =>
        page.Locator(".hd-clusters tbody tr").Filter(new() { Has = page.GetByRole(AriaRole.Rowheader, new() { NameRegex = new($"^{cluster}\\b") }) });
}
