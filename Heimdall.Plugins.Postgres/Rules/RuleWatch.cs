using System.Text;

namespace Heimdall.Plugins.Postgres.Rules;

/// <summary>
/// Follows the tokens of a statement and finds what a command's rules refuse. It sees words outside of literals and
/// comments; of names in quotes only those that reach the server's files or leave a role.
/// </summary>
/// <remarks>
/// It must not miss what the server would run, and may refuse a little more: what a definition holds is judged as if it
/// ran, because a text with a semicolon in a BEGIN may also be several statements for the server.
/// </remarks>
internal sealed class RuleWatch(StatementRules rules)
{
    /// <summary>No statement that the server can read has more parentheses within each other.</summary>
    private const int DeepestLevel = 10_000;

    private const string UnicodeName = "A name written as U&\"…\"";

    private const string TooDeep = "The statement is nested too deep for the command's rules to be applied to it.";

    // What the server logs with log_statement = ddl.
    private static readonly string[] _ddl =
    [
        "CREATE", "ALTER", "DROP", "GRANT", "REVOKE", "COMMENT", "SECURITY", "REASSIGN", "IMPORT", "REFRESH", "CLUSTER",
    ];

    private static readonly HashSet<string> _fileFunctions = new(StringComparer.OrdinalIgnoreCase)
    {
        "pg_read_file", "pg_read_binary_file", "pg_stat_file", "pg_ls_dir", "pg_ls_logdir", "pg_ls_waldir",
        "pg_ls_tmpdir", "pg_ls_archive_statusdir", "pg_ls_logicalmapdir", "pg_ls_logicalsnapdir",
        "pg_ls_replslotdir", "pg_ls_summariesdir", "lo_import", "lo_export", "pg_file_read", "pg_file_write",
        "pg_file_rename", "pg_file_unlink", "pg_file_sync", "pg_file_length", "pg_logdir_ls", "pg_hba_file_rules",
        "pg_ident_file_mappings", "pg_file_settings", "pg_show_all_file_settings",
    };

    // One for the statement and one for each parenthesis that is open.
    private readonly List<Level> _levels = [];
    private string[] _before = ["", "", ""]; // the last three words, the last one first; "" for all other tokens
    private bool _afterDot;
    private bool _afterDollar;
    private bool _afterNumber;
    private bool _expectsStart;
    private bool _isExplain;
    private bool _modifies;
    private string _first = "";
    private bool _isSetting;
    private CopyPart _copy;

    private enum CopyPart
    {
        NoCopy,
        BeforeDirection,
        AtPlace,
    }

    /// <summary>Why the statement is refused; null where it is not. Whole once the statement has ended.</summary>
    public string? Finding { get; private set; }

    /// <summary>What of the statement may run only while a window of the command is open; null where nothing.</summary>
    public string? WindowedDdl { get; private set; }

    private bool SeesNames => SeesFiles || rules.FixesRole;

    private bool SeesFiles => rules.Has(StatementRules.NoServerFiles);

    public void Reset()
    {
        (Finding, WindowedDdl) = (null, null);
        Begin();
    }

    /// <summary>The statement has ended, or one of several that are sent together.</summary>
    public void End()
    {
        while (_levels.Count > 0)
        {
            Leave();
        }

        if (_first == "WITH" && !_modifies)
        {
            JudgeKind("SELECT");
        }

        Begin();
    }

    /// <param name="word">A keyword or a name without quotes, in upper case; empty where it is too long.</param>
    /// <param name="isOutside">Whether it stands in no parentheses.</param>
    public void Word(string word, bool isOutside)
    {
        _afterNumber = false;
        if (SeesNames)
        {
            JudgeName(word);
        }

        if (_isSetting)
        {
            JudgeSetting(word);
        }

        if (_copy == CopyPart.AtPlace)
        {
            JudgePlace(word);
        }
        else if (!_afterDot && isOutside && _expectsStart)
        {
            Start(word);
        }
        else if (!_afterDot)
        {
            Follow(word, isOutside);
        }

        Remember(_afterDot ? "" : word);
    }

    /// <summary>Of a number, with the letters that touch it: up to PostgreSQL 14 a word begins there.</summary>
    public void Number(string number)
    {
        (_afterNumber, _afterDollar) = (!_afterDollar, false); // a parameter has fields, a number has none
        if (number.EndsWith("INTO", StringComparison.Ordinal))
        {
            JudgeInto();
        }
    }

    /// <param name="name">In quotes.</param>
    /// <param name="isUnicode">Whether U&amp; stands before it, so that its letters may be written as numbers.</param>
    public void QuotedName(ReadOnlySpan<byte> name, bool isUnicode)
    {
        if (isUnicode)
        {
            // What escapes its letters is named behind it.
            Refuse(StatementRules.NoServerFiles, true, UnicodeName);
            RefuseLeaving(UnicodeName);
        }
        else if (SeesNames && name.Length is > 2 and < 64)
        {
            JudgeName(Encoding.UTF8.GetString(name[1..^1]));
        }
    }

