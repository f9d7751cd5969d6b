using System.Collections.Concurrent;
using Microsoft.Playwright;
using NUnit.Framework;

namespace Heimdall.Tests.Support;

/// <summary>A headless Chromium, the one that the machine has.</summary>
internal sealed class Browser : IAsyncDisposable
{
    private const float Patience = 90_000; // milliseconds; a busy machine is slow, and no time is a result

    private static readonly string[] _switches =
    [
        // As root Chromium has no sandbox. The rest would reach for hosts that are not the test's.
        "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync",
    ];

    // The first is the same browser without windows: it does half of the work.
    private static readonly string[] _programs =
        ["/usr/bin/chromium-headless-shell", "/usr/bin/chromium", "/usr/bin/chromium-browser"];

    private readonly IPlaywright _playwright;
    private readonly IBrowser _browser;

    private Browser(IPlaywright playwright, IBrowser browser) => (_playwright, _browser) = (playwright, browser);

    public static async Task<Browser> StartAsync()
    {
        var program = _programs.FirstOrDefault(File.Exists)
            ?? throw new InvalidOperationException("The tests of the dashboard need Chromium: run ./test.sh, which installs it, or install your distribution's package.");
        Assertions.SetDefaultExpectTimeout(Patience);
        var playwright = await Playwright.CreateAsync();
        return new Browser(playwright, await playwright.Chromium.LaunchAsync(new() { ExecutablePath = program, Args = _switches, Timeout = Patience }));
    }

    public async Task<BrowserPage> OpenAsync(HeimdallInstance heimdall, string path, BrowserNewContextOptions? options = null)
    {
        options ??= new();
        options.BaseURL = heimdall.Address.ToString();
        var context = await _browser.NewContextAsync(options);
        context.SetDefaultTimeout(Patience);
        var page = new BrowserPage(await context.NewPageAsync(), heimdall.Address);
        await Eventually.Is( // a 503 asks for another try: the store of a busy machine may take long to accept a connection
            async () => await page.Page.GotoAsync(path) is not { Status: 503 }, CancellationToken.None, TimeSpan.FromMilliseconds(Patience));
        return page;
    }

    public async ValueTask DisposeAsync()
    {
        await _browser.DisposeAsync();
        _playwright.Dispose();
    }
}

/// <summary>A page in a window of its own, with what went wrong in it.</summary>
internal sealed class BrowserPage : IAsyncDisposable
{
    private readonly ConcurrentQueue<string> _complaints = new();
    private readonly ConcurrentQueue<string> _replies = new();
    private readonly ConcurrentQueue<string> _failed = new();

    public BrowserPage(IPage page, Uri origin)
    {
        Page = page;
        page.Console += (_, message) => AddIf(message.Type is "error" or "warning", message.Text);
        page.PageError += (_, error) => AddIf(true, error);
        // For as long as the page is open: Playwright can lose what comes while one wait for a reply ends and the next begins.
        page.Response += (_, response) => _replies.Enqueue($"{DateTime.UtcNow:mm:ss.f} {response.Status} {response.Url}");
        page.RequestFailed += (_, request) => _failed.Enqueue($"{DateTime.UtcNow:mm:ss.f} {request.Failure} {request.Url}");
        page.Dialog += (_, dialog) => AddIf(true, $"dialog: {dialog.Message}");
        page.Request += (_, request) => AddIf(!request.Url.StartsWith(origin.ToString(), StringComparison.Ordinal) && !request.Url.StartsWith("data:", StringComparison.Ordinal), $"foreign: {request.Url}");
    }

    public IPage Page { get; }

    /// <summary>Errors of scripts, what the page's own policy refused, and requests to other hosts.</summary>
    public IReadOnlyCollection<string> Complaints => _complaints;

    /// <summary>How many requests have been answered whose address contains a text.</summary>
    public int CountReplies(string address) => _replies.Count(reply => reply.Contains(address, StringComparison.Ordinal));

    public ILocator ByRole(AriaRole role, string name) => Page.GetByRole(role, new() { Name = name, Exact = true });

    /// <summary>For a page without scripts that may show what was so some seconds ago.</summary>
    public Task ReloadUntilAsync(ILocator shown, CancellationToken cancellationToken) => Eventually.Is(
        async () =>
        {
            await Page.ReloadAsync();
            return await shown.CountAsync() > 0;
        },
        cancellationToken);

    public async ValueTask DisposeAsync()
    {
        // In the output of a test, which is shown if it fails: whether it does is not known yet.
        string[] shown = [$"--- {Page.Url}", await Page.Locator("body").InnerTextAsync(), .. _replies, .. _failed, .. _complaints];
        await TestContext.Out.WriteLineAsync(string.Join('\n', shown));
        await Page.Context.DisposeAsync();
    }

    private void AddIf(bool isBad, string what)
    {
        if (isBad)
        {
            _complaints.Enqueue(what);
        }
    }
}
