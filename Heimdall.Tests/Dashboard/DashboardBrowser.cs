using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Dashboard;

/// <summary>One browser for all tests of the dashboard; each page has a window and cookies of its own.</summary>
[SetUpFixture]
public sealed class DashboardBrowser
{
    internal static Browser Browser { get; private set; } = null!;

    [OneTimeSetUp]
    public async Task Start() => Browser = await Browser.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await Browser.DisposeAsync();
}
