using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests;

/// <summary>Prepares and ends what all tests share.</summary>
[SetUpFixture]
public sealed class SharedByAllTests
{
    /// <summary>Hosts of several fixtures share one pool of threads. A process of its own would have one for each.</summary>
    private const int Threads = 64;

    [OneTimeSetUp]
    public void HaveThreadsReady() => Assert.That(ThreadPool.SetMinThreads(Threads, Threads));

    [OneTimeTearDown]
    public Task DropTemplate() => StoreTemplate.DropAsync();
}
