using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Heimdall.Core.Configuration.Yaml;

/// <summary>Makes a tree of YamlDotNet's events.</summary>
internal sealed class YamlTree
{
    private readonly Parser _parser;
    private readonly Dictionary<AnchorName, YamlNode> _anchors = [];

    private YamlTree(string text) => _parser = new Parser(new StringReader(text));

    /// <summary>Reads the one document of a text; null if it holds none.</summary>
    /// <exception cref="YamlException">The text is not YAML, or not one document.</exception>
    public static YamlNode? Read(string text)
    {
        var tree = new YamlTree(text);
        try
        {
            return tree.ReadDocument();
        }
        catch (InvalidOperationException broken)
        {
            // The library's scanner fails so at some texts, such as a NUL where it looks for the end of a word.
            var at = tree._parser.Current?.End ?? Mark.Empty;
            throw new YamlException(at, at, "the text behind this line is none", broken);
        }
    }

    private YamlNode? ReadDocument()
    {
        _parser.Consume<StreamStart>();

        if (_parser.TryConsume<StreamEnd>(out _))
        {
            return null;
        }

        _parser.Consume<DocumentStart>();
        var root = ReadNode();
        _parser.Consume<DocumentEnd>();

        return _parser.Accept<StreamEnd>(out _)
            ? root
            : throw new YamlException(_parser.Current!.Start, _parser.Current.End, "the file holds more than one YAML document");
    }

    private YamlNode ReadNode()
    {
        if (_parser.TryConsume<AnchorAlias>(out var alias))
        {
            return _anchors.TryGetValue(alias.Value, out var target)
                ? target with { Line = LineOf(alias) }
                : throw new YamlException(alias.Start, alias.End, "the alias names an anchor that is not defined before it");
        }

        var start = _parser.Consume<NodeEvent>();
        var line = LineOf(start);
        YamlNode node = start switch
        {
            Scalar scalar => new YamlScalar(line, scalar.Value, IsPlain(scalar)),
            SequenceStart => new YamlList(line, ReadItems()),
            _ => ReadMap(line),
        };

        if (!start.Anchor.IsEmpty)
        {
            _anchors[start.Anchor] = node;
        }

        return node;
    }

    private List<YamlNode> ReadItems()
    {
        var items = new List<YamlNode>();

        while (!_parser.TryConsume<SequenceEnd>(out _))
        {
            items.Add(ReadNode());
        }

        return items;
    }

    private YamlMap ReadMap(int line)
    {
        var entries = new List<YamlEntry>();

        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            entries.Add(new YamlEntry(ReadNode(), ReadNode()));
        }

        // A pair inside a flow list, [a: b], comes without a position of its own.
        return new YamlMap(entries.Count > 0 ? Math.Max(line, entries[0].Key.Line) : line, entries);
    }

    private static bool IsPlain(Scalar scalar)
    {
        if (scalar.Tag.IsEmpty)
        {
            return scalar.Style == ScalarStyle.Plain;
        }

        return scalar.Tag.IsNonSpecific || scalar.Tag.Value == "tag:yaml.org,2002:str"
            ? false
            : throw new YamlException(scalar.Start, scalar.End, "of YAML's tags only !!str is supported");
    }

    private static int LineOf(ParsingEvent parsed) => checked((int)parsed.Start.Line);
}
