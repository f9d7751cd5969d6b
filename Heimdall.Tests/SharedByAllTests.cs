using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests;

/// <summary>Ends what all tests share.</summary>
[SetUpFixture]
public sealed class SharedByAllTests
{
    [OneTimeTearDown]
    public Task DropTemplate() => StoreTemplate.DropAsync();
}
