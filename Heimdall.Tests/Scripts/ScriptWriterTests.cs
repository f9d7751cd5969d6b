using System.Text;
using Heimdall.Core.Scripts;
using NUnit.Framework;

namespace Heimdall.Tests.Scripts;

/// <summary>What happens on disk when scripts are written and listed.</summary>
[CancelAfter(10_000)]
public sealed class ScriptWriterTests
{
    private static readonly ScriptCondition NoCondition = new(null, null);

    private string _root = null!;
    private ScriptFolder _folder = null!;
    private ScriptWriter _writer = null!;

    [SetUp]
    public void CreateFolder()
    {
        _root = Directory.CreateTempSubdirectory("heimdall-scripts-").FullName;
        _folder = new ScriptFolder(_root);
        _writer = new ScriptWriter(_folder, TimeProvider.System);
    }

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_root, recursive: true);

    [Test]
    public async Task A_directory_that_takes_no_files_is_a_fault_of_the_server(CancellationToken cancellationToken)
    {
        // Not even root can write there, and tests are often run as root.
        var folder = new ScriptFolder("/proc");
        var writer = new ScriptWriter(folder, TimeProvider.System);

        var fault = await Assert.ThrowsAsync<ScriptStorageException>(
            () => writer.WriteAsync(folder.Locate("a/b.sql"), Content("select 1"), 100, NoCondition, cancellationToken));

        Assert.That(fault.IsFull, Is.False);
    }

    [Test]
    public void A_full_disk_is_told_from_other_faults()
    {
        using var full = new FileStream("/dev/full", FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);

        var fault = Assert.Throws<IOException>(() => full.Write([1, 2, 3]));

        Assert.That(new ScriptStorageException(fault).IsFull, Is.True);
    }

    [Test]
    public async Task All_scripts_together_are_bounded(CancellationToken cancellationToken)
    {
        var writer = new ScriptWriter(_folder, TimeProvider.System) { MaxTotalBytes = 20 };
        Task<ScriptChange> WriteAsync(string name, int length) =>
            writer.WriteAsync(_folder.Locate(name), Content(new string('-', length)), 100, NoCondition,
                cancellationToken);

        var first = await WriteAsync("a/one.sql", 12);
        var second = await WriteAsync("b/two.sql", 9);
        var replaced = await WriteAsync("a/one.sql", 11);
        var fitting = await WriteAsync("b/two.sql", 9);
        var grown = await WriteAsync("b/two.sql", 10);

        Assert.That(
            new[] { first.Kind, second.Kind, replaced.Kind, fitting.Kind, grown.Kind },
            Is.EqualTo(new[]
            {
                ScriptChangeKind.Created, ScriptChangeKind.TotalTooLarge, ScriptChangeKind.Replaced,
                ScriptChangeKind.Created, ScriptChangeKind.TotalTooLarge,
            }));
        Assert.That(new FileInfo(Path.Combine(_root, "b/two.sql")).Length, Is.EqualTo(9));
        Assert.That(Directory.GetFiles(_root, "*", SearchOption.AllDirectories), Has.Length.EqualTo(2));
    }

    [Test]
    public async Task A_smaller_script_replaces_one_in_a_full_directory(CancellationToken cancellationToken)
    {
        await _writer.WriteAsync(_folder.Locate("one.sql"), Content("select 1"), 100, NoCondition, cancellationToken);
        await _writer.WriteAsync(_folder.Locate("two.sql"), Content("select 2"), 100, NoCondition, cancellationToken);
        var full = new ScriptWriter(_folder, TimeProvider.System) { MaxTotalBytes = 10 };

        var larger = await full.WriteAsync(
            _folder.Locate("one.sql"), Content("select 10"), 100, NoCondition, cancellationToken);
        var smaller = await full.WriteAsync(
            _folder.Locate("one.sql"), Content("table"), 100, NoCondition, cancellationToken);

        Assert.That(larger.Kind, Is.EqualTo(ScriptChangeKind.TotalTooLarge));
        Assert.That(smaller.Kind, Is.EqualTo(ScriptChangeKind.Replaced));
        Assert.That(await File.ReadAllTextAsync(Path.Combine(_root, "one.sql"), cancellationToken), Is.EqualTo("table"));
    }

    [Test]
    public async Task An_upload_that_fails_leaves_nothing_behind(CancellationToken cancellationToken)
    {
        var place = _folder.Locate("deep/down/one.sql");

        var empty = await _writer.WriteAsync(place, Content(""), 100, NoCondition, cancellationToken);
        var large = await _writer.WriteAsync(place, Content("select 1"), 7, NoCondition, cancellationToken);
        await Assert.ThrowsAsync<IOException>(() => _writer.WriteAsync(place, new BrokenStream(), 1_000_000, NoCondition, cancellationToken));

        Assert.That(empty.Kind, Is.EqualTo(ScriptChangeKind.Empty));
        Assert.That(large.Kind, Is.EqualTo(ScriptChangeKind.TooLarge));
        Assert.That(Directory.EnumerateFileSystemEntries(_root), Is.Empty);
    }

    [Test]
    public async Task A_deletion_removes_the_directories_that_it_leaves_empty(CancellationToken cancellationToken)
    {
        await WriteAsync("kept/one.sql", cancellationToken);
        await WriteAsync("kept/a.sql/deep/two.sql", cancellationToken);

        var deleted = await _writer.DeleteAsync(_folder.Locate("kept/a.sql/deep/two.sql"), NoCondition, cancellationToken);
        var put = await WriteAsync("kept/a.sql", cancellationToken);

        Assert.That(deleted.Kind, Is.EqualTo(ScriptChangeKind.Deleted));
        Assert.That(put.Kind, Is.EqualTo(ScriptChangeKind.Created));
        Assert.That(File.Exists(Path.Combine(_root, "kept", "one.sql")), Is.True);
    }

    [Test]
    public async Task A_deletion_removes_neither_the_root_nor_links(CancellationToken cancellationToken)
    {
        var outside = Directory.CreateTempSubdirectory("heimdall-outside-").FullName;
        Directory.CreateSymbolicLink(Path.Combine(_root, "linked"), Path.Combine("real", "deep"));
        Directory.CreateDirectory(Path.Combine(_root, "out"));
        Directory.CreateSymbolicLink(Path.Combine(_root, "out", "link"), outside);
        await WriteAsync("linked/one.sql", cancellationToken);
        await WriteAsync("out/two.sql", cancellationToken);

        await _writer.DeleteAsync(_folder.Locate("linked/one.sql"), NoCondition, cancellationToken);
        await _writer.DeleteAsync(_folder.Locate("out/two.sql"), NoCondition, cancellationToken);

        Assert.That(Directory.Exists(Path.Combine(_root, "real")), Is.False);
        Assert.That(new FileInfo(Path.Combine(_root, "linked")).LinkTarget, Is.Not.Null);
        Assert.That(new FileInfo(Path.Combine(_root, "out", "link")).LinkTarget, Is.EqualTo(outside));
        Assert.That((await WriteAsync("linked/one.sql", cancellationToken)).Kind, Is.EqualTo(ScriptChangeKind.Created));
        Assert.That(File.Exists(Path.Combine(_root, "real", "deep", "one.sql")), Is.True);
        Directory.Delete(outside); // throws unless it is there and empty
    }

    [Test]
    public async Task A_directory_that_a_failed_upload_held_is_removed_with_it(CancellationToken cancellationToken)
    {
        var neighbour = await WriteAsync("a.sql/one.sql", cancellationToken);
        var content = new InterruptedStream(() => _writer.DeleteAsync(_folder.Locate("a.sql/one.sql"), NoCondition, cancellationToken));

        var failed = await _writer.WriteAsync(_folder.Locate("a.sql/two.sql"), content, 1, NoCondition, cancellationToken);

        Assert.That(neighbour.Kind, Is.EqualTo(ScriptChangeKind.Created));
        Assert.That(failed.Kind, Is.EqualTo(ScriptChangeKind.TooLarge));
        Assert.That(Directory.EnumerateFileSystemEntries(_root), Is.Empty);
    }

    [Test]
    public async Task Uploads_and_deletions_of_several_processes_do_not_fail_by_each_others_directories(CancellationToken cancellationToken)
    {
        async Task PutAndDeleteAsync(string name)
        {
            var writer = new ScriptWriter(_folder, TimeProvider.System);
            for (var round = 0; round < 200; round++)
            {
                var put = await writer.WriteAsync(_folder.Locate(name), Content("select 1"), 100, NoCondition, cancellationToken);
                var deleted = await writer.DeleteAsync(_folder.Locate(name), NoCondition, cancellationToken);

                Assert.That(put.Kind, Is.EqualTo(ScriptChangeKind.Created));
                Assert.That(deleted.Kind, Is.EqualTo(ScriptChangeKind.Deleted));
            }
        }

        await Task.WhenAll(Enumerable.Range(0, 4).Select(process =>
            Task.Run(() => PutAndDeleteAsync($"shared/deep/{process}.sql"), cancellationToken)));

        Assert.That(Directory.EnumerateFileSystemEntries(_root), Is.Empty);
    }

    [TestCase("x.sql", "x.sql/y.sql")]
    [TestCase("x.sql/y.sql", "x.sql")]
    public async Task A_script_is_not_put_where_something_else_came_meanwhile(string name, string meanwhile, CancellationToken cancellationToken)
    {
        var place = _folder.Locate(name);
        var content = new InterruptedStream(() => WriteAsync(meanwhile, cancellationToken));

        var change = await _writer.WriteAsync(place, content, 100, NoCondition, cancellationToken);

        Assert.That(change.Kind, Is.EqualTo(ScriptChangeKind.Taken));
        Assert.That(place.Open(), Is.Null);
        Assert.That(Directory.GetFiles(_root, "*", SearchOption.AllDirectories), Is.EqualTo(new[] { Path.Combine(_root, meanwhile) }));
    }

    [Test]
    public async Task A_reader_goes_on_with_the_script_that_it_has_opened(CancellationToken cancellationToken)
    {
        var place = _folder.Locate("one.sql");
        await _writer.WriteAsync(place, Content("select 'old'"), 100, NoCondition, cancellationToken);
        using var reader = new StreamReader(place.Open()!);

        await _writer.WriteAsync(place, Content("select 'new'"), 100, NoCondition, cancellationToken);

        Assert.That(await reader.ReadToEndAsync(cancellationToken), Is.EqualTo("select 'old'"));
        Assert.That(await File.ReadAllTextAsync(place.File, cancellationToken), Is.EqualTo("select 'new'"));
    }

    [Test]
    public async Task Nothing_changes_between_the_look_at_a_script_and_its_change(CancellationToken cancellationToken)
    {
        var place = _folder.Locate("one.sql");
        await File.WriteAllBytesAsync(place.File, new byte[32_000_000], cancellationToken); // the look at it takes a while
        var condition = new ScriptCondition([(await place.HashAsync(cancellationToken))!], NoneMatch: null);

        using var start = new Barrier(8);
        var changes = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ =>
            _writer.WriteAsync(place, new GatheringStream(start), 100, condition, cancellationToken)));

        Assert.That(changes.Count(change => change.Kind == ScriptChangeKind.Replaced), Is.EqualTo(1));
        Assert.That(changes.Count(change => change.Kind == ScriptChangeKind.ConditionFailed), Is.EqualTo(7));
    }

    [Test]
    public async Task A_long_look_at_one_script_does_not_stop_changes_of_others(CancellationToken cancellationToken)
    {
        var large = _folder.Locate("large.sql");
        await using (var file = File.Create(large.File))
        {
            file.SetLength(1L << 37); // takes no room, and longer to read than a test may take
        }
        using var enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var look = _writer.DeleteAsync(_folder.Locate("large.sql"), new ScriptCondition(["another"], NoneMatch: null), enough.Token);

        var put = await WriteAsync("small.sql", cancellationToken);
        var deleted = await _writer.DeleteAsync(_folder.Locate("small.sql"), NoCondition, cancellationToken);

        Assert.That(put.Kind, Is.EqualTo(ScriptChangeKind.Created));
        Assert.That(deleted.Kind, Is.EqualTo(ScriptChangeKind.Deleted));
        Assert.That(look.IsCompleted, Is.False);
        await enough.CancelAsync();
        await Assert.CatchAsync<OperationCanceledException>(() => look);
    }

    [Test]
    public async Task A_condition_is_for_what_the_path_leads_to_when_a_link_has_gone_meanwhile(CancellationToken cancellationToken)
    {
        await WriteAsync("version.sql", cancellationToken);
        File.CreateSymbolicLink(Path.Combine(_root, "latest.sql"), "version.sql");
        var content = new InterruptedStream(() => _writer.DeleteAsync(_folder.Locate("latest.sql"), NoCondition, cancellationToken));
        var any = new ScriptCondition([ScriptCondition.Any], NoneMatch: null);

        var put = await _writer.WriteAsync(_folder.Locate("latest.sql"), content, 100, any, cancellationToken);

        Assert.That(put.Kind, Is.EqualTo(ScriptChangeKind.ConditionFailed));
        Assert.That(File.Exists(Path.Combine(_root, "version.sql")), Is.True);
    }

    [Test]
    public async Task Drafts_that_were_left_a_day_ago_are_removed_by_the_next_upload_and_list([Values] bool byUpload, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(Path.Combine(_root, "sub"));
        var old = Path.Combine(_root, "sub", ".heimdall-1.draft");
        var young = Path.Combine(_root, "sub", ".heimdall-2.draft");
        await File.WriteAllTextAsync(old, "drop", cancellationToken);
        await File.WriteAllTextAsync(young, "drop", cancellationToken);
        File.SetLastWriteTimeUtc(old, DateTime.UtcNow.AddHours(-25));
        File.SetLastWriteTimeUtc(young, DateTime.UtcNow.AddHours(-23));

        if (byUpload)
        {
            await _writer.WriteAsync(_folder.Locate("sub/one.sql"), Content("select 1"), 100, NoCondition, cancellationToken);
        }
        else
        {
            Assert.That(new ScriptList(_folder, TimeProvider.System).Read("", "", 10).Scripts, Is.Empty);
        }

        Assert.That(File.Exists(old), Is.False);
        Assert.That(File.Exists(young), Is.True);
    }

    [Test]
    public void Pages_are_in_the_order_of_the_paths_and_complete()
    {
        string[] paths = ["B.sql", "a-b.sql", "a.sql", "a/b.sql", "a/b/c.sql", "a/b0.sql", ".hidden/d.sql", "a0.sql", "é.sql"];
        foreach (var path in paths)
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_root, path))!);
            File.WriteAllText(Path.Combine(_root, path), "select 1");
        }
        var list = new ScriptList(_folder, TimeProvider.System);

        var found = new List<string>();
        for (var (after, hasMore) = ("", true); hasMore; after = found[^1])
        {
            (var page, hasMore) = list.Read("", after, 2);
            Assert.That(page, Has.Count.InRange(1, 2));
            found.AddRange(page.Select(script => script.Path));
        }

        Assert.That(found, Is.EqualTo(paths.Order(StringComparer.Ordinal)));
        Assert.That(list.Read("a/b", "", 10).Scripts.Select(script => script.Path), Is.EqualTo(new[] { "a/b.sql", "a/b/c.sql", "a/b0.sql" }));
        Assert.That(list.Read("a/b/", "", 10).Scripts.Select(script => script.Path), Is.EqualTo(new[] { "a/b/c.sql" }));
        Assert.That(list.Read("", "", paths.Length).HasMore, Is.False);
    }

    [Test]
    public void A_directory_that_is_a_link_itself_holds_scripts()
    {
        Directory.CreateDirectory(Path.Combine(_root, "real"));
        Directory.CreateSymbolicLink(Path.Combine(_root, "linked"), Path.Combine(_root, "real"));
        File.WriteAllText(Path.Combine(_root, "real", "one.sql"), "select 1");
        var folder = new ScriptFolder(Path.Combine(_root, "linked"));

        Assert.That(folder.Locate("one.sql").Kind, Is.EqualTo(ScriptPlaceKind.Script));
        Assert.That(new ScriptList(folder, TimeProvider.System).Read("", "", 10).Scripts.Single().Path, Is.EqualTo("one.sql"));
    }

    private Task<ScriptChange> WriteAsync(string name, CancellationToken cancellationToken) =>
        _writer.WriteAsync(_folder.Locate(name), Content("select 1"), 100, NoCondition, cancellationToken);

    private static MemoryStream Content(string sql) => new(Encoding.UTF8.GetBytes(sql));

    /// <summary>Gives more than one chunk, and then what a connection gives that has gone.</summary>
    private sealed class BrokenStream : MemoryStream
    {
        private int _left = 70_000;

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var read = Math.Min(_left, buffer.Length);
            _left -= read;
            return read > 0 ? ValueTask.FromResult(read) : throw new IOException("The client is gone.");
        }
    }

    /// <summary>Lets something else happen before it is read.</summary>
    private sealed class InterruptedStream(Func<Task> meanwhile) : MemoryStream("select 1"u8.ToArray())
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Position == 0)
            {
                await meanwhile();
            }
            return await base.ReadAsync(buffer, cancellationToken);
        }
    }

    /// <summary>Begins when as many are read as take part.</summary>
    private sealed class GatheringStream(Barrier start) : MemoryStream("select 1"u8.ToArray())
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            if (Position == 0)
            {
                await Task.Factory.StartNew(
                    () => start.SignalAndWait(cancellationToken), cancellationToken, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            }
            return await base.ReadAsync(buffer, cancellationToken);
        }
    }
}
