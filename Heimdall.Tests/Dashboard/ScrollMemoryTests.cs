using System.Diagnostics;
using Heimdall.Tests.Support;
using Microsoft.Playwright;
using NUnit.Framework;
using static Microsoft.Playwright.Assertions;

namespace Heimdall.Tests.Dashboard;

/// <summary>Neither the browser nor the API holds what is scrolled past.</summary>
[CancelAfter(600_000)]
public sealed class ScrollMemoryTests() : RealProcessTests(processes: 3)
{
    private const int Rows = 1_000_000;
    private const int Steps = 100;
    private const double Megabyte = 1_000_000;

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartProcessesAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_million_rows_are_scrolled_through_with_flat_memory()
    {
        await using var window = await _heimdall.OpenConsoleAsync();
        var page = window.Page;
        await page.RunAsync(
            "stored", $"select n, 'employee ' || n as name, md5(n::text) as token from generate_series(1, {Rows}) n");
        await page.ExpectStatusAsync("1,000,000 rows, stored in ");
        await Expect(page.CellsOf(column: 0).First).ToHaveTextAsync("1");
        var session = await page.Context.NewCDPSessionAsync(page);
        await session.SendAsync("HeapProfiler.enable");

        var heaps = new List<double>();
        var residents = new List<double>();
        for (var step = 1; step <= Steps; step++)
        {
            await page.EvaluateAsync(
                """
                share => {
                    const grid = document.querySelector('.hc-grid');
                    grid.scrollTop = share * (grid.scrollHeight - grid.clientHeight);
                }
                """,
                step / (double)Steps);
            await Expect(page.Locator(".hc-row", new() { HasText = "…" })).ToHaveCountAsync(0);
            await Expect(page.CellsOf(column: 1).First).ToContainTextAsync("employee ");
            if (step % (Steps / 10) == 0)
            {
                await session.SendAsync("HeapProfiler.collectGarbage");
                var heap = (await session.SendAsync("Runtime.getHeapUsage"))!.Value;
                heaps.Add(heap.GetProperty("usedSize").GetDouble() / Megabyte);
                using var api = Process.GetProcessById(_heimdall.Api!.Id);
                residents.Add(api.WorkingSet64 / Megabyte);
            }
        }

        await Expect(page.CellsOf(column: 0).Last).ToHaveTextAsync("1000000");
        await TestContext.Out.WriteLineAsync(
            $"heap of the page, MB: {Tell(heaps)}\nresident memory of the API, MB: {Tell(residents)}");
        Assert.That(heaps[^1] - heaps[0], Is.LessThan(10));
        Assert.That(residents[^1] - residents[0], Is.LessThan(100));
        Assert.That(window.Complaints, Is.Empty);

        static string Tell(List<double> all) => string.Join(", ", all.Select(one => $"{one:0}"));
    }
}
