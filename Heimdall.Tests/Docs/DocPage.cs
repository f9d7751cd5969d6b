using System.Text.RegularExpressions;
using Heimdall.Tests.Support;

namespace Heimdall.Tests.Docs;

/// <summary>README.md or a page below docs/, taken apart.</summary>
internal sealed partial class DocPage
{
    private const string Fence = "```";

    private DocPage(string path)
    {
        Path = path;
        Lines = Repository.Read(path).ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');
        Blocks = [.. FindBlocks()];
        var inBlocks = Blocks.SelectMany(block => Enumerable.Range(block.Line - 1, block.Length)).ToHashSet();
        TextLines = [.. Lines.Index().Where(line => !inBlocks.Contains(line.Index)).Select(line => (line.Index + 1, line.Item))];
    }

    /// <summary>README.md first, then docs/ in the order of the paths.</summary>
    public static IReadOnlyList<DocPage> All { get; } =
    [
        new("README.md"),
        .. Directory.EnumerateFiles(Repository.PathOf("docs"), "*.md", SearchOption.AllDirectories)
            .Select(file => System.IO.Path.GetRelativePath(Repository.Root, file)).Order(StringComparer.Ordinal).Select(path => new DocPage(path)),
    ];

    /// <summary>From the root of the repository.</summary>
    public string Path { get; }

    public IReadOnlyList<string> Lines { get; }

    public IReadOnlyList<DocBlock> Blocks { get; }

    /// <summary>Lines outside of blocks, with their numbers.</summary>
    public IReadOnlyList<(int Number, string Text)> TextLines { get; }

    /// <summary>What headings are linked to by, as GitHub makes it.</summary>
    public IEnumerable<string> Anchors => TextLines.Where(line => line.Text.StartsWith('#')).Select(line => ToAnchor(line.Text.TrimStart('#').Trim()));

    public static DocPage Read(string path) => All.FirstOrDefault(page => page.Path == path) ?? new DocPage(path);

    /// <summary>The rows of all tables under a heading, without their heads; under a deeper heading begins another section.</summary>
    public IReadOnlyList<string[]> Rows(string heading)
    {
        var section = TextLines.SkipWhile(line => line.Text.TrimStart('#').Trim() != heading || !line.Text.StartsWith('#')).Skip(1)
            .TakeWhile(line => !line.Text.StartsWith('#')).Select(line => line.Text).ToArray();
        return [.. section.Index().Where(line => IsRow(line.Item) && !IsRule(line.Item) && !IsHead(line.Index)).Select(line => Cells(line.Item))];

        bool IsHead(int index) => index + 1 < section.Length && IsRule(section[index + 1]);
    }

    /// <summary>What stands in backticks.</summary>
    public static string[] Codes(string cell) => [.. InlineCode().Matches(cell).Select(code => code.Groups[1].Value)];

    public static bool IsRow(string line) => line.StartsWith('|');

    /// <summary>Sentences of the prose, with the line on which their paragraph begins. Code counts as a word, a link as its text.</summary>
    public IEnumerable<(int Line, string Sentence)> Sentences()
    {
        var paragraph = new List<string>();
        var first = 0;
        foreach (var (number, text) in TextLines.Append((Lines.Count + 1, "")))
        {
            var ends = text.Length == 0 || text.StartsWith('#') || IsRow(text) || ListItem().IsMatch(text);
            if (ends && paragraph.Count > 0)
            {
                foreach (var sentence in Split(string.Join(' ', paragraph)))
                {
                    yield return (first, sentence);
                }
                paragraph.Clear();
            }
            if (text.Length == 0 || text.StartsWith('#') || IsRow(text))
            {
                continue;
            }
            if (paragraph.Count == 0)
            {
                first = number;
            }
            paragraph.Add(ListItem().Replace(text, "").Trim());
        }
    }

    /// <summary>Targets of links and pictures.</summary>
    public IEnumerable<(int Line, string Target)> Links() => TextLines
        .SelectMany(line => Link().Matches(InlineCode().Replace(line.Text, "")).Select(link => (line.Number, link.Groups["target"].Value)));

    public override string ToString() => Path;

    private static string[] Split(string text)
    {
        var plain = Link().Replace(InlineCode().Replace(text, "code"), link => link.Groups["text"].Value);
        return SentenceEnd().Split(plain);
    }

    private static bool IsRule(string line) => Rule().IsMatch(line);

    private static string[] Cells(string row) => [.. row.Trim().Trim('|').Split('|').Select(cell => cell.Trim())];

    private static string ToAnchor(string heading) => NotInAnchors().Replace(heading.ToLowerInvariant(), "").Replace(' ', '-');

    private IEnumerable<DocBlock> FindBlocks()
    {
        for (var line = 0; line < Lines.Count; line++)
        {
            if (!Lines[line].StartsWith(Fence, StringComparison.Ordinal))
            {
                continue;
            }
            var text = Lines.Skip(line + 1).TakeWhile(inner => !inner.StartsWith(Fence, StringComparison.Ordinal)).ToArray();
            yield return new DocBlock(line + 1, text.Length + 2, Lines[line][Fence.Length..].Trim(), string.Join('\n', text));
            line += text.Length + 1;
        }
    }

    [GeneratedRegex("`([^`]+)`")]
    private static partial Regex InlineCode();

    [GeneratedRegex(@"!?\[(?<text>[^\]]*)\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"^\s*([-*]|[0-9]+\.)\s+")]
    private static partial Regex ListItem();

    [GeneratedRegex(@"(?<=[.!?])\s+")]
    private static partial Regex SentenceEnd();

    [GeneratedRegex(@"^\|[-| ]+\|$")]
    private static partial Regex Rule();

    [GeneratedRegex(@"[^\p{L}\p{N} _-]")]
    private static partial Regex NotInAnchors();
}

/// <summary>What stands between fences.</summary>
/// <param name="Line">Of the first fence, from 1.</param>
/// <param name="Length">In lines, with the fences.</param>
/// <param name="Info">Behind the first fence.</param>
/// <param name="Text">Between them.</param>
internal sealed partial record DocBlock(int Line, int Length, string Info, string Text)
{
    public string Language => Info.Split(' ')[0];

    /// <summary>Why the tests do not run it; null when they do.</summary>
    public string? WhyNotRun => NotRun().Match(Info) is { Success: true } mark ? mark.Groups["why"].Value : null;

    [GeneratedRegex(@" \(not run: (?<why>[^)]+)\)$")]
    private static partial Regex NotRun();
}
