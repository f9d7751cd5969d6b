using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>The run log on the page of a job.</summary>
[CancelAfter(300_000)]
public sealed class JobLogPageTests() : RealProcessTests(processes: 1)
{
    private const int Most = 64 * 1024;

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task Of_a_long_log_the_page_has_the_end_and_a_way_to_the_rest(CancellationToken cancellationToken)
    {
        var id = await _heimdall.EnqueueAsync(Raise("old", 3000), cancellationToken, "told much");
        await _heimdall.WaitForEndAsync(id, cancellationToken);

        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, $"/hangfire/sql/jobs/{id}", new() { JavaScriptEnabled = false });
        var page = window.Page;
        await Expect(page.Locator("#hd-log")).ToContainTextAsync("old 3000");
        await Expect(page.Locator("#hd-log")).Not.ToContainTextAsync("old 1 ");
        await Expect(page.Locator("#hd-log-cut")).ToBeVisibleAsync();
        Assert.That((await page.Locator("#hd-log").TextContentAsync())!, Has.Length.LessThanOrEqualTo(Most));
        await window.ByRole(AriaRole.Link, "stderr").ClickAsync();

        await Expect(page.Locator("body")).ToContainTextAsync("old 1 ");
        await Expect(page.Locator("body")).ToContainTextAsync("old 3000");
        var stdout = await _heimdall.GetAsync($"/hangfire/sql/jobs/{id}/stdout", cancellationToken);
        Assert.That((stdout.ContentType, stdout.Text), Is.EqualTo(("text/plain", (await _heimdall.GetAsync($"/api/v1/job/{id}/stdout", cancellationToken)).Text)));
    }

    [Test]
    public async Task What_comes_while_the_page_is_open_pushes_out_what_was_there(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("more", cancellationToken);
        await _heimdall.CloseGateAsync("most", cancellationToken);
        await _heimdall.CloseGateAsync("end", cancellationToken);
        var id = await _heimdall.EnqueueAsync(
            $"{Raise("first", 300)}; {HeimdallInstance.WaitAt("more")}; {Raise("second", 400)}; {HeimdallInstance.WaitAt("most")}; {Raise("third", 3000)}; {HeimdallInstance.WaitAt("end")}",
            cancellationToken,
            "tells more and more");

        await using var window = await DashboardBrowser.Browser.OpenAsync(_heimdall, $"/hangfire/sql/jobs/{id}");
        var log = window.Page.Locator("#hd-log");
        await Expect(log).ToContainTextAsync("first 300 ");
        await Expect(log).ToContainTextAsync("first 1 ");
        await Expect(window.Page.Locator("#hd-log-cut")).ToBeHiddenAsync();
        var kept = await log.Locator("span", new() { HasText = "first 300 " }).ElementHandleAsync();

        await _heimdall.OpenGateAsync("more", cancellationToken);
        await Expect(log).ToContainTextAsync("second 400 ");
        await Expect(log).Not.ToContainTextAsync("first 1 ");
        await Expect(window.Page.Locator("#hd-log-cut")).ToBeVisibleAsync();
        Assert.That(await kept.EvaluateAsync<bool>("line => line.isConnected"), Is.True, "what is still shown is not drawn again");
        Assert.That((await log.TextContentAsync())!, Has.Length.LessThanOrEqualTo(Most));

        await _heimdall.OpenGateAsync("most", cancellationToken);
        await Expect(log).ToContainTextAsync("third 3000 ");
        await Expect(log).Not.ToContainTextAsync("second");
        Assert.That((await log.TextContentAsync())!, Has.Length.LessThanOrEqualTo(Most));
        Assert.That(await log.EvaluateAsync<double>("log => log.scrollHeight - log.scrollTop - log.clientHeight"), Is.LessThan(40), "it follows");
        await _heimdall.OpenGateAsync("end", cancellationToken);
        await Expect(window.Page.Locator("#hd-status")).ToContainTextAsync("SUCCEEDED");
        Assert.That(window.Complaints, Is.Empty);
    }

    [Test]
    public async Task The_log_of_a_job_that_is_not_there_is_not_found(CancellationToken cancellationToken)
    {
        var reply = await _heimdall.GetAsync($"/hangfire/sql/jobs/{Guid.NewGuid()}/stderr", cancellationToken);

        Assert.That((int)reply.Status, Is.EqualTo(404));
    }

    /// <summary>A statement that raises so many notices, of about 140 bytes each.</summary>
    private static string Raise(string name, int count) =>
        $"do $$ begin for i in 1..{count} loop raise notice '{name} % {new string('x', 100)}', i; end loop; end $$";
}