    /// <summary>A name in quotes, a string or a number.</summary>
    /// <param name="isOutside">Whether it stands in no parentheses.</param>
    public void Literal(bool isOutside)
    {
        _afterNumber = false;
        if (_isSetting)
        {
            _isSetting = false;
            RefuseLeaving("A setting whose name is in quotes"); // it may be that of the role
        }

        if (_copy == CopyPart.AtPlace)
        {
            JudgePlace("");
        }
        else if (isOutside && _expectsStart)
        {
            _expectsStart = false;
            JudgeKind("");
        }

        Remember("");
    }

    public void Symbol(byte symbol, bool isOutside)
    {
        switch (symbol)
        {
            case (byte)'(':
                if (isOutside && _expectsStart && !_isExplain)
                {
                    _expectsStart = false;
                    JudgeKind("SELECT"); // nothing else begins so
                }

                Enter();
                break;
            case (byte)')' when _levels.Count > 1:
                Leave();
                break;
            case (byte)';' when isOutside:
                End();
                return;
            case (byte)';':
                Leave();
                Enter();
                break;
            case (byte)',':
                _levels[^1] = _levels[^1] with { AwaitsSet = false }; // no UPDATE has a comma before its SET
                break;
        }

        if (_copy == CopyPart.AtPlace)
        {
            JudgePlace("");
        }

        Remember("");
        _afterDot = symbol == (byte)'.' && !_afterNumber; // behind a number it is the number's
        (_afterDollar, _afterNumber) = (symbol == (byte)'$', false);
    }

    private void Begin()
    {
        _levels.Clear();
        _levels.Add(default);
        _before = ["", "", ""];
        (_afterDot, _afterNumber, _expectsStart, _isExplain, _modifies) = (false, false, true, false, false);
        (_afterDollar, _first) = (false, "");
        (_copy, _isSetting) = (CopyPart.NoCopy, false);
    }

    private void Remember(string word)
    {
        (_before[2], _before[1], _before[0]) = (_before[1], _before[0], word);
        _afterDot = false;
    }

    private void Start(string word)
    {
        if (_isExplain && word is "ANALYZE" or "ANALYSE" or "VERBOSE")
        {
            return;
        }

        _first = word;
        _isExplain = _expectsStart = word == "EXPLAIN";
        if (word == "WITH")
        {
            return; // its main command is found among its words
        }

        JudgeKind(word switch
        {
            "VALUES" or "TABLE" => "SELECT",
            "ABORT" => "ROLLBACK",
            "END" => "COMMIT",
            "ANALYSE" => "ANALYZE",
            _ => word,
        });
        Refuse(StatementRules.NoDrop, word == "DROP", word);
        Refuse(StatementRules.NoTruncate, word == "TRUNCATE", word);
        if (_ddl.Contains(word))
        {
            RefuseDdl(word);
        }

        _isSetting = word is "SET" or "RESET" or "DISCARD" && rules.FixesRole;
        _copy = word == "COPY" ? CopyPart.BeforeDirection : CopyPart.NoCopy;
        _levels[^1] = new Level(Pending.None, AwaitsSet: word == "UPDATE", HasSelect: word == "SELECT");
    }

    private void Follow(string word, bool isOutside)
    {
        var last = _before[0];
        switch (word)
        {
            case "FROM" or "TO" when isOutside && _copy == CopyPart.BeforeDirection:
                _copy = CopyPart.AtPlace;
                break;
            case "FROM" when last == "DELETE":
                Expect(Pending.Delete, "DELETE");
                break;
            case "SELECT":
                _levels[^1] = _levels[^1] with { HasSelect = true };
                JudgeExplained(isOutside);
                break;
            case "WITH" or "VALUES" or "TABLE":
                JudgeExplained(isOutside);
                break;
            case "UPDATE" when !IsPartOfClause(last):
                _levels[^1] = _levels[^1] with { AwaitsSet = _first != "ALTER" };
                break;
            case "SET" when _levels[^1].AwaitsSet:
                Expect(Pending.Update, "UPDATE");
                break;
            case "WHERE" when last != "AS":
                _levels[^1] = _levels[^1] with { Change = Pending.None, AwaitsSet = false };
                break;
            case "INTO" when last is "INSERT" or "MERGE" && !_levels[^1].HasSelect: // else it is a column's name
                _modifies = true;
                JudgeKind(last);
                break;
            case "INTO" when last != "AS":
                JudgeInto();
                break;
            case "DROP" when isOutside && _first == "ALTER":
                Refuse(StatementRules.NoDrop, true, "ALTER … DROP");
                break;
            case "AS" when isOutside && _first == "PREPARE":
            case "ATOMIC" when isOutside && last == "BEGIN":
                (_first, _expectsStart) = ("", true);
                break;
        }
    }

