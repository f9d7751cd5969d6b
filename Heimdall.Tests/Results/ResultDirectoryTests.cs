using Heimdall.Core.Configuration;
using Heimdall.Core.Plugins;
using Heimdall.Core.Results.Chunks;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using NUnit.Framework;

namespace Heimdall.Tests.Results;

/// <summary>What can only go wrong with files.</summary>
[CancelAfter(60_000)]
public sealed class ResultDirectoryTests
{
    private ResultTestStore _store = null!;

    [SetUp]
    public async Task Create()
    {
        _store = await ResultTestStore.CreateAsync();
        _store.Configure(new ResultsConfig { Directory = _store.Folder });
    }

    [TearDown]
    public async Task Drop() => await _store.DisposeAsync();

    [Test]
    [Platform("Linux")]
    public async Task A_full_disk_fails_the_job_and_leaves_nothing_behind([Values(1, 5000)] int rows, CancellationToken cancellationToken)
    {
        var result = await _store.AddJobAsync(cancellationToken);
        File.CreateSymbolicLink(Path.Combine(_store.Folder, $"{result.JobId:N}-1.rows"), "/dev/full");
        await using (var writer = _store.CreateWriter(result, inDirectory: true))
        {
            await writer.StartAsync(ResultTestStore.Columns, cancellationToken);

            Assert.That(
                async () =>
                {
                    await ResultTestStore.WriteRowsAsync(writer, result, rows, cancellationToken);
                    await writer.EndAsync(cancellationToken);
                },
                Throws.InstanceOf<JobFailedException>().With.Message.Contains("is full"));
        }

        Assert.That(_store.Files, Is.Empty);
        Assert.That(await _store.Database.ScalarAsync<long>("select count(*) from heimdall.job_result", cancellationToken), Is.Zero);
    }

    [Test]
    public async Task A_directory_that_is_missing_is_made_for_its_owner_and_group_only(CancellationToken cancellationToken)
    {
        Directory.Delete(_store.Folder);

        var result = await _store.StoreAsync(inDirectory: true, rows: 1, cancellationToken);

        Assert.That(await _store.ReadAsync(result, cancellationToken), Has.Count.EqualTo(1));
        if (!OperatingSystem.IsWindows())
        {
            Assert.That(File.GetUnixFileMode(_store.Folder) & (UnixFileMode.OtherRead | UnixFileMode.OtherExecute), Is.EqualTo(UnixFileMode.None));
            Assert.That(File.GetUnixFileMode(_store.Files.Single()) & UnixFileMode.OtherRead, Is.EqualTo(UnixFileMode.None));
        }
    }

    [Test]
    public async Task A_file_that_is_missing_is_told(CancellationToken cancellationToken)
    {
        var result = await _store.StoreAsync(inDirectory: true, rows: 1, cancellationToken);
        File.Delete(_store.Files.Single());

        Assert.That(async () => await _store.ReadAsync(result, cancellationToken), Throws.InstanceOf<ResultStorageException>().With.Property("IsLost").True);
    }

    [Test]
    public async Task Files_that_no_result_names_are_deleted(CancellationToken cancellationToken)
    {
        var kept = await _store.StoreAsync(inDirectory: true, rows: 1, cancellationToken);
        var expired = await _store.StoreAsync(inDirectory: true, rows: 1, cancellationToken);
        await _store.Database.ExecuteAsync("update heimdall.job_result set dropped = true where job_id = $1", cancellationToken, expired.JobId);
        string[] orphans = [$"{Guid.CreateVersion7():N}-1.rows", $"{kept.JobId:N}-2.rows"];
        string[] foreign = ["notes.txt", "a-b.rows", $"{Guid.CreateVersion7()}-1.rows"];
        foreach (var name in orphans.Concat(foreign))
        {
            await File.WriteAllTextAsync(Path.Combine(_store.Folder, name), "x", cancellationToken);
        }

        await _store.Sweep.DeleteOrphansAsync(cancellationToken);

        Assert.That(_store.Files.Select(Path.GetFileName), Is.EquivalentTo([$"{kept.JobId:N}-1.rows", .. foreign]));
    }

    [Test]
    public async Task A_process_with_the_directory_deletes_the_file_that_a_keeper_without_it_has_dropped(
        CancellationToken cancellationToken)
    {
        await _store.StoreAsync(inDirectory: true, rows: 1, cancellationToken);
        await _store.Database.ExecuteAsync(
            "update heimdall.job_result set directory = '/on/another/host', expires_at = now() - interval '1 second'",
            cancellationToken);
        _store.Configure(new ResultsConfig());
        await _store.Sweep.DropAsync(cancellationToken);
        Assert.That(_store.Files, Has.Length.EqualTo(1));

        await using var process = _store.BuildProcess(new ResultsConfig { Directory = _store.Folder });
        var service = process.GetServices<IHostedService>().Single();
        await service.StartAsync(cancellationToken);

        await Eventually.Is(() => Task.FromResult(_store.Files.Length == 0), cancellationToken);
        await service.StopAsync(cancellationToken);
    }

    [Test]
    public async Task A_directory_that_is_elsewhere_on_another_host_is_found(CancellationToken cancellationToken)
    {
        var result = await _store.StoreAsync(inDirectory: true, rows: 1, cancellationToken);
        var elsewhere = Directory.CreateTempSubdirectory("heimdall-results-").FullName;
        File.Move(_store.Files.Single(), Path.Combine(elsewhere, $"{result.JobId:N}-1.rows"));

        _store.Configure(new ResultsConfig { Directory = elsewhere });
        var rows = await _store.ReadAsync(result, cancellationToken);

        Directory.Delete(elsewhere, recursive: true);
        Assert.That(rows, Has.Count.EqualTo(1));
    }
}
