using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Database;

/// <summary>A store that cannot be prepared: the process says why, and goes on by itself when it can.</summary>
[CancelAfter(120_000)]
public sealed class StoreStartTests
{
    [Test]
    public async Task A_migration_that_fails_says_why_and_is_tried_again(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.CreateAsync(isFirstStart: true);
        await heimdall.Store.ExecuteAsync("create schema heimdall create table job (id int)", cancellationToken);
        var log = Path.Combine(Path.GetDirectoryName(heimdall.ConfigFile)!, "start.log");
        await using var api = await HeimdallHost.StartApiAsync(heimdall.ConfigFile, log);

        await BecomesAsync(heimdall, "^not ready: Migration .*001_jobs.sql failed: .*relation \"job\" already exists", cancellationToken);
        Assert.That(
            await File.ReadAllTextAsync(log, cancellationToken),
            Does.Match("The store is not ready, trying again: Migration .*001_jobs.sql failed: .*relation \"job\" already exists"));

        await heimdall.Store.ExecuteAsync("drop table heimdall.job", cancellationToken);
        await BecomesAsync(heimdall, "^ready\n$", cancellationToken);
    }

    [Test]
    public async Task A_login_without_rights_is_said(CancellationToken cancellationToken)
    {
        await using var heimdall = await HeimdallInstance.CreateAsync(isFirstStart: true);
        var role = $"heimdall_test_{Guid.NewGuid():N}";
        await heimdall.Store.ExecuteAsync($"create role {role} login", cancellationToken);
        heimdall.Configure(config => config with
        {
            Store = new Npgsql.NpgsqlConnectionStringBuilder(config.Store) { Username = role }.ConnectionString,
        });
        var log = Path.Combine(Path.GetDirectoryName(heimdall.ConfigFile)!, "start.log");
        await using (var api = await HeimdallHost.StartApiAsync(heimdall.ConfigFile, log))
        {
            await BecomesAsync(
                heimdall, $"^not ready: the store's login lacks a right: permission denied for database {heimdall.Store.Name}\n$",
                cancellationToken);
            await heimdall.Store.ExecuteAsync($"grant create on database {heimdall.Store.Name} to {role}", cancellationToken);
            await BecomesAsync(heimdall, "^ready\n$", cancellationToken);
        }
        await heimdall.Store.ExecuteAsync($"drop owned by {role} cascade; drop role {role}", cancellationToken);
    }

    private static Task<string> BecomesAsync(HeimdallInstance heimdall, string pattern, CancellationToken cancellationToken) =>
        Eventually.Becomes(
            async () => (await heimdall.GetAsync("/readyz", cancellationToken)).Text, () => Does.Match(pattern), cancellationToken);
}