    /// <summary>Whether the word UPDATE names what is locked, or what a clause of another command does.</summary>
    /// <param name="last">The word before it. Behind the DO of a rule (CREATE RULE) it is a command.</param>
    private bool IsPartOfClause(string last) =>
        last is "FOR" or "THEN" or "ON" || (last == "DO" && _first != "CREATE") || _before is ["KEY", "NO", "FOR"];

    /// <summary>In the parentheses behind EXPLAIN is a query where a query's first word stands in them.</summary>
    private void JudgeExplained(bool isOutside)
    {
        if (_isExplain && _expectsStart && !isOutside)
        {
            _expectsStart = false;
            JudgeKind("SELECT");
        }
    }

    private void JudgeInto()
    {
        RefuseDdl("SELECT INTO");
        if (_levels[^1].HasSelect)
        {
            JudgeKind("CREATE");
        }
    }

    /// <param name="word">What stands behind the FROM or TO of a COPY; empty for what is no word.</param>
    private void JudgePlace(string word)
    {
        _copy = CopyPart.NoCopy;
        Refuse(StatementRules.NoCopyProgram, word == "PROGRAM", "COPY with PROGRAM");
        Refuse(
            StatementRules.NoServerFiles,
            word is not ("STDIN" or "STDOUT" or "PROGRAM"),
            "COPY with a file of the server");
    }

    private void Expect(Pending change, string kind)
    {
        Judge();
        _levels[^1] = _levels[^1] with { Change = change, AwaitsSet = false };
        _modifies = true;
        JudgeKind(kind);
    }

    private void Enter()
    {
        if (_levels.Count < DeepestLevel)
        {
            _levels.Add(default);
        }
        else
        {
            Finding ??= TooDeep;
        }
    }

    private void Leave()
    {
        Judge();
        _levels.RemoveAt(_levels.Count - 1);
    }

    /// <summary>Refuses a change of the innermost level that has come to its end without a WHERE.</summary>
    private void Judge()
    {
        var change = _levels[^1].Change;
        Refuse(StatementRules.NoDeleteWithoutWhere, change == Pending.Delete, "DELETE without WHERE");
        Refuse(StatementRules.NoUpdateWithoutWhere, change == Pending.Update, "UPDATE without WHERE");
    }

    private void JudgeKind(string kind) => Finding ??= rules.FindProblem(kind);

    private void JudgeName(string name)
    {
        Refuse(
            StatementRules.NoServerFiles, _fileFunctions.Contains(name), $"The name {name.ToLowerInvariant()}");
        if (name.Equals("set_config", StringComparison.OrdinalIgnoreCase))
        {
            RefuseLeaving("The function set_config");
        }
        else if (name.Equals("pg_settings", StringComparison.OrdinalIgnoreCase) && IsTarget())
        {
            RefuseLeaving("UPDATE of pg_settings"); // it calls set_config
        }
    }

    // Also in the parentheses of ONLY (…).
    private bool IsTarget() => _levels[^1].AwaitsSet || (_levels.Count > 1 && _levels[^2].AwaitsSet);

    /// <param name="word">Behind SET, RESET or DISCARD.</param>
    private void JudgeSetting(string word)
    {
        _isSetting = word is "LOCAL" or "SESSION";
        if (word is "ROLE" or "AUTHORIZATION" or "SESSION_AUTHORIZATION" || (_first == "DISCARD" && word == "ALL"))
        {
            RefuseLeaving($"{_first} {(word == "AUTHORIZATION" ? "SESSION AUTHORIZATION" : word)}");
        }
    }

    private void RefuseLeaving(string what)
    {
        if (rules.FixesRole)
        {
            Finding ??= $"{what} is refused: the command fixes the role, and this may leave it.";
        }
    }

    private void RefuseDdl(string what)
    {
        Refuse(StatementRules.NoDdl, true, what);
        if (rules.DdlWindows is { } windows)
        {
            WindowedDdl ??= what;
            Finding ??= windows.FindProblem(what);
        }
    }

    private void Refuse(string rule, bool isMet, string what)
    {
        if (isMet && rules.Has(rule))
        {
            Finding ??= $"{what} is refused by the command's rule {rule}.";
        }
    }

    /// <summary>What stands there, and has no WHERE yet.</summary>
    private enum Pending
    {
        None,
        Delete,
        Update,
    }

    /// <param name="Change">Of the statement that stands there.</param>
    /// <param name="AwaitsSet">Whether the word UPDATE was met, which is one's beginning where a SET follows.</param>
    /// <param name="HasSelect">Whether the word SELECT was met.</param>
    private readonly record struct Level(Pending Change, bool AwaitsSet, bool HasSelect);
}
