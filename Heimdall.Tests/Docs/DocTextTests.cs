using System.Text.RegularExpressions;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Docs;

/// <summary>The rules of the text, which docs/contribute/testing.md lists.</summary>
public sealed partial class DocTextTests
{
    private const int LongestLine = 100;
    private const int LongestRow = 120;
    private const int LongestSentence = 25;
    private const int LongestOverview = 120;

    [Test]
    public void Lines_are_short()
    {
        var long_ = DocPage.All.SelectMany(page => page.Lines.Index()
            .Where(line => line.Item.Length > (DocPage.IsRow(line.Item) ? LongestRow : LongestLine))
            .Select(line => $"{page.Path}:{line.Index + 1} has {line.Item.Length} characters"));

        Assert.That(long_, Is.Empty);
    }

    [Test]
    public void Sentences_are_short()
    {
        var long_ = DocPage.All.SelectMany(page => page.Sentences()
            .Select(sentence => (sentence.Line, sentence.Sentence, Words: sentence.Sentence.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length))
            .Where(sentence => sentence.Words > LongestSentence)
            .Select(sentence => $"{page.Path}:{sentence.Line} has {sentence.Words} words: {sentence.Sentence}"));

        Assert.That(long_, Is.Empty);
    }

    [Test]
    public void Words_are_those_of_the_trade()
    {
        var odd = DocPage.All.SelectMany(page => page.TextLines.Where(line => HouseWord().IsMatch(line.Text)).Select(line => $"{page.Path}:{line.Number}: {line.Text}"));

        Assert.That(odd, Is.Empty);
    }

    [TestCase("README.md")]
    [TestCase("ARCHITECTURE.md")]
    public void An_overview_is_short(string path) => Assert.That(DocPage.Read(path).Lines, Has.Count.AtMost(LongestOverview));

    [Test]
    public void Links_lead_somewhere()
    {
        var pages = DocPage.All.Concat(Directory.EnumerateFiles(Repository.Root, "*.md").Select(Path.GetFileName).Where(file => file != "README.md").Select(file => DocPage.Read(file!)));
        var dead = pages.SelectMany(page => page.Links()
            .Where(link => !link.Target.Contains("://", StringComparison.Ordinal) && !LeadsSomewhere(page, link.Target))
            .Select(link => $"{page.Path}:{link.Line}: {link.Target}"));

        Assert.That(dead, Is.Empty);
    }

    [Test]
    public void Every_page_is_two_links_away_and_a_decision_three()
    {
        var reached = new HashSet<string> { "README.md" };
        var far = new List<string>();
        for (var links = 1; links <= 3; links++)
        {
            reached.UnionWith(DocPage.All.Where(page => reached.Contains(page.Path)).SelectMany(page => page.Links().Select(link => Resolve(page, link.Target.Split('#')[0]))).ToArray());
            var left = DocPage.All.Select(page => page.Path).Where(path => !reached.Contains(path));
            far.AddRange(left.Where(path => links == 3 || (links == 2 && !path.StartsWith("docs/contribute/decisions/", StringComparison.Ordinal))));
        }

        Assert.That(far, Is.Empty);
    }

    [Test]
    public void Source_files_that_are_named_exist()
    {
        var named = new[] { "ARCHITECTURE.md", "docs/contribute/architecture.md", "docs/contribute/adding-a-plugin.md" }
            .SelectMany(path => DocPage.Read(path).Lines).SelectMany(line => SourceFile().Matches(line)).Select(match => match.Value).ToHashSet();

        Assert.That(named, Has.Count.GreaterThan(10));
        Assert.That(named.Where(path => !Path.Exists(Repository.PathOf($"Heimdall.{path}")) && !Path.Exists(Repository.PathOf(path))), Is.Empty);
    }

    private static bool LeadsSomewhere(DocPage page, string target)
    {
        if (target.Split('#') is not [var path, var anchor])
        {
            return Path.Exists(Repository.PathOf(Resolve(page, target)));
        }
        var file = path.Length == 0 ? page.Path : Resolve(page, path);
        return File.Exists(Repository.PathOf(file)) && DocPage.Read(file).Anchors.Contains(anchor);
    }

    private static string Resolve(DocPage page, string target) =>
        Path.GetRelativePath(Repository.Root, Path.GetFullPath(target, Path.GetDirectoryName(Repository.PathOf(page.Path))!));

    // Those that readers take twice; each has a plain word.
    [GeneratedRegex(@"\b(told|tells of|whoever|fate|gone on with|goes on with|go on with|way on|the store away|patience|courtesy|sign of life|taken for dead|by its words|he|his|him)\b", RegexOptions.IgnoreCase)]
    private static partial Regex HouseWord();

    [GeneratedRegex(@"(?<![\w./])(Heimdall\.)?(Core|Api|Worker|Tests|Plugins\.Postgres)/[A-Za-z]+(/[A-Za-z]+)*(\.cs)?")]
    private static partial Regex SourceFile();
}
