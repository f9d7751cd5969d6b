using System.Globalization;
using System.Text;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>
/// Makes a script that decides which of its statements run: by branches, variables, files, and transactions of its own.
/// Each statement notes in the table <c>ran</c> that it has run. The same seed and mode make the same script.
/// </summary>
internal sealed class FlowGenerator
{
    private const int MostDepth = 3;
    private const int MostFiles = 4;

    private static readonly string[] _conditions =
    [
        "true", "false", "1", "0", "on", "off", "yes", "no", "T", "FALSE", "'true'", ":c", ":c", ":d", ":{?c}",
        ":{?nope}", ":ERROR", ":nope", "", "nonsense", ":'c'", "false true",
    ];

    private static readonly string[] _before =
        ["", "", "", "-- \\if false ';\n", "/* \\endif ; ' */ ", "/* \\q /* $x$ */ */\n", "--\\r\n\n", "\t "];

    private readonly Random _random;
    private readonly ScriptMode _mode;
    private readonly bool _knowsBind;
    private readonly Dictionary<string, string> _files = new(StringComparer.Ordinal);
    private StringBuilder _text = new();
    private int _marks;

    private FlowGenerator(int seed, ScriptMode mode, bool knowsBind) =>
        (_random, _mode, _knowsBind) = (new Random(seed), mode, knowsBind);

    /// <param name="seed">Of what is random.</param>
    /// <param name="mode">How the script is run.</param>
    /// <param name="knowsBind">Whether the psql it is compared with knows <c>\bind</c>, as those since 16 do.</param>
    public static (string Text, IReadOnlyDictionary<string, string> Files) Make(
        int seed, ScriptMode mode, bool knowsBind)
    {
        var generator = new FlowGenerator(seed, mode, knowsBind);
        generator.Write();
        return (generator._text.ToString(), generator._files);
    }

    private void Write()
    {
        var isWrapped = _random.Next(3) == 0;
        if (isWrapped)
        {
            _text.Append(Any("", "set work_mem = '8MB';\n", "\\set c true\n", "-- the beginning\n"));
            _text.Append(Any("begin;\n", "BEGIN work;\n", "start\ntransaction ;\n", ":b;\n"));
            _text.Insert(0, _text.ToString().Contains(":b", StringComparison.Ordinal) ? "\\set b begin\n" : "");
        }

        _text.Append("\\set c true\n\\set d off\n\\set s 'select 1'\n");
        Pieces(_random.Next(4, 16), depth: 0);
        if (isWrapped)
        {
            _text.Append(Any("commit;\n", "END;\n", "/* \\if */ commit work;\n", "commit", "\\set e commit\n:e;\n"));
        }
    }

    private void Pieces(int count, int depth)
    {
        while (count-- > 0)
        {
            Piece(depth);
        }
    }

    private void Piece(int depth)
    {
        switch (_random.Next(100))
        {
            case < 30:
                Insert();
                break;
            case < 36:
                Several();
                break;
            case < 40:
                // What :ROW_COUNT is behind it depends on psql's version.
                Line($"select {Literal(InsertText())} from generate_series(1, {_random.Next(3)}) \\gexec\nselect 5;");
                break;
            case < 46:
                Line($"select {Any("true", "false", "'off'")} as d, {Literal(Value())} as s \\gset {Any("", "", "x")}");
                break;
            case < 50:
                _text.Append(":s;\n");
                break;
            case < 58:
                Line(Any("\\set c ", "\\set d ") + Any("true", "false", "off", "nonsense", "1", "'f' 'alse'"));
                break;
            case < 62:
                Line($"\\set s {Literal(Value())}");
                break;
            case < 63:
                Line(Any("\\unset c", "\\unset d", "\\unset s\n\\set s 'select 2'"));
                break;
            case < 78 when depth < MostDepth:
                Branches(depth);
                break;
            case < 83 when _files.Count < MostFiles:
                Include(depth);
                break;
            case < 85:
                Line(Any("\\echo :c 'it''s'", "\\timing on", "\\pset null 'x'", "\\x", "\\d ran", "\\p"));
                break;
            case < 87:
                Line($"{InsertText()}\n{Any("\\r", "\\reset")}");
                break;
            case < 88:
                // Where there is nothing to run again, psql sends nothing, and :ROW_COUNT is that of it.
                Line(
                    Any("", "", "/* \\g */\n", ";\n", "\\;\n", "-- only this\n", "/* ; */ \\r\n")
                    + Any("\\g", "\\gx"));
                break;
            case < 89:
                // Whether :ROW_COUNT is that of rows that are not taken depends on psql's version.
                Line(Any(
                    "select 1 / 0;", "select 1 where false \\gset\nselect 7;", "selec;",
                    "insert into nope values (1);"));
                break;
            case < 90 when depth > 0:
                Line("\\q");
                break;
            case < 92 when depth == 0: // in a branch that is not taken, psql reads the data as SQL and commands
                Line(
                    Any(
                        "copy ran (what) from stdin;", "\\copy ran (what) from stdin", "\\copy ran(what)from stdin;",
                        $"copy ran (what) from stdin\\; {InsertText()};")
                    + $"\n{Mark()}\n{Any("a\\tb", "\\\\if false", "x")}\n\\.");
                break;
            case < 93:
                CopyFile();
                break;
            case < 94:
                Line($"set standard_conforming_strings = {Any("on", "off")};");
                Line($"insert into ran (what) values ('{Mark()}\\\\');");
                break;
            case var _ when _mode != ScriptMode.Single:
                Transaction();
                break;
            case 99 when _random.Next(3) == 0:
                Line(Any("begin;", "commit;"));
                break;
            default:
                Insert();
                break;
        }
    }

