using System.Net;
using Heimdall.Core.Audit;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Database;

/// <summary>
/// A store that can be reached and not written: it is known for what it is, nothing is ready meanwhile, and it ends by
/// itself.
/// </summary>
[CancelAfter(120_000)]
public sealed class StoreFaultTests
{
    private string _role = null!;
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _role = $"heimdall_test_{Guid.NewGuid():N}";
        _heimdall = await HeimdallInstance.CreateAsync();
        await _heimdall.Store.ExecuteAsync(
            $"""
            create role {_role} login;
            grant create on database {_heimdall.Store.Name} to {_role};
            do $$
            declare each record;
            begin
                for each in select 'heimdall' as name union select 'hangfire' loop
                    execute format('alter schema %I owner to {_role}', each.name);
                end loop;
                for each in select oid::regclass as name from pg_class
                    where relnamespace in ('heimdall'::regnamespace, 'hangfire'::regnamespace) and relkind = 'r'
                loop
                    execute format('alter table %s owner to {_role}', each.name);
                end loop;
            end $$
            """,
            CancellationToken.None);
        _heimdall.Configure(config => config with { Store = AsRole(config.Store) });
        await _heimdall.StartApiAsync();
        await _heimdall.StartWorkerAsync();
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _heimdall.Store.ExecuteAsync($"reassign owned by {_role} to current_user", CancellationToken.None);
        await _heimdall.DisposeAsync();
        await using var server = NpgsqlDataSource.Create(TestDatabase.ServerConnectionString);
        await using var drop = server.CreateCommand($"drop owned by {_role}; drop role {_role}");
        await drop.ExecuteNonQueryAsync();
    }

    private string AsRole(string store) => new NpgsqlConnectionStringBuilder(store) { Username = _role }.ConnectionString;

    private static readonly string[] _faults =
    [
        "a database that only reads", "a login that only reads", "one right is missing", "the schema is elsewhere",
        "no right to the schema", "no right to a sequence", "no connections", "a full disk",
    ];

    [TestCaseSource(nameof(_faults))]
    public async Task It_is_known_and_ends_by_itself(string fault, CancellationToken cancellationToken)
    {
        var (begin, end, words) = Fault(fault);
        await ReadyAsync("ready", cancellationToken);

        await _heimdall.Store.ExecuteAsync(begin, cancellationToken);
        try
        {
            await EndSessionsAsync(cancellationToken); // those that come now have the fault from their start
            await ReadyAsync(words, cancellationToken);
            // The first may have found a session that was ended. A disk is full here only where the probe writes.
            for (var tries = 0; tries < 3 && fault is not "a full disk"; tries++)
            {
                var refused = await _heimdall.SubmitAsync(
                    "select 1", returnResult: false, cancellationToken, name: fault);
                refused.AssertStatus(503);
                Assert.That(refused.Header("Retry-After"), Is.Not.Null);
            }
        }
        finally
        {
            await _heimdall.Store.ExecuteAsync(end, CancellationToken.None);
        }

        await ReadyAsync("ready", cancellationToken);
        var job = await Eventually.Becomes(
            () => _heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken, prefer: "wait=30"),
            () => Is.Not.Null.And.Matches<Reply>(reply => reply?.Status == HttpStatusCode.OK),
            cancellationToken);
        Assert.That(job["status"], Is.EqualTo("SUCCEEDED"));
    }

    [Test]
    public async Task A_job_that_ends_meanwhile_keeps_its_end_and_the_log_says_what_it_waits_for(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("fault", cancellationToken);
        var id = await _heimdall.EnqueueAsync(HeimdallInstance.WaitAt("fault"), cancellationToken);
        await _heimdall.WaitForStatusAsync(id, "RUNNING", cancellationToken);

        await _heimdall.Store.ExecuteAsync($"revoke update on heimdall.job from {_role}", cancellationToken);
        try
        {
            await _heimdall.OpenGateAsync("fault", cancellationToken);
            await Eventually.Becomes(
                () => Task.FromResult(string.Concat(_heimdall.Logs)),
                () => Does.Match("waits for the store, for [0-9]+ s so far: the store's login lacks a right: permission denied for"),
                cancellationToken);
        }
        finally
        {
            await _heimdall.Store.ExecuteAsync($"grant update on heimdall.job to {_role}", CancellationToken.None);
        }

        Assert.That((await _heimdall.WaitForEndAsync(id, cancellationToken))["status"], Is.EqualTo("SUCCEEDED"));
    }

    [Test]
    public async Task Sessions_of_looks_do_not_pile_up_behind_a_lock(CancellationToken cancellationToken)
    {
        await ReadyAsync("ready", cancellationToken);
        await using var source = NpgsqlDataSource.Create(_heimdall.Store.ConnectionString);
        await using var connection = await source.OpenConnectionAsync(cancellationToken);
        await using var transaction = await connection.BeginTransactionAsync(cancellationToken);
        await using (var locks = new NpgsqlCommand("lock table heimdall.readiness", connection, transaction))
        {
            await locks.ExecuteNonQueryAsync(cancellationToken);
        }

        await ReadyAsync("not ready: another session keeps a table of the store locked", cancellationToken);
        var first = await Eventually.Becomes(
            () => WaitingLooksAsync(cancellationToken), () => Is.Not.Empty, cancellationToken);
        await Eventually.Is(
            async () => !(await WaitingLooksAsync(cancellationToken)).Intersect(first).Any(), cancellationToken);

        await transaction.RollbackAsync(cancellationToken);
        await ReadyAsync("ready", cancellationToken);
    }

    [Test]
    public async Task Places_that_are_lost_are_put_back(CancellationToken cancellationToken)
    {
        await _heimdall.Store.ExecuteAsync("delete from heimdall.readiness", cancellationToken);

        await Eventually.Becomes(
            () => _heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.readiness", cancellationToken),
            () => Is.EqualTo(8), cancellationToken);
        await ReadyAsync("ready", cancellationToken);
    }

    [Test]
    public async Task Every_table_is_looked_at(CancellationToken cancellationToken)
    {
        var tables = await _heimdall.Store.ColumnAsync<string>(
            "select relname from pg_class where relkind = 'r' and relnamespace = 'heimdall'::regnamespace", cancellationToken);
        var hangfireTables = await _heimdall.Store.ColumnAsync<string>(
            "select relname from pg_class where relkind = 'r' and relnamespace = 'hangfire'::regnamespace", cancellationToken);

        Assert.That(StoreProbe.Tables, Is.EquivalentTo(tables.Except(["schema_migration"])));
        Assert.That(StoreProbe.HangfireTables, Is.EquivalentTo(hangfireTables.Except(["schema"])));
    }

    [Test]
    public async Task Of_the_audit_the_login_needs_to_read_and_to_add(CancellationToken cancellationToken)
    {
        await ReadyAsync("ready", cancellationToken);
        var defaults = new DatabaseConfig();
        await using var store = new StoreDatabase(
            AsRole(_heimdall.Store.ConnectionString), defaults.Schema, defaults.HangfireSchema,
            ConnectionLimits.ForApi);
        using var clock = new StoreClock(TimeProvider.System);
        var probe = new StoreProbe(store, clock);
        try
        {
            await _heimdall.Store.ExecuteAsync(
                $"revoke all on heimdall.audit from {_role}; grant select on heimdall.audit to {_role}",
                cancellationToken);
            Assert.That(
                await probe.FindProblemAsync(cancellationToken),
                Is.EqualTo("the store's login lacks a right: insert on \"heimdall\".\"audit\""));

            await _heimdall.Store.ExecuteAsync($"grant insert on heimdall.audit to {_role}", cancellationToken);
            Assert.That(await probe.FindProblemAsync(cancellationToken), Is.Null);
            Assert.That(
                await new AuditLog(store).ForgetAsync(TimeSpan.FromDays(365), cancellationToken), Is.Zero,
                "without the right to delete nothing is tried");
        }
        finally
        {
            await _heimdall.Store.ExecuteAsync($"grant all on heimdall.audit to {_role}", CancellationToken.None);
        }
        await ReadyAsync("ready", cancellationToken);
    }

    private (string Begin, string End, string Words) Fault(string fault) => fault switch
    {
        "a database that only reads" => (
            $"alter database {_heimdall.Store.Name} set default_transaction_read_only = on",
            $"alter database {_heimdall.Store.Name} reset default_transaction_read_only",
            "not ready: the store can only be read: its server is a standby, or default_transaction_read_only is on"),
        "a login that only reads" => (
            $"alter role {_role} in database {_heimdall.Store.Name} set default_transaction_read_only = on",
            $"alter role {_role} in database {_heimdall.Store.Name} reset default_transaction_read_only",
            "not ready: the store can only be read: its server is a standby, or default_transaction_read_only is on"),
        "one right is missing" => (
            $"revoke insert on heimdall.job from {_role}",
            $"grant insert on heimdall.job to {_role}",
            "not ready: the store's login lacks a right: insert on \"heimdall\".\"job\""),
        "the schema is elsewhere" => (
            "alter schema heimdall rename to elsewhere",
            "alter schema elsewhere rename to heimdall",
            "not ready: the store's schema is not what this version needs: "
            + "relation \"heimdall.readiness\" does not exist"),
        "no right to the schema" => (
            $"revoke usage on schema heimdall from {_role}",
            $"grant usage on schema heimdall to {_role}",
            "not ready: the store's login lacks a right: permission denied for schema heimdall"),
        "no right to a sequence" => (
            $"revoke all on sequence hangfire.job_id_seq from {_role}",
            $"grant all on sequence hangfire.job_id_seq to {_role}",
            "not ready: the store's login lacks a right: usage on hangfire.job_id_seq"),
        "no connections" => (
            $"alter role {_role} connection limit 0",
            $"alter role {_role} connection limit -1",
            "not ready: the store's server, database or login has no connection left"),
        _ => (
            """
            create function public.fail() returns trigger language plpgsql as
                $$ begin raise exception 'No space left on device' using errcode = '53100'; end $$;
            create trigger fail before update on heimdall.readiness for each row execute function public.fail()
            """,
            "drop trigger fail on heimdall.readiness; drop function public.fail()",
            "not ready: the store's disk is full"),
    };

    private Task<List<int>> WaitingLooksAsync(CancellationToken cancellationToken) => _heimdall.Store.ColumnAsync<int>(
        "select pid from pg_stat_activity where usename = $1 and wait_event_type = 'Lock' and query like '%readiness%'",
        cancellationToken, _role);

    private Task<long> EndSessionsAsync(CancellationToken cancellationToken) => _heimdall.Store.ScalarAsync<long>(
        "select count(pg_terminate_backend(pid)) from pg_stat_activity where usename = $1", cancellationToken, _role);

    private Task<string> ReadyAsync(string words, CancellationToken cancellationToken) => Eventually.Becomes(
        async () => (await _heimdall.GetAsync("/readyz", cancellationToken)).Text.Trim(), () => Is.EqualTo(words), cancellationToken);
}
