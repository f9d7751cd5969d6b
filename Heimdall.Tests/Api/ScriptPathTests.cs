using System.Diagnostics;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Which paths can be written to, and that no other file comes into reach.</summary>
[CancelAfter(60_000)]
public sealed class ScriptPathTests
{
    private const string Part256 = "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"
        + "01234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789012345678901.sql";

    private const string Deep = "0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/0123456789/";

    private HeimdallInstance _heimdall = null!;
    private string _outside = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(config => config with { SqlUploads = "enabled: true" }, worker: false);
        _outside = Directory.CreateTempSubdirectory("heimdall-outside-").FullName;
        await File.WriteAllTextAsync(Path.Combine(_outside, "secret.sql"), "select 'secret'");
        var sql = _heimdall.SqlDirectory;
        Directory.CreateDirectory(Path.Combine(sql, "directory.sql"));
        _heimdall.WriteScript("plain.sql", "select 'plain'");
        File.CreateSymbolicLink(Path.Combine(sql, "link.sql"), Path.Combine(_outside, "secret.sql"));
        File.CreateSymbolicLink(Path.Combine(sql, "dangling.sql"), Path.Combine(_outside, "missing.sql"));
        File.CreateSymbolicLink(Path.Combine(sql, "loop.sql"), "loop.sql");
        Directory.CreateSymbolicLink(Path.Combine(sql, "linked"), _outside);
        File.CreateSymbolicLink(Path.Combine(sql, "detour.sql"), Path.Combine("linked", "secret.sql"));
        File.CreateSymbolicLink(Path.Combine(sql, "device.sql"), "/dev/null");
        using var mkfifo = Process.Start("mkfifo", Path.Combine(sql, "pipe.sql"));
        await mkfifo.WaitForExitAsync();
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _heimdall.DisposeAsync();
        Directory.Delete(_outside, recursive: true);
    }

    [TestCase("/api/v1/sql/../x.sql", 404)]
    [TestCase("/api/v1/sql/../../../x.sql", 404)]
    [TestCase("/api/v1/sql/%2e%2e/x.sql", 404)]
    [TestCase("/api/v1/sql/%2E%2E/%2e%2e/x.sql", 404)]
    [TestCase("/api/v1/sql/../sql/x.sql", 400)]
    [TestCase("/api/v1/sql/a/../x.sql", 400)]
    [TestCase("/api/v1/sql/a/%2e%2e/x.sql", 400)]
    [TestCase("/api/v1/sql/..%2Fx.sql", 400)]
    [TestCase("/api/v1/sql/%2e%2e%2fx.sql", 400)]
    [TestCase("/api/v1/sql/a%2F..%2F..%2Fx.sql", 400)]
    [TestCase("/api/v1/sql/..%5Cx.sql", 400)]
    [TestCase("/api/v1/sql/..\\x.sql", 400)]
    [TestCase("/api/v1/sql/a%5cx.sql", 400)]
    [TestCase("/api/v1/sql//etc/x.sql", 400)]
    [TestCase("/api/v1/sql/%2Fetc%2Fx.sql", 400)]
    [TestCase("/api/v1/sql/./x.sql", 400)]
    [TestCase("/api/v1/sql/a/./x.sql", 400)]
    [TestCase("/api/v1/sql/a/%2e/x.sql", 400)]
    [TestCase("/api/v1/sql/a//x.sql", 400)]
    [TestCase("/api/v1/sql/x.sql/", 400)]
    [TestCase("/api/v1/sql/x%00.sql", 400)]
    [TestCase("/api/v1/sql/x.sql%00", 400)]
    [TestCase("/api/v1/sql/x.sql%00.sql", 400)]
    [TestCase("/api/v1/sql/x", 400)]
    [TestCase("/api/v1/sql/x.sqlx", 400)]
    [TestCase("/api/v1/sql/x.sql.heimdall", 400)]
    [TestCase("/api/v1/sql/.heimdall-0.draft", 400)]
    [TestCase("/api/v1/sql/%20x.sql", 400)]
    [TestCase("/api/v1/sql/x.sql%0A", 400)]
    [TestCase("/api/v1/sql/a%0Ax.sql", 400)]
    [TestCase("/api/v1/sql/a;x.sql", 400)]
    [TestCase("/api/v1/sql/a%27x.sql", 400)]
    [TestCase("/api/v1/sql/a%22x.sql", 400)]
    [TestCase("/api/v1/sql/" + Part256, 400)]
    [TestCase("/api/v1/sql/" + Deep + Deep + Deep + Deep + Deep + Deep + Deep + Deep + Deep + Deep + "x.sql", 400)]
    [TestCase("/api/v1/sql/link.sql", 400)]
    [TestCase("/api/v1/sql/dangling.sql", 400)]
    [TestCase("/api/v1/sql/loop.sql", 400)]
    [TestCase("/api/v1/sql/detour.sql", 400)]
    [TestCase("/api/v1/sql/device.sql", 400)]
    [TestCase("/api/v1/sql/linked/x.sql", 400)]
    [TestCase("/api/v1/sql/linked/secret.sql", 400)]
    [TestCase("/api/v1/sql/linked/a/x.sql", 400)]
    [TestCase("/api/v1/sql/directory.sql", 409)]
    [TestCase("/api/v1/sql/pipe.sql", 409)]
    [TestCase("/api/v1/sql/plain.sql/x.sql", 409)]
    [TestCase("/api/v1/SQL/x.sql", 404)]
    [TestCase("/api/v1/sql/", 400)]
    [TestCase("/api/v1/sql", 400)]
    public async Task Nothing_but_scripts_of_the_directory_can_be_put(string target, int status, CancellationToken cancellationToken)
    {
        var before = Snapshot();

        var put = await RawRequest.SendAsync(_heimdall.Address, "PUT", target, "select 'put'", cancellationToken);

        Assert.That(put.Status, Is.EqualTo(status), put.Text);
        Assert.That(put.Text, Does.Not.Contain(Path.GetTempPath()));
        Assert.That(Snapshot(), Is.EqualTo(before));
    }

    [TestCase("/api/v1/sql/../heimdall.yaml")]
    [TestCase("/api/v1/sql/..%2Fheimdall.yaml")]
    [TestCase("/api/v1/sql/link.sql")]
    [TestCase("/api/v1/sql/detour.sql")]
    [TestCase("/api/v1/sql/linked/secret.sql")]
    [TestCase("/api/v1/sql/linked%2Fsecret.sql")]
    [TestCase("/api/v1/sql/pipe.sql")]
    [TestCase("/api/v1/sql/device.sql")]
    [TestCase("/api/v1/sql/directory.sql")]
    [TestCase("/api/v1/sql/missing/x.sql")]
    [TestCase("/api/v1/sql/plain.sql/x.sql")]
    public async Task Nothing_but_scripts_of_the_directory_can_be_read_or_deleted(string target, CancellationToken cancellationToken)
    {
        var before = Snapshot();

        var read = await RawRequest.SendAsync(_heimdall.Address, "GET", target, "", cancellationToken);
        var deleted = await RawRequest.SendAsync(_heimdall.Address, "DELETE", target, "", cancellationToken);

        Assert.That(read.Status, Is.EqualTo(400).Or.EqualTo(404), read.Text);
        Assert.That(deleted.Status, Is.EqualTo(read.Status), deleted.Text);
        Assert.That(read.Text, Does.Not.Contain("'secret'").And.Not.Contain(HeimdallInstance.Canary).And.Not.Contain(_outside));
        Assert.That(Snapshot(), Is.EqualTo(before));
    }

    [TestCase("/api/v1/sql/ok/a.sql", "ok/a.sql")]
    [TestCase("/api/v1/sql/ok%2Fb.sql", "ok/b.sql")]
    [TestCase("/api/v1/sql/ok/%C3%A9%20%25.SQL?after=..", "ok/é %.SQL")]
    [TestCase("/api/v1/sql/ok/..c.sql", "ok/..c.sql")]
    [TestCase("/api/v1/sql/ok/%252e%252e.sql", "ok/%2e%2e.sql")]
    public async Task A_path_is_decoded_once(string target, string name, CancellationToken cancellationToken)
    {
        var put = await RawRequest.SendAsync(_heimdall.Address, "PUT", target, "select 'put'", cancellationToken);
        var read = await RawRequest.SendAsync(_heimdall.Address, "GET", target, "", cancellationToken);

        Assert.That(put.Status, Is.EqualTo(201), put.Text);
        Assert.That(put.Text, Does.Contain($"\"path\":\"{name}\""));
        Assert.That(await File.ReadAllTextAsync(Path.Combine(_heimdall.SqlDirectory, name), cancellationToken), Is.EqualTo("select 'put'"));
        Assert.That(read.Text, Does.EndWith("select 'put'"));
    }

    [Test]
    public async Task A_link_within_the_directory_is_written_through_and_deleted_itself(CancellationToken cancellationToken)
    {
        _heimdall.WriteScript("versions/3.sql", "select 3");
        var link = Path.Combine(_heimdall.SqlDirectory, "latest.sql");
        File.CreateSymbolicLink(link, Path.Combine("versions", "3.sql"));

        var put = await _heimdall.SendAsync(HttpMethod.Put, "/api/v1/sql/latest.sql", cancellationToken, new StringContent("select 4"));
        var target = await _heimdall.GetAsync("/api/v1/sql/versions/3.sql", cancellationToken);
        var isLink = new FileInfo(link).LinkTarget is not null;
        var deleted = await _heimdall.SendAsync(HttpMethod.Delete, "/api/v1/sql/latest.sql", cancellationToken);

        put.AssertStatus(200);
        Assert.That(target.AssertStatus(200).Text, Is.EqualTo("select 4"));
        Assert.That(isLink, Is.True);
        deleted.AssertStatus(204);
        Assert.That(new FileInfo(link).Exists, Is.False);
        (await _heimdall.GetAsync("/api/v1/sql/versions/3.sql", cancellationToken)).AssertStatus(200);
    }

    /// <summary>All files of the instance and of the directory outside, with what is in them.</summary>
    private string[] Snapshot() =>
    [
        .. new[] { Path.GetDirectoryName(_heimdall.ConfigFile)!, _outside }
            .SelectMany(folder => Directory.EnumerateFileSystemEntries(folder, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }))
            .Where(path => !path.EndsWith(".log", StringComparison.Ordinal))
            .Order(StringComparer.Ordinal)
            .Select(path => $"{path} {(new FileInfo(path) is { Exists: true, Length: > 0, LinkTarget: null } file ? File.ReadAllText(file.FullName) : "")}"),
    ];
}