    private void Insert()
    {
        _text.Append(Any(_before));
        _text.Append(Any(
            InsertText(),
            $"insert into ran (what)\nvalues ($q$;\n\\q '{Mark()}$q$)",
            $"insert into ran (what) values (E'{Mark()}\\';\\n')",
            $"insert into ran (what) values ('{Mark()}' || :'ROW_COUNT' || :'SQLSTATE')",
            $"insert into ran (what) values ('{Mark()}' || :'c')",
            $"do $do$ begin insert into ran (what) values ('{Mark()}'); /* \\else */ end $do$",
            _knowsBind ? Bind() : InsertText(),
            $"with w as (select '{Mark()}' as what) insert into ran (what) select what from w -- ;\n"));
        _text.Append(Any(";\n", ";\n", "\n;\n", " \\g\n", "\n\\g\n", "; -- \\endif\n", ";\t", ";;\n", "; /* ; */\n"));
        StartLine();
    }

    private void CopyFile()
    {
        var name = $"data{_files.Count}.txt";
        _files.Add(name, $"{Mark()}\n{Any("", Mark(), $"{Mark()}\n", $"{Mark()}\tone too many\n")}");
        Line(Any(
            $"\\copy ran (what) from '{name}'",
            $"\\copy ran (what) from {name} with (format text);",
            $"\\copy ran(what)from '{name}' csv delimiter '|'",
            $"\\copy nope from {name}"));
    }

    private string Bind() => $"insert into ran (what) values ($1 || $2) \\bind {Mark()} {Any("x", "'y z'", ":'c'")}";

    private void Several() => Line(
        InsertText() + Any("\\;", " \\; ") + Any(InsertText(), "select 1", "select 1\\; " + InsertText())
        + Any(";", " \\g"));

    private void Branches(int depth)
    {
        Line($"\\if {Any(_conditions)}");
        Pieces(_random.Next(4), depth + 1);
        for (var left = Math.Max(0, _random.Next(-2, 3)); left > 0; left--)
        {
            Line($"\\elif {Any(_conditions)}");
            Pieces(_random.Next(3), depth + 1);
        }

        if (_random.Next(2) == 0)
        {
            Line("\\else");
            Pieces(_random.Next(3), depth + 1);
        }

        Line("\\endif");
    }

    private void Include(int depth)
    {
        var name = $"part{_files.Count}.sql";
        var outer = _text;
        _files.Add(name, "");
        _text = new StringBuilder();
        Pieces(_random.Next(1, 5), Math.Max(1, depth + 1));
        _files[name] = _text.ToString();
        _text = outer;
        Line($"{Any("\\i", "\\ir", "\\include")} {name}{Any("", ";", " ")}");
        if (_random.Next(3) == 0)
        {
            Line($"\\set c {Any("true", "false")}\n\\i {name}");
        }
    }

    private void Transaction() => Line(Any(
        "begin;",
        "commit;",
        "rollback;",
        "commit and chain;",
        $"begin\\; {InsertText()}\\; commit;",
        $"{InsertText()}\\; rollback;",
        "begin;\nsavepoint a;\n" + InsertText() + ";\nrollback to a;\n" + InsertText() + ";\ncommit;",
        "\\set AUTOCOMMIT off",
        "\\set AUTOCOMMIT on",
        "\\set ON_ERROR_ROLLBACK on",
        "\\set ON_ERROR_STOP on",
        "\\set ON_ERROR_STOP off",
        "\\connect -"));

    /// <summary>What a variable stands for that is used as SQL.</summary>
    private string Value() => _random.Next(10) switch
    {
        < 4 => InsertText(),
        < 6 => "select 1",
        6 => $"{InsertText()}; {InsertText()}",
        7 => Any("begin", "commit", "BEGIN; select 1", "rollback"),
        8 => ";",
        _ => $"{InsertText()} -- '",
    };

    private string InsertText() => $"insert into ran (what) values ('{Mark()}')";

    private string Mark() => (++_marks).ToString("'k'0", CultureInfo.InvariantCulture);

    private static string Literal(string value) => $"'{value.Replace("'", "''", StringComparison.Ordinal)}'";

    private void Line(string line)
    {
        StartLine();
        _text.Append(line).Append('\n');
    }

    private void StartLine()
    {
        if (_text.Length > 0 && _text[^1] != '\n')
        {
            _text.Append('\n');
        }
    }

    private string Any(params string[] choices) => choices[_random.Next(choices.Length)];
}
