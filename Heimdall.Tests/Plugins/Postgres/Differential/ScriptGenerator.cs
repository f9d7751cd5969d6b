using System.Text;
using System.Text.RegularExpressions;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>Makes one script of the pieces of <see cref="ScriptGrammar"/>; the same seed and mode make the same script.</summary>
internal sealed partial class ScriptGenerator
{
    private readonly Random _random;
    private readonly ScriptMode _mode;
    private readonly StringBuilder _text = new();
    private readonly List<(long First, long Last)> _lines = [];
    private readonly int _badPerCent;
    private int? _refusedAt;

    private ScriptGenerator(int seed, ScriptMode mode)
    {
        _random = new Random(seed);
        _mode = mode;
        // Where the first error is the end, most scripts must come far without one.
        _badPerCent = mode == ScriptMode.Continue ? _random.Next(40) : Math.Max(0, _random.Next(-5, 5));
    }

    public static DifferentialScript Make(int seed, ScriptMode mode)
    {
        var generator = new ScriptGenerator(seed, mode);
        generator.Write();
        var text = generator._text.ToString();
        return new DifferentialScript
        {
            Name = $"HEIMDALL_SEED={seed}",
            Mode = mode,
            Content = Encoding.UTF8.GetBytes(text),
            RefusedAt = generator._refusedAt is { } at ? Encoding.UTF8.GetByteCount(text.AsSpan(0, at)) : null,
            StatementLines = generator._lines,
        };
    }

    private void Write()
    {
        if (_random.Next(10) == 0)
        {
            _text.Append('\uFEFF');
        }

        foreach (var statement in ScriptGrammar.Prologue)
        {
            Statement(statement);
        }

        for (var left = _random.Next(5, 35); left > 0; left--)
        {
            Piece();
        }

        End();
    }

    private void Piece()
    {
        if (_random.Next(100) < _badPerCent)
        {
            Statement(Any(ScriptGrammar.Bad));
            return;
        }

        switch (_random.Next(100))
        {
            case < 40:
                Statement(Any(ScriptGrammar.Good));
                break;
            case < 55 when _random.Next(100) < _badPerCent * 4:
                Statement(Any(ScriptGrammar.Fragile));
                break;
            case < 70:
                Statement(Any(ScriptGrammar.Session));
                break;
            case < 82 when _mode != ScriptMode.Single || (_random.Next(30) == 0 && !MayReadOtherwise):
                Refuse(_mode == ScriptMode.Single);
                Statement(Any(ScriptGrammar.Transactions));
                break;
            case < 85 when _mode != ScriptMode.Single || _random.Next(100) < _badPerCent:
                Statement(Any(ScriptGrammar.Outside));
                break;
            case < 93:
                Copy();
                break;
            case < 95:
                OwnLine($"set standard_conforming_strings = {Any("on", "off")}");
                break;
            case 95 when _random.Next(4) == 0:
                OwnLine(Any(ScriptGrammar.Fatal));
                break;
            case 96 when _mode != ScriptMode.Continue:
                // In that mode it might come to stand within a statement, which copy data that were read as SQL have begun.
                StartLine();
                _text.Append("\\restrict key\nselect 1;\n\\unrestrict key\n");
                break;
            case 97 when _random.Next(6) == 0 && !MayReadOtherwise:
                StartLine();
                Refuse();
                _text.Append("\\! true\n");
                break;
            case 98 when _mode != ScriptMode.Continue:
                StartLine();
                _text.Append(Any(ScriptGrammar.Commands));
                break;
            default:
                _text.Append(Any(ScriptGrammar.Separators));
                break;
        }
    }

    private void End()
    {
        switch (_random.Next(20))
        {
            case 0 when !MayReadOtherwise:
                Refuse();
                _text.Append(Any("select 'open;\n", "select \"open;", "do $x$ begin; $y$\n", "/* open /* */ ;"));
                break;
            case < 8:
                var first = Line;
                _text.Append(Expand(Any(ScriptGrammar.Good))).Append(Any("", "\n", " -- the end", "\n/* the end */"));
                _lines.Add((first, Line));
                break;
        }
    }

    private void Statement(string template)
    {
        var first = Line;
        _text.Append(Expand(template));
        if (_random.Next(8) == 0)
        {
            _text.Append(Space());
        }

        _lines.Add((first, Line));
        _text.Append(';').Append(Any(ScriptGrammar.Separators));
    }

    private void OwnLine(string statement)
    {
        StartLine();
        _lines.Add((Line, Line));
        _text.Append(statement).Append(";\n");
    }

    private void Copy()
    {
        var (first, isCsv) = (Line, _random.Next(3) == 0);
        var isMissing = _random.Next(100) < _badPerCent && _random.Next(3) == 0;
        _text.Append(Expand($"copy~{(isMissing ? "nope" : "{t}")}~(n,~x)~from~{Any("stdin", "stdout")}"));
        _text.Append(isCsv ? Any(" csv delimiter E'\\t'", " with (format csv, delimiter E'\\t')", "/*c*/csv header delimiter E'\\t'") : Any("", " where n > 1", " with (format text)"));
        _text.Append(Any(";", " ;", "; -- c; '", ";\t")).Append('\n');

        // A COPY that does not come to take its data leaves them to be read as SQL: to go on, they must not swallow what follows.
        var rows = isCsv || isMissing || _mode == ScriptMode.Continue ? ScriptGrammar.Rows : [.. ScriptGrammar.Rows, .. ScriptGrammar.WildRows];
        for (var left = _random.Next(5); left > 0; left--)
        {
            _text.Append(Any(_random.Next(100) < _badPerCent ? ScriptGrammar.BadRows : rows)).Append('\n');
        }

        _text.Append("\\.\n");
        _lines.Add((first, Line - 1));
    }

    private void StartLine()
    {
        if (_text.Length > 0 && _text[^1] != '\n')
        {
            _text.Append('\n');
        }
    }

    private void Refuse(bool isRefused = true)
    {
        if (isRefused)
        {
            _refusedAt ??= _text.Length;
        }
    }

    /// <summary>Whether only a run knows how the strings are read that come next.</summary>
    private bool MayReadOtherwise => _text.ToString().Contains("standard_conforming", StringComparison.Ordinal);

    private long Line => 1 + _text.ToString().AsSpan().Count('\n');

    private string Expand(string template) => Token().Replace(template, match => match.Value switch
    {
        "~" => Space(),
        "{n}" => $"{_random.Next(4)}",
        "{id}" => Any("made1", "\"made;2\"", "made$3"),
        "{t}" => Any(ScriptGrammar.Tables),
        "{word}" => Any("'word'", "'it''s;'", "'a;b'"),
        _ => Expand(Any(ScriptGrammar.Literals)),
    });

    private string Space() => _random.Next(3) > 0 ? " " : Any(ScriptGrammar.Spaces);

    private string Any(params string[] choices) => choices[_random.Next(choices.Length)];

    [GeneratedRegex(@"~|\{(n|id|t|word|lit)\}")]
    private static partial Regex Token();
}
