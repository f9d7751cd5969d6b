using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

[CancelAfter(60_000)]
public sealed class ScriptsDisabledTests
{
    [Test]
    public async Task Nobody_gets_at_scripts_unless_it_is_switched_on(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.StartAsync(worker: false);
        heimdall.WriteScript("there.sql", "select 1");

        foreach (var (method, path) in new[]
        {
            (HttpMethod.Get, "/api/v1/sql"), (HttpMethod.Get, "/api/v1/sql/there.sql"), (HttpMethod.Delete, "/api/v1/sql/there.sql"),
            (HttpMethod.Put, "/api/v1/sql/there.sql"), (HttpMethod.Put, "/api/v1/sql/new.sql"),
        })
        {
            var reply = await heimdall.SendAsync(method, path, cancellationToken, method == HttpMethod.Put ? new StringContent("select 2") : null);

            reply.AssertProblem(404, "not enabled", "sql_uploads.enabled");
        }
        Assert.That(Directory.GetFileSystemEntries(heimdall.SqlDirectory).Select(Path.GetFileName), Is.EqualTo(new[] { "there.sql" }));
        Assert.That(await File.ReadAllTextAsync(Path.Combine(heimdall.SqlDirectory, "there.sql"), cancellationToken), Is.EqualTo("select 1"));
    }
}
