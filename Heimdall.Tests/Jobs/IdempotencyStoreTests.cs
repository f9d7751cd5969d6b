using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

[CancelAfter(60_000)]
public sealed class IdempotencyStoreTests
{
    [Test]
    public async Task A_key_is_kept_while_its_job_is_open(CancellationToken cancellationToken)
    {
        await using var database = await TestDatabase.CreateStoreAsync();
        await using var store = new StoreDatabase(database.ConnectionString, "heimdall", "hangfire", ConnectionLimits.ForApi);
        await database.ExecuteAsync(
            """
            insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result, command_id, command_name, cluster_id,
                cluster_name, command_criteria, cluster_criteria, context)
            select id, status, '', '', '{}', 'u', status, false, false, '', '', '', '', '{}', '{}', '{}'
            from (values ('00000000-0000-7000-8000-000000000001'::uuid, 'RUNNING'), ('00000000-0000-7000-8000-000000000002', 'SUCCEEDED')) as job (id, status);
            insert into heimdall.idempotency_key ("user", key, fingerprint, job_ids, created_at)
            select 'u', name, '', array[id], now() - interval '2 days' from heimdall.job
            """,
            cancellationToken);

        await new IdempotencyStore(store).SweepAsync(TimeSpan.FromDays(1), cancellationToken);

        Assert.That(await database.ColumnAsync<string>("select key from heimdall.idempotency_key", cancellationToken), Is.EqualTo(new[] { "RUNNING" }));
    }
}
