using System.Net.Sockets;
using Heimdall.Core.Hosting;
using Heimdall.Plugins.Postgres;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>A port that the API is not allowed to listen on.</summary>
[CancelAfter(60_000)]
[NonParallelizable] // it reads what the process prints
public sealed class RefusedPortTests
{
    [Test]
    public async Task A_port_that_may_not_be_taken_is_told_in_a_sentence(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.CreateAsync();
        var before = Console.Error;
        using var printed = new StringWriter();
        Console.SetError(printed);

        var program = new HostProgram
        {
            Name = "Heimdall.Api",
            AddPlugins = services => services.AddPostgresPlugin(),
            AskHealth = (_, _) => throw new NotSupportedException(),
            Build = (_, _) => throw new SocketException((int)SocketError.AccessDenied),
        };
        var exitCode = await program.RunAsync(["--config", heimdall.ConfigFile]);

        Console.SetError(before);
        Assert.That(exitCode, Is.EqualTo(1));
        Assert.That(printed.ToString(), Does.Contain("server.listen").And.Not.Contain("   at "));
    }
}
