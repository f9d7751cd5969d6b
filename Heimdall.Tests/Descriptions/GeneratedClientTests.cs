using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Descriptions;

/// <summary>
/// What others make of the OpenAPI document: a linter has nothing to say, and clients that are generated from it
/// compile and submit, wait, stream, cancel, retry and page.
/// </summary>
[CancelAfter(300_000)]
public sealed class GeneratedClientTests() : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task A_linter_has_nothing_to_say(CancellationToken cancellationToken)
    {
        using var generators = await Generators.PrepareAsync(_heimdall, cancellationToken);
        generators.Copy("TypeScript");

        var said = await generators.NpmAsync(
            "redocly", cancellationToken, "lint", "--config=redocly.yaml", "openapi.json");

        Assert.That(said, Does.Contain("Your API description is valid").And.Not.Contain("warning  "));
    }

    [Test]
    public async Task A_client_in_TypeScript_does_its_work(CancellationToken cancellationToken)
    {
        using var generators = await Generators.PrepareAsync(_heimdall, cancellationToken);
        generators.Copy("TypeScript");

        await generators.NpmAsync("openapi-typescript", cancellationToken, "openapi.json", "-o", "heimdall.d.ts");
        await generators.NpmAsync("tsc", cancellationToken, "-p", ".");
        var said = await generators.RunAsync("node", cancellationToken, "client.js", Address);

        Assert.That(said, Does.Contain("done"));
    }

    [Test]
    public async Task A_client_in_CSharp_does_its_work(CancellationToken cancellationToken)
    {
        using var generators = await Generators.PrepareAsync(_heimdall, cancellationToken);
        generators.Copy("CSharp");

        await generators.KiotaAsync(
            cancellationToken, "generate", "--language", "CSharp", "--class-name", "HeimdallApi", "--namespace-name",
            "Heimdall.Generated", "--openapi", "openapi.json", "--output", "Generated", "--exclude-backward-compatible",
            "--log-level", "Error");
        await generators.RunAsync(
            "dotnet", cancellationToken, "build", "-c", "Release", "-o", "out", "-v", "quiet",
            "--disable-build-servers");
        var said = await generators.RunAsync("dotnet", cancellationToken, "out/Generated.dll", Address);

        Assert.That(said, Does.Contain("done"));
    }

    private string Address => _heimdall.Address.AbsoluteUri.TrimEnd('/');
}
