using Heimdall.Core.Catalog;
using Heimdall.Core.Jobs;
using Heimdall.Tests.Schedules;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;

namespace Heimdall.Tests.Upkeep;

/// <summary>Commands and clusters that leave the files, or that an older version takes for gone.</summary>
[CancelAfter(60_000)]
public sealed class RemovedEntriesTests
{
    private ScheduleTestStore _store = null!;
    private IServiceProvider _process = null!;

    [SetUp]
    public async Task Start()
    {
        _store = await ScheduleTestStore.CreateAsync(DateTime.UtcNow);
        _process = await _store.StartAsync(CancellationToken.None);
    }

    [TearDown]
    public async Task Stop() => await _store.DisposeAsync();

    [TestCase("command")]
    [TestCase("cluster")]
    public async Task An_older_version_that_starts_deletes_nothing(string table, CancellationToken cancellationToken)
    {
        // What the versions before this one did at their start with what their own file lacked.
        await _store.Database.ExecuteAsync(
            $"delete from heimdall.{table} where not id = any ('{{}}')", cancellationToken);
        Assert.That(await CountAsync(table, cancellationToken), Is.EqualTo(1));

        await _store.Database.ExecuteAsync(
            $"update heimdall.{table} set removed_at = now() - interval '29 days'", cancellationToken);
        await _store.Database.ExecuteAsync($"delete from heimdall.{table}", cancellationToken);
        Assert.That(await CountAsync(table, cancellationToken), Is.EqualTo(1));

        await _store.Database.ExecuteAsync(
            $"update heimdall.{table} set removed_at = now() - interval '31 days'", cancellationToken);
        await _store.Database.ExecuteAsync($"delete from heimdall.{table}", cancellationToken);
        Assert.That(await CountAsync(table, cancellationToken), Is.Zero);
    }

    [TestCase("command")]
    [TestCase("cluster")]
    public async Task A_status_that_was_set_before_an_upgrade_stays(string table, CancellationToken cancellationToken)
    {
        await _store.Database.ExecuteAsync(
            $"update heimdall.{table} set status = 'INACTIVE', file_status = null", cancellationToken);

        await _store.StartAsync(cancellationToken);

        Assert.That(
            await _store.Database.ScalarAsync<string>(
                $"select status || ', in the file ' || file_status from heimdall.{table}", cancellationToken),
            Is.EqualTo("INACTIVE, in the file ACTIVE"));
    }

    [TestCase("command")]
    [TestCase("cluster")]
    public async Task A_status_that_the_file_of_an_older_version_gave_was_set_by_nobody(
        string table, CancellationToken cancellationToken)
    {
        // What the versions before this one write of a file that says otherwise than that of the tests.
        await _store.Database.ExecuteAsync(
            $"update heimdall.{table} set status = 'INACTIVE', seed = 'of another file'", cancellationToken);

        await _store.StartAsync(cancellationToken);

        Assert.That(
            await _store.Database.ScalarAsync<string>(
                $"select status from heimdall.{table} where seed = file_seed", cancellationToken),
            Is.EqualTo("ACTIVE"));
    }

    [Test]
    public async Task Processes_with_other_clusters_wait_after_a_restart_of_the_store_for_one_that_can_ask(
        CancellationToken cancellationToken)
    {
        await _store.Database.ExecuteAsync(
            """
            insert into heimdall.job (id, name, version, description, tags, "user", status, is_sync, return_result,
                command_id, command_name, cluster_id, cluster_name, command_criteria, cluster_criteria, context,
                lease_until)
            values (gen_random_uuid(), 'inline', '', '', '{}', 'u', 'RUNNING', true, false, 'sql', '', 'elsewhere', '',
                '{}', '{}', '{}', now() - interval '200 years');
            update heimdall.worker set lease = '1 ms'
            """,
            cancellationToken);
        var claims = _process.GetRequiredService<JobClaims>();
        Task<IReadOnlyList<Guid>> FindAsync(string[] clusters, TimeSpan others) => claims.FindDeadInlineAsync(
            TimeSpan.FromMilliseconds(1), clusters, others, cancellationToken);

        // The server of the tests has run for more than a millisecond and for less than a hundred years.
        var century = TimeSpan.FromDays(36500);
        Assert.That(await FindAsync(["elsewhere"], century), Has.Count.EqualTo(1));
        Assert.That(await FindAsync(["local"], century), Is.Empty);
        Assert.That(await FindAsync(["local"], TimeSpan.FromMilliseconds(1)), Has.Count.EqualTo(1));
    }

