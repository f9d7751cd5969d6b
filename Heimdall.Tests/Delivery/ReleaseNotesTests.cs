using System.Diagnostics;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Delivery;

/// <summary>scripts/release_notes.sh, on a change log of its own.</summary>
[CancelAfter(30_000)]
public sealed class ReleaseNotesTests
{
    private const string ChangeLog = """
        # Changelog

        ## Unreleased

        - Not yet.

        ## 1.2.0 - 2026-12-01

        ### Added
        - This.

        ## 1.2.0-rc.1

        - A candidate.

        ## 1.1.0

        """;

    private string _root = null!;

    [SetUp]
    public void Create()
    {
        _root = Directory.CreateTempSubdirectory("heimdall-release-").FullName;
        Directory.CreateDirectory(Path.Combine(_root, "scripts"));
        foreach (var script in new[] { "scripts/common.sh", "scripts/release_notes.sh" })
        {
            File.Copy(Repository.PathOf(script), Path.Combine(_root, script));
        }
        File.WriteAllText(Path.Combine(_root, "CHANGELOG.md"), ChangeLog);
    }

    [TearDown]
    public void Delete() => Directory.Delete(_root, recursive: true);

    [Test]
    public async Task The_notes_are_the_section_of_the_version(CancellationToken cancellationToken)
    {
        var notes = await RunAsync("1.2.0", "1.2.0", cancellationToken);

        Assert.That(notes, Is.EqualTo((0, "\n### Added\n- This.\n", "")));
    }

    [Test]
    public async Task Another_version_than_that_of_the_programs_is_refused(CancellationToken cancellationToken)
    {
        var notes = await RunAsync("1.2.0", "1.3.0", cancellationToken);

        Assert.That(notes, Is.EqualTo(
            (1, "", "The version in Directory.Build.props is 1.2.0, and 1.3.0 is asked for. Change one of them.\n")));
    }

    [TestCase("1.1.0", TestName = "A_version_with_nothing_in_the_change_log_is_refused")]
    [TestCase("1.0.0", TestName = "A_version_that_the_change_log_does_not_have_is_refused")]
    public async Task Refuses(string version, CancellationToken cancellationToken)
    {
        var notes = await RunAsync(version, version, cancellationToken);

        Assert.That(notes, Is.EqualTo((1, "", $"CHANGELOG.md has no section '## {version}' with something in it.\n")));
    }

    private async Task<(int ExitCode, string Output, string Errors)> RunAsync(
        string own, string asked, CancellationToken cancellationToken)
    {
        var props = Repository.Read("Directory.Build.props");
        var at = props.IndexOf("<Version>", StringComparison.Ordinal);
        var end = props.IndexOf("</Version>", StringComparison.Ordinal);
        props = $"{props[..at]}<Version>{own}{props[end..]}";
        await File.WriteAllTextAsync(Path.Combine(_root, "Directory.Build.props"), props, cancellationToken);
        using var script = Process.Start(
            new ProcessStartInfo("bash", [Path.Combine(_root, "scripts/release_notes.sh"), asked])
            {
                RedirectStandardOutput = true,
                RedirectStandardError = true,
            })!;
        var output = script.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = script.StandardError.ReadToEndAsync(cancellationToken);
        await script.WaitForExitAsync(cancellationToken);
        return (script.ExitCode, await output, await errors);
    }
}
