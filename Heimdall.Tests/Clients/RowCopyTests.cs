using Heimdall.Cli;
using Heimdall.Client;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Clients;

/// <summary>How a copy of rows ends when the job cannot be asked for.</summary>
[CancelAfter(60_000)]
public sealed class RowCopyTests
{
    [Test]
    public async Task Rows_that_are_all_there_are_a_success_when_nobody_knows_of_a_limit(
        CancellationToken cancellationToken)
    {
        using var client = new HeimdallClient(new HeimdallOptions
        {
            Address = new Uri($"http://127.0.0.1:{FreePort.Find()}"), RetryFor = TimeSpan.Zero,
        });
        await using var rows = new MemoryStream();
        await using var error = new StringWriter();
        await using var writer = new StreamWriter(rows);
        var terminal = new Terminal { In = new StringReader(""), Out = writer, Error = error };

        var code = await RowCopy.RunAsync(
            terminal, client,
            async target =>
            {
                await target.WriteAsync("rows"u8.ToArray(), cancellationToken);
                return Guid.CreateVersion7();
            },
            cancellationToken);

        Assert.That((code, rows.Length), Is.EqualTo((CliExitCode.Succeeded, 4)));
        Assert.That(error.ToString(), Does.StartWith("Whether a limit has cut the result is not known: "));
    }
}