    [Test]
    public async Task What_a_process_has_that_stopped_stays_while_it_may_start_again(
        CancellationToken cancellationToken)
    {
        var store = _process.GetRequiredService<CatalogStore>();
        await AddKeeperAsync(cancellationToken);
        await _process.GetRequiredService<LivingProcesses>().GoneAsync(cancellationToken);
        Assert.That((await store.MarkAsync(cancellationToken)).Gone, Is.Empty);

        await _process.GetRequiredService<LivingProcesses>().ForgetDeadAsync(cancellationToken);
        Assert.That((await store.MarkAsync(cancellationToken)).Gone, Is.Empty);

        await _store.PassTimeAsync(cancellationToken);
        Assert.That((await store.MarkAsync(cancellationToken)).Gone, Has.Count.EqualTo(2));
        await _process.GetRequiredService<LivingProcesses>().ForgetDeadAsync(cancellationToken);
        Assert.That(await CountAsync("worker", cancellationToken), Is.EqualTo(1), "the keeper is left");
    }

    [Test]
    public async Task So_does_what_a_worker_of_an_older_version_has_which_deletes_its_row(
        CancellationToken cancellationToken)
    {
        await AddKeeperAsync(cancellationToken);
        await _process.GetRequiredService<LivingProcesses>().GoneAsync(cancellationToken);
        await _store.PassTimeAsync(cancellationToken);
        await AddOlderAsync(cancellationToken);
        await _store.Database.ExecuteAsync(
            "delete from heimdall.worker where name = 'of an older version'", cancellationToken);

        var change = await _process.GetRequiredService<CatalogStore>().MarkAsync(cancellationToken);

        Assert.That(change.Gone, Is.Empty);
    }

    [Test]
    public async Task What_a_worker_of_an_older_version_can_run_is_there(CancellationToken cancellationToken)
    {
        await AddKeeperAsync(cancellationToken);
        await _process.GetRequiredService<LivingProcesses>().GoneAsync(cancellationToken);
        await _store.PassTimeAsync(cancellationToken);
        var store = _process.GetRequiredService<CatalogStore>();
        Assert.That((await store.MarkAsync(cancellationToken)).Gone, Has.Count.EqualTo(2));

        await AddOlderAsync(cancellationToken);
        var change = await store.MarkAsync(cancellationToken);

        Assert.That((change.Back.Count, change.Gone.Count), Is.EqualTo((2, 0)));
    }

    [Test]
    public async Task What_a_process_has_that_could_not_be_heard_of_stays(CancellationToken cancellationToken)
    {
        await _store.Database.ExecuteAsync(
            "update heimdall.worker set seen_at = seen_at - interval '3 minutes'", cancellationToken);

        var change = await _process.GetRequiredService<CatalogStore>().MarkAsync(cancellationToken);

        Assert.That(change.Gone, Is.Empty);
    }

    [Test]
    public async Task Jobs_keep_a_command_that_gets_no_more_of_them(CancellationToken cancellationToken)
    {
        await _store.Database.ExecuteAsync("update heimdall.command set removed_at = now()", cancellationToken);

        var catalog = await _process.GetRequiredService<CatalogStore>().LoadAsync(cancellationToken);

        Assert.That((catalog.Commands.Count, catalog.FindCommand("sql")), Is.EqualTo((0, (Command?)null)));
        Assert.That(catalog.FindCommandOfJob("sql"), Is.Not.Null);
    }

    /// <summary>One that has lived for long and has neither command nor cluster in its file.</summary>
    private Task AddKeeperAsync(CancellationToken cancellationToken) => _store.Database.ExecuteAsync(
        """
        insert into heimdall.worker (
            id, name, clusters, commands, concurrency, file_clusters, file_commands, file_schedules, started_at)
        values (gen_random_uuid(), 'keeper', '{}', '{}', 0, '{}', '{}', '{}', now() - interval '1 hour')
        """,
        cancellationToken);

    /// <summary>With what the versions before this one write.</summary>
    private Task AddOlderAsync(CancellationToken cancellationToken) => _store.Database.ExecuteAsync(
        """
        insert into heimdall.worker (id, name, clusters, commands, concurrency)
        values (gen_random_uuid(), 'of an older version', '{local}', '{sql}', 1)
        """,
        cancellationToken);

    private Task<long> CountAsync(string table, CancellationToken cancellationToken) =>
        _store.Database.ScalarAsync<long>($"select count(*) from heimdall.{table}", cancellationToken);
}
