using System.Text.RegularExpressions;
using Heimdall.Tests.Docs;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Delivery;

/// <summary>What scripts/package.sh puts beside the programs.</summary>
public sealed partial class ReleasePackageTests
{
    private static readonly string[] _files = Files().Match(Repository.Read("scripts/package.sh")).Groups["names"].Value
        .Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);

    [Test]
    public void Each_file_exists() => Assert.That(_files.Where(file => !Path.Exists(Repository.PathOf(file))), Is.Empty);

    [Test]
    public void No_link_of_a_page_leads_out_of_the_package()
    {
        var pages = DocPage.All.Concat(_files.Where(file => file != "README.md" && file.EndsWith(".md", StringComparison.Ordinal)).Select(DocPage.Read));
        var targets = pages.SelectMany(page => page.Links()
            .Where(link => !link.Target.Contains("://", StringComparison.Ordinal) && !link.Target.StartsWith('#'))
            .Select(link => DocTextTests.Resolve(page, link.Target.Split('#')[0]))).Distinct().ToArray();

        Assert.That(targets, Has.Length.GreaterThan(20));
        Assert.That(targets.Where(target => !_files.Any(file => target == file || target.StartsWith($"{file}/", StringComparison.Ordinal))), Is.Empty);
    }

    [GeneratedRegex(@"readonly files=\((?<names>[^)]+)\)")]
    private static partial Regex Files();
}
