using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Loading;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;

namespace Heimdall.Tests.Docs;

/// <summary>What the pages say people should type works as it is written there, and replies with what they show.</summary>
[CancelAfter(300_000)]
public sealed class DocBlockTests
{
    private DocProduct _product = null!;

    private static IEnumerable<string> PagesWithCommands => DocPage.All.Where(page => page.Blocks.Any(IsRun)).Select(page => page.Path);

    private static IEnumerable<TestCaseData> PartsOfConfigurations => DocPage.All
        .SelectMany(page => page.Blocks.Where(block => block.Language == "yaml").Select(block => new TestCaseData(block.Text).SetArgDisplayNames($"{page.Path}:{block.Line}")));

    [OneTimeSetUp]
    public async Task Start() => _product = await DocProduct.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _product.DisposeAsync();

    [TestCaseSource(nameof(PagesWithCommands))]
    public async Task Every_command_of_a_page_works(string path, CancellationToken cancellationToken)
    {
        var page = DocPage.Read(path);
        var blocks = page.Blocks.Where(block => block.WhyNotRun is null).ToArray();
        var commands = blocks.Where(IsRun).ToArray();
        await _product.StartAfreshAsync(cancellationToken);

        var outputs = await _product.RunAsync([.. commands.Select(block => (block.Text, ShowsProblem(ShownAfter(blocks, block))))], cancellationToken);

        Assert.Multiple(() =>
        {
            foreach (var (block, output) in commands.Zip(outputs))
            {
                if (ShownAfter(blocks, block) is { } shown && FindDifference(shown, output) is { } difference)
                {
                    Assert.Fail($"{path}:{shown.Line}: {difference}");
                }
            }
        });
    }

    [TestCaseSource(nameof(PartsOfConfigurations))]
    public async Task Every_part_of_a_configuration_can_be_loaded(string part)
    {
        string[] rest =
        [
            "database: {connection_string: \"Host=127.0.0.1;Username=heimdall\"}", "sql_directory: .",
        ];
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(file, string.Join('\n', rest.Where(line => !part.Contains($"{line.Split(':')[0]}:", StringComparison.Ordinal)).Append(part)));
        await using var provider = new ServiceCollection().AddSingleton(new HeimdallConfig()).AddPostgresPlugin().BuildServiceProvider();

        Assert.That(() => ConfigFile.Load(file, new PluginCatalog(provider.GetServices<IPlugin>())), Throws.Nothing);
        File.Delete(file);
    }

    [Test]
    public void What_is_not_run_is_known()
    {
        var marks = DocPage.All
            .SelectMany(page => page.Blocks.Where(block => block.WhyNotRun is not null).Select(block => (Why: block.WhyNotRun!, page.Path)))
            .CountBy(mark => mark).Select(mark => (mark.Key.Why, mark.Key.Path, $"{mark.Value}"));
        var known = DocPage.Read("docs/contribute/testing.md").Rows("Blocks that are not run").Select(row => (row[0], row[1], row[2]));

        Assert.That(marks, Is.EquivalentTo(known), "a block that is not run is a decision: the table says what runs instead");
    }

    [Test]
    public void Every_block_has_a_known_form()
    {
        string[] known = ["sh", "json", "output", "yaml"];
        var odd = DocPage.All.SelectMany(page => page.Blocks.Where(block => !known.Contains(block.Language) || (block.Info.Contains(' ') && block.WhyNotRun is null))
            .Select(block => $"{page.Path}:{block.Line}: {block.Info}"));
        var alone = DocPage.All.SelectMany(page => page.Blocks.Index()
            .Where(block => block.Item is { Language: "json" or "output", WhyNotRun: null } && (block.Index == 0 || !IsRun(page.Blocks[block.Index - 1])))
            .Select(block => $"{page.Path}:{block.Item.Line} shows what no block before it prints"));

        Assert.That(odd.Concat(alone), Is.Empty);
    }

    [Test]
    public async Task The_endpoints_are_those_of_the_reference(CancellationToken cancellationToken)
    {
        var document = (await _product.GetAsync("/openapi/v1.json", cancellationToken)).AssertStatus(200);
        var routes = document.Json.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject().Select(method => $"{method.Name.ToUpperInvariant()} {path.Name}"));
        var page = DocPage.Read("docs/reference/endpoints.md");
        var listed = new[] { "Jobs", "Commands and clusters", "Queue", "Schedules", "Hooks", "Scripts", "Callers",
            "Outside of the API" }
            .SelectMany(page.Rows).Select(row => $"{row[0]} {DocPage.Codes(row[1]).Single()}");

        Assert.That(listed, Is.EquivalentTo(routes));
    }

    [TestCase("42", "42", true)]
    [TestCase("\"42\"", "42", false)]
    [TestCase("\"…\"", "42", true)]
    [TestCase("\"4…\"", "42", true)]
    [TestCase("\"a…c\"", "\"abc\"", true)]
    [TestCase("\"a\"", "\"b\"", false)]
    public void A_reply_is_compared_by_kind_and_text(string shown, string actual, bool isLike)
    {
        var difference = ReplyPattern.FindDifference(ReplyPattern.LastOf(shown), ReplyPattern.LastOf(actual));

        Assert.That(difference is null, Is.EqualTo(isLike), difference);
    }

    [Test]
    public async Task The_words_of_the_openapi_document_are_those_of_the_trade(CancellationToken cancellationToken)
    {
        var document = (await _product.GetAsync("/openapi/v1.json", cancellationToken)).AssertStatus(200);
        var summaries = document.Json.GetProperty("paths").EnumerateObject()
            .SelectMany(path => path.Value.EnumerateObject())
            .Select(route => route.Value.GetProperty("summary").GetString()!).ToArray();

        Assert.That(summaries, Has.Length.GreaterThan(30));
        Assert.That(summaries.Where(DocTextTests.HasHouseWord), Is.Empty);
    }

    private static bool IsRun(DocBlock block) => block is { Language: "sh", WhyNotRun: null };

    private static DocBlock? ShownAfter(DocBlock[] blocks, DocBlock command) =>
        blocks.ElementAtOrDefault(Array.IndexOf(blocks, command) + 1) is { Language: "json" or "output" } shown ? shown : null;

    private static bool ShowsProblem(DocBlock? shown) => shown?.Text.Contains("urn:heimdall:problem:", StringComparison.Ordinal) is true;

    private static string? FindDifference(DocBlock shown, string output)
    {
        if (shown.Language == "json")
        {
            return ReplyPattern.FindDifference(ReplyPattern.LastOf(shown.Text), ReplyPattern.LastOf(output));
        }
        var actual = output.TrimEnd().Split('\n').Select(line => line.TrimEnd('\r')).ToArray();
        var lines = shown.Text.Split('\n');
        return lines.Length == actual.Length && lines.Zip(actual).All(pair => ReplyPattern.IsLike(pair.First, pair.Second)) ? null : $"it prints\n{output}";
    }
}
