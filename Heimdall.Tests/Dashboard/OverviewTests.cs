using System.Net.Http.Headers;
using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>The first page says what is wrong, what waits and what runs, and keeps itself up to date.</summary>
[CancelAfter(300_000)]
public sealed class OverviewTests() : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;
    private TcpProxy _way = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _way = new TcpProxy(TestDatabase.ServerConnectionString);
        _heimdall = await HeimdallInstance.StartAsync(config => config
            .WithCluster("far", "type:postgres, data:local, data:far", _way.Through(config.Target))
            .WithCluster("down", "type:postgres, data:down", "postgresql://someone@127.0.0.1:1/nothing")
            .WithSchedule("nowhere", "id: nowhere, cron: 0 0 1 1 *, command_criteria: [type:postgres], "
                + "cluster_criteria: [data:of-nobody], context: {query: select 1}"));
        await _heimdall.Target.ExecuteAsync("create table if not exists held (n int)", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        await _way.DisposeAsync();
    }

    [Test]
    public async Task What_is_wrong_is_seen_at_first_sight(CancellationToken cancellationToken)
    {
        var failed = await _heimdall.EnqueueAsync("select 1/0", cancellationToken, "divider");
        await _heimdall.WaitForEndAsync(failed, cancellationToken);
        await _heimdall.GetAsync("/api/v1/clusters/health", cancellationToken);
        await _heimdall.SendAsync(HttpMethod.Post, "/api/v1/schedule/nowhere/trigger", cancellationToken);

        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, "/hangfire", new() { JavaScriptEnabled = false });
        var page = window.Page;
        await Expect(page.GetByRole(AriaRole.Heading, new() { Level = 1 })).ToHaveTextAsync("Overview");
        await window.ReloadUntilAsync(page.Locator("#hd-troubles", new() { HasText = "UNROUTABLE" }), cancellationToken);
        await Expect(page.Locator("#hd-troubles")).ToContainTextAsync("cluster down");
        await window.ReloadUntilAsync(page.Locator("#hd-failures tbody tr", new() { HasText = "22012" }), cancellationToken);
        await Expect(page.Locator("#hd-failures tbody tr").First).ToContainTextAsync("divider");
        await Expect(page.Locator("#hd-workers tbody tr")).ToHaveCountAsync(1);

        await page.Locator(".hd-tile-failed").ClickAsync();
        await Expect(page.Locator(".hd-jobs tbody tr")).ToContainTextAsync("divider");
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task It_follows_what_happens_until_it_is_stopped(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("followed", cancellationToken);
        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, "/hangfire");
        var page = window.Page;
        await Expect(page.Locator("#hd-refresh")).ToContainTextAsync("refreshes itself");

        var job = await _heimdall.EnqueueAsync(HeimdallInstance.WaitAt("followed"), cancellationToken, "followed job");
        await Expect(page.Locator("#hd-longest")).ToContainTextAsync("followed job");
        await Expect(page.Locator("#hd-workers")).ToContainTextAsync("followed job");

        await window.ByRole(AriaRole.Button, "Stop").ClickAsync();
        await Expect(page.Locator("#hd-refresh")).ToContainTextAsync("does not refresh");
        await _heimdall.OpenGateAsync("followed", cancellationToken);
        await _heimdall.WaitForStatusAsync(job, "SUCCEEDED", cancellationToken);
        await Expect(page.Locator("#hd-longest")).ToContainTextAsync("followed job"); // what it shows is old, and it says so
        await window.ByRole(AriaRole.Button, "Refresh").ClickAsync();
        await Expect(page.Locator("#hd-longest")).Not.ToContainTextAsync("followed job");
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task A_job_that_waits_for_a_lock_is_shown_with_who_holds_it(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("holder", cancellationToken);
        var holder = await _heimdall.EnqueueAsync(
            $"lock table held; {HeimdallInstance.WaitAt("holder")}", cancellationToken, "holder");
        await _heimdall.WaitForStatusAsync(holder, "RUNNING", cancellationToken);
        await Eventually.Is(
            () => _heimdall.Target.ScalarAsync<bool>(
                "select exists (select from pg_locks where relation = 'held'::regclass and granted)", cancellationToken),
            cancellationToken);
        var waiter = await _heimdall.EnqueueAsync("insert into held values (1)", cancellationToken, "waiter");

        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, "/hangfire");
        var blocked = window.Page.Locator("#hd-blocked");
        await Expect(blocked.GetByRole(AriaRole.Link, new() { Name = "waiter" })).ToBeVisibleAsync();
        await Expect(blocked.GetByRole(AriaRole.Link, new() { Name = $"job {holder}" })).ToBeVisibleAsync();

        await _heimdall.OpenGateAsync("holder", cancellationToken);
        await _heimdall.WaitForStatusAsync(waiter, "SUCCEEDED", cancellationToken);
        await Expect(blocked).ToContainTextAsync("No job waits for a lock.");
    }

    [Test]
    public async Task Of_a_cluster_that_is_silent_no_lock_is_known(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("far", cancellationToken);
        var job = await _heimdall.EnqueueAsync(
            HeimdallInstance.WaitAt("far"), cancellationToken, "far", cluster: "_id:far");
        await Eventually.Is(() => _heimdall.HasBackendAsync(job, cancellationToken), cancellationToken);
        _way.Freeze();
        try
        {
            await using var window = await DashboardBrowser.Browser.OpenAsync(
                _heimdall, "/hangfire", new() { JavaScriptEnabled = false });
            await window.ReloadUntilAsync(window.Page.Locator("#hd-longest", new() { HasText = "far" }), cancellationToken);
            await Expect(window.Page.Locator("#hd-blocked")).ToContainTextAsync("Not known yet");
        }
        finally
        {
            _way.Thaw();
        }
        await _heimdall.OpenGateAsync("far", cancellationToken);
        await _heimdall.WaitForEndAsync(job, cancellationToken);
    }

    [Test]
    public async Task A_page_is_small_and_its_files_are_kept(CancellationToken cancellationToken)
    {
        using var client = new HttpClient { BaseAddress = _heimdall.Address };
        client.DefaultRequestHeaders.AcceptEncoding.Add(new StringWithQualityHeaderValue("gzip"));
        using var reply = await client.GetAsync("/hangfire", cancellationToken);
        var total = (await reply.Content.ReadAsByteArrayAsync(cancellationToken)).Length;
        var page = (await _heimdall.GetAsync("/hangfire", cancellationToken)).AssertStatus(200).Text;
        var files = page.Split('"').Where(text => text.StartsWith("/hangfire/sql/files/", StringComparison.Ordinal)).ToArray();
        foreach (var file in files)
        {
            using var asset = await client.GetAsync(file, cancellationToken);
            Assert.That(asset.Headers.CacheControl!.ToString(), Does.Contain("immutable"), file);
            Assert.That(asset.Content.Headers.ContentEncoding, Is.EqualTo(new[] { "gzip" }), file);
            Assert.That(asset.Headers.Contains("Set-Cookie"), Is.False, file);
            total += (await asset.Content.ReadAsByteArrayAsync(cancellationToken)).Length;
        }

        Assert.That(files, Has.Length.EqualTo(3));
        Assert.That(total, Is.LessThan(150_000));
        Assert.That(page, Does.Contain("<html lang=\"en\">").And.Contain("Skip to the content"));
        await TestContext.Out.WriteLineAsync($"{total} bytes over the wire");
    }

    [Test]
    public async Task Times_are_the_readers_and_UTC_is_in_their_titles(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync("select 1", cancellationToken, "timed");
        await _heimdall.WaitForEndAsync(id, cancellationToken);
        await _heimdall.Store.ExecuteAsync(
            "update heimdall.job set created_at = '2026-01-31 20:30:05+00' where id = $1", cancellationToken, id);

        await using var window = await DashboardBrowser.Browser.OpenAsync(
            _heimdall, $"/hangfire/sql/jobs/{id}", new() { TimezoneId = "Asia/Kolkata" });
        var time = window.Page.Locator("#hd-part-facts time[datetime^='2026-01-31T20:30:05']");
        await Expect(time).ToHaveTextAsync("2026-02-01 02:00:05");
        await Expect(time).ToHaveAttributeAsync("title", "2026-01-31 20:30:05 UTC");
        await Expect(window.Page.Locator("#hd-clock")).ToContainTextAsync("Asia/");
    }
}
