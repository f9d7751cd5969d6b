using Heimdall.Core.Plugins;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

public sealed class PostgresPluginContract : PluginContract
{
    private PluginTestServer _server = null!;

    internal override IPlugin Plugin => _server.Plugin;

    [OneTimeSetUp]
    public async Task Start()
    {
        _server = await PluginTestServer.StartAsync();
        await _server.ExecuteAsync("create table mark (name text)");
    }

    [OneTimeTearDown]
    public async Task Stop() => await _server.DisposeAsync();

    [SetUp]
    public Task Wipe() => _server.ExecuteAsync("truncate mark");

    internal override PluginJob Rows(int count, IResultWriter results) => Query($"select * from generate_series(1, {count})", results);

    internal override PluginJob NoResult(IResultWriter results) => Query("create temp table nothing (i int)", results);

    internal override PluginJob FailingQuery(IResultWriter results) => Query("select 1 / (3 - i) from generate_series(1, 5) i", results);

    internal override PluginJob EndlessQuery(IResultWriter results) => Query("select pg_sleep(600)", results);

    internal override PluginJob MarkingBatch() => _server.Batch("insert into mark values ('a');\nselect 1;");

    internal override PluginJob FailingBatch() => _server.Batch("insert into mark values ('a');\nselect 1 / 0;");

    internal override PluginJob EndlessBatch() => _server.Batch("insert into mark values ('a');\nselect pg_sleep(600);");

    internal override PluginJob UnknownField() => _server.Job("""{"query": "select 1", "no_such_field": 1}""");

    internal override async Task<bool> HasMarkAsync(PluginJob job) => await _server.ScalarAsync<long>("select count(*) from mark") > 0;

    internal override async Task<bool> IsRunningAsync(PluginJob job) => await _server.ScalarAsync<long>(
        $"select count(*) from pg_stat_activity where application_name like 'heimdall {job.Id} %' and query like '%pg_sleep(600)%'") > 0;

    private PluginJob Query(string sql, IResultWriter results) => _server.Query(sql, results);
}
