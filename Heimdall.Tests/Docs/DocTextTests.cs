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

    /// <summary>What users read outside of the pages.</summary>
    private static readonly IEnumerable<string> OtherTexts = new[] { "*.md", "*.yaml", "configs/*.yaml" }
        .SelectMany(pattern => Directory.EnumerateFiles(Repository.Root, pattern))
        .Select(file => Path.GetRelativePath(Repository.Root, file));

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
        var pages = DocPage.All.SelectMany(page => page.TextLines.Select(line => (page.Path, line.Number, line.Text)));
        var others = OtherTexts.SelectMany(path => Repository.Read(path).Split('\n').Index()
            .Select(line => (Path: path, Number: line.Index + 1, Text: line.Item)));
        var odd = pages.Concat(others).Where(line => HasHouseWord(line.Text))
            .Select(line => $"{line.Path}:{line.Number}: {line.Text}");

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
        var named = DocPage.All.Where(page => page.Path.StartsWith("docs/contribute/", StringComparison.Ordinal))
            .Append(DocPage.Read("ARCHITECTURE.md"))
            .SelectMany(page => page.Lines).SelectMany(line => SourceFile().Matches(line)).Select(match => match.Value)
            .ToHashSet();

        Assert.That(named, Has.Count.GreaterThan(10));
        Assert.That(named.Where(path => !Path.Exists(Repository.PathOf($"Heimdall.{path}")) && !Path.Exists(Repository.PathOf(path))), Is.Empty);
    }

    /// <summary>Whether a text has a word that readers must read twice, and for which there is a plain one.</summary>
    internal static bool HasHouseWord(string text) => HouseWord().IsMatch(text);

    /// <summary>The file that a link without its anchor leads to, from the root of the repository.</summary>
    internal static string Resolve(DocPage page, string target) =>
        Path.GetRelativePath(Repository.Root, Path.GetFullPath(target, Path.GetDirectoryName(Repository.PathOf(page.Path))!));

    private static bool LeadsSomewhere(DocPage page, string target)
    {
        if (target.Split('#') is not [var path, var anchor])
        {
            return Path.Exists(Repository.PathOf(Resolve(page, target)));
        }
        var file = path.Length == 0 ? page.Path : Resolve(page, path);
        return File.Exists(Repository.PathOf(file)) && DocPage.Read(file).Anchors.Contains(anchor);
    }

    [GeneratedRegex(
        @"\b(told|tells of|whoever|fate|gone on with|goes on with|go on with|way on|the store away|patience|courtesy"
        + @"|sign of life|taken for dead|by its words|judge|splice|wipe|what became of|cannot be told|he|his|him)\b",
        RegexOptions.IgnoreCase)]
    private static partial Regex HouseWord();

    [GeneratedRegex(@"(?<![\w./])(Heimdall\.)?(Core|Api|Worker|Tests|Plugins\.Postgres)/[A-Za-z]+(/[A-Za-z]+)*(\.cs)?")]
    private static partial Regex SourceFile();
}
