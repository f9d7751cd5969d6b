using System.Buffers;
using System.Runtime.InteropServices;
using System.Text;
using Heimdall.Plugins.Postgres.Rules;

namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>
/// Told the tokens of a statement as they are met, says which command it is, and when its tokens no longer matter.
/// </summary>
/// <param name="noticesWords">
/// True to look among all words, not only those of the command, for those that write or outlive their transaction.
/// </param>
/// <param name="rules">Is shown the tokens too; null where there are no rules.</param>
internal sealed class StatementClassifier(bool noticesWords, RuleWatch? rules = null)
{
    // No keyword is longer, and PostgreSQL cuts names to this length.
    private const int LongestWord = 63;

    private const int MostSeen = 1000;

    // A notification gives its transaction no number before the commit, so that it is not noticed otherwise.
    private const string Notify = "PG_NOTIFY";

    private const string Hold = "HOLD";

    // ANALYZE is that of EXPLAIN, which runs what it explains.
    private static readonly string[] _writing =
        ["INSERT", "UPDATE", "DELETE", "MERGE", "INTO", "ANALYZE", "ANALYSE", Notify];

    // A session's own locks, and cursors WITH HOLD.
    private static readonly string[] _lasting =
    [
        "PG_ADVISORY_LOCK", "PG_ADVISORY_LOCK_SHARED", "PG_TRY_ADVISORY_LOCK", "PG_TRY_ADVISORY_LOCK_SHARED", Hold,
    ];

    // The leading words in upper case; "" stands for what is no keyword whatever it says: quoted, a literal, behind a dot.
    private readonly List<string> _words = new(12);

    private readonly HashSet<string> _seen = new(StringComparer.Ordinal);

    // The last token, where it was a word: before a parenthesis it is the name of a function, or a keyword.
    private readonly byte[] _before = new byte[LongestWord];
    private int _beforeLength;
    private HashSet<string>? _calls;

    private int _limit;
    private bool _afterDot;
    private bool _afterNumber;
    private Routine _routine;
    private bool _isCommonTable;
    private bool _tableNameFollows;
    private bool _concurrentOption;
    private bool _wantsWords;
    private string? _lastingWord;
    private bool _isAfterWith;
    private int _parts;
    private bool _mayRename;
    private bool _mayChangeSettings;
    private string? _outlives;
    private bool _hidesControl;
    private int _copiesInBefore;
    private ScriptStatementKind _kindOfFirst;

    public bool WantsTokens => _wantsWords || noticesWords || rules is not null || _routine != Routine.None;

    /// <summary>Whether a word was met, outside of literals, comments and quoted names, that writes.</summary>
    public bool MayWrite { get; private set; }

    /// <summary>The words, in lower case, that have a parenthesis behind them: all functions are among them.</summary>
    public IReadOnlyCollection<string> Calls => _calls ?? (IReadOnlyCollection<string>)[];

    /// <summary>
    /// What of it outlives its transaction, as far as words show: a statement, a function, a cursor WITH HOLD; null for
    /// nothing.
    /// </summary>
    public string? OutlivesTransaction => _outlives ?? OutlivesOfPart;

    private string? OutlivesOfPart => !noticesWords ? null : Tag switch
    {
        "LISTEN" or "PREPARE" or "DEALLOCATE" or "DEALLOCATE ALL" => Tag,
        "DECLARE CURSOR" when _lastingWord == Hold => "A cursor WITH HOLD",
        _ => _lastingWord == Hold ? null : _lastingWord?.ToLowerInvariant(),
    };

    /// <summary>How many BEGIN ATOMIC and CASE wait for their END: a semicolon inside them ends nothing.</summary>
    public int BlockDepth { get; private set; }

    /// <summary>Of several commands that are sent together: the last one's.</summary>
    public string Tag => CommandTag.Of(Words);

    public ScriptStatementKind Kind => CommandTag.KindOf(Words, _concurrentOption);

    /// <summary>Of several commands that are sent together: the first one's.</summary>
    public ScriptStatementKind KindOfFirst => _parts > 0 ? _kindOfFirst : Kind;

    /// <summary>Whether it is several commands that are sent together.</summary>
    public bool HasParts => _parts > 0;

    /// <summary>Whether one of several commands opens or ends a transaction.</summary>
    public bool HidesControl => _hidesControl || (_parts > 0 && Kind == ScriptStatementKind.TransactionControl);

    /// <summary>How many of its commands have data that follow in the script.</summary>
    public int CopiesIn => _copiesInBefore + (Kind == ScriptStatementKind.CopyFromStdin ? 1 : 0);

    /// <summary>Of several commands only the server knows.</summary>
    public BlockStep Step => _parts > 0 ? BlockStep.None : CommandTag.StepOf(Words);

    public bool CopiesOut => CommandTag.CopiesOut(Words);

    public bool RunsInBlock => _parts == 0 && !_concurrentOption && CommandTag.RunsInBlock(Words);

    public bool MayRename => _mayRename || CommandTag.MayRename(Words);

    public bool LeavesNothing => _parts == 0 && CommandTag.LeavesNothing(Words);

    public bool MayChangeSettings => _mayChangeSettings || CommandTag.MayChangeSettings(Words);

    private ReadOnlySpan<string> Words => CollectionsMarshal.AsSpan(_words);

    /// <summary>Why the command's rules refuse the statement, which has ended; null where they do not.</summary>
    public string? FindRuleProblem()
    {
        rules?.End();
        return rules?.Finding;
    }

    /// <inheritdoc cref="ScriptStatement.WindowedDdl"/>
    public string? WindowedDdl => rules?.WindowedDdl;

    public void Reset()
    {
        (MayWrite, _lastingWord, _hidesControl, _parts, _copiesInBefore) = (false, null, false, 0, 0);
        (_calls, _mayRename, _mayChangeSettings, _outlives) = (null, false, false, null);
        rules?.Reset();
        BeginPart();
    }

    /// <summary>One of several commands is over that are sent together.</summary>
    public void EndPart()
    {
        rules?.End();
        _kindOfFirst = KindOfFirst;
        _hidesControl |= Kind == ScriptStatementKind.TransactionControl;
        _copiesInBefore = CopiesIn;
        (_mayRename, _mayChangeSettings, _outlives) = (MayRename, MayChangeSettings, OutlivesTransaction);
        _parts++;
        BeginPart();
    }

    private void BeginPart()
    {
        _words.Clear();
        (_wantsWords, BlockDepth, _limit) = (true, 0, 1);
        (_afterDot, _isCommonTable, _tableNameFollows, _concurrentOption) = (false, false, false, false);
        (_afterNumber, _routine, _isAfterWith) = (false, Routine.Create, false);
        _beforeLength = 0;
    }

    /// <summary>A keyword or a name without quotes.</summary>
    public void Word(ReadOnlySpan<byte> word, int parentheses)
    {
        _afterNumber = false;
        rules?.Word(Upper(word), isOutside: parentheses == 0);
        if (noticesWords)
        {
            var upper = Upper(word);
            MayWrite |= _writing.Contains(upper) && (!_afterDot || upper == Notify);
            _lastingWord ??= _lasting.Contains(upper) && (upper != Hold || _isAfterWith) ? upper : null;
            _isAfterWith = upper == "WITH";
            _beforeLength = Math.Min(word.Length, LongestWord);
            word[.._beforeLength].CopyTo(_before);
        }

        if (_routine == Routine.Body)
        {
            CountBlocks(word, parentheses);
            _afterDot = false;
            return;
        }

        _routine = _routine == Routine.None ? Routine.None : After(_routine, word);
        if (!_wantsWords)
        {
            _afterDot = false;
            return;
        }

        if (_isCommonTable)
        {
            FindMainCommand(word, parentheses);
        }
        else if (parentheses == 0 || _words.Count == 0)
        {
            // A query in parentheses that begins with WITH: only SELECT may stand there, and it is all inside.
            Add(_afterDot ? "" : parentheses > 0 && Is(word, "WITH"u8) ? "SELECT" : Upper(word));
        }
        else if (_words is ["REINDEX"])
        {
            ReadReindexOption(word);
        }

        _afterDot = false;
    }

    /// <summary>The text of a quoted name, with its quotes, once it is known; a literal it was before.</summary>
    public void QuotedName(ReadOnlySpan<byte> name, bool isUnicode) => rules?.QuotedName(name, isUnicode);

    /// <summary>A quoted name, a string or a number.</summary>
    public void Literal(int parentheses)
    {
        rules?.Literal(isOutside: parentheses == 0);
        (_afterDot, _afterNumber, _beforeLength) = (false, false, 0);

        if (_isCommonTable)
        {
            _tableNameFollows &= parentheses > 0;
        }
        else if (_wantsWords && _routine != Routine.Body && (parentheses == 0 || _words.Count == 0))
        {
            Add("");
        }
    }

    /// <summary>
    /// The digits of a number, and the letters that touch them: up to PostgreSQL 14 a word begins there.
    /// </summary>
    public void Number(ReadOnlySpan<byte> number)
    {
        _afterNumber = true;
        rules?.Number(Upper(number));
        if (noticesWords && number.IndexOfAnyExceptInRange((byte)'0', (byte)'9') >= 0)
        {
            var upper = Upper(number);
            MayWrite |= _writing.Any(word => upper.EndsWith(word, StringComparison.Ordinal));
        }
    }

    /// <summary>Any other token, with the number of parentheses open around it.</summary>
    public void Symbol(byte symbol, int parentheses)
    {
        rules?.Symbol(symbol, isOutside: parentheses == 0);

        // Behind a number it is the number's.
        _afterDot = symbol == (byte)'.' && !_afterNumber;
        _afterNumber = false;
        if (symbol == (byte)'(' && _beforeLength > 0)
        {
            (_calls ??= new(StringComparer.Ordinal)).Add(ToLower(_before.AsSpan(0, _beforeLength)));
        }

        _beforeLength = 0;

        if (_isCommonTable && parentheses == 0)
        {
            _tableNameFollows = symbol == (byte)',';
        }
        else if (_words.Count == 0 && symbol != (byte)'(')
        {
            Add("");
        }
    }

    private void Add(string word)
    {
        _words.Add(word);

        if (_words.Count == 1)
        {
            _limit = CommandTag.WordsNeeded(word);
            _isCommonTable = _tableNameFollows = word == "WITH";
        }

        _wantsWords = _routine != Routine.Body && (_isCommonTable || _words.Count < _limit);
    }

    // psql's own rule: of a statement's names and keywords these come first. What else stands before or between them,
    // such as a number, does not matter.
    private static Routine After(Routine expected, ReadOnlySpan<byte> word) => expected switch
    {
        Routine.Create when Is(word, "CREATE"u8) => Routine.OrRoutine,
        Routine.OrRoutine when Is(word, "OR"u8) => Routine.Replace,
        Routine.Replace when Is(word, "REPLACE"u8) => Routine.Kind,
        Routine.OrRoutine or Routine.Kind when Is(word, "FUNCTION"u8) || Is(word, "PROCEDURE"u8) => Routine.Body,
        _ => Routine.None,
    };

    // psql's own rule: parentheses hide these words, and CASE counts only inside a BEGIN, because it shares its END.
    private void CountBlocks(ReadOnlySpan<byte> word, int parentheses)
    {
        if (parentheses > 0)
        {
            return;
        }

        if (Is(word, "BEGIN"u8) || (BlockDepth > 0 && Is(word, "CASE"u8)))
        {
            BlockDepth++;
        }
        else if (BlockDepth > 0 && Is(word, "END"u8))
        {
            BlockDepth--;
        }
    }

    // The first verb outside the parentheses of the common table expressions that is not one's name.
    private void FindMainCommand(ReadOnlySpan<byte> word, int parentheses)
    {
        if (parentheses > 0)
        {
            return;
        }

        if (_tableNameFollows)
        {
            _tableNameFollows = Is(word, "RECURSIVE"u8);
        }
        else if (Upper(word) is "SELECT" or "INSERT" or "UPDATE" or "DELETE" or "MERGE" or "VALUES" or "TABLE")
        {
            _words[0] = Upper(word);
            _wantsWords = _isCommonTable = false;
        }
    }

    private void ReadReindexOption(ReadOnlySpan<byte> word)
    {
        if (Is(word, "CONCURRENTLY"u8))
        {
            _concurrentOption = true;
        }
        else if (Is(word, "FALSE"u8) || Is(word, "OFF"u8))
        {
            _concurrentOption = false;
        }
    }

    // As the server folds a name: letters outside of ASCII stay as they are.
    private static string ToLower(ReadOnlySpan<byte> word)
    {
        Span<byte> lower = stackalloc byte[LongestWord];
        for (var i = 0; i < word.Length; i++)
        {
            lower[i] = word[i] is >= (byte)'A' and <= (byte)'Z' ? (byte)(word[i] | 0x20) : word[i];
        }

        return Encoding.UTF8.GetString(lower[..word.Length]);
    }

    private static bool Is(ReadOnlySpan<byte> word, ReadOnlySpan<byte> keyword) => Ascii.EqualsIgnoreCase(word, keyword);

    private string Upper(ReadOnlySpan<byte> word)
    {
        Span<char> upper = stackalloc char[LongestWord];

        if (word.Length > LongestWord || Ascii.ToUpper(word, upper, out var length) != OperationStatus.Done)
        {
            return "";
        }

        // A script says the same few words over and over.
        var seen = _seen.GetAlternateLookup<ReadOnlySpan<char>>();
        if (!seen.TryGetValue(upper[..length], out var text))
        {
            text = new string(upper[..length]);
            if (_seen.Count < MostSeen)
            {
                _seen.Add(text);
            }
        }

        return text;
    }

    /// <summary>What the next word must be for the statement to make a function or a procedure.</summary>
    private enum Routine
    {
        /// <summary>It makes none.</summary>
        None,
        Create,
        OrRoutine,
        Replace,
        Kind,

        /// <summary>It makes one, and its body may be BEGIN ATOMIC.</summary>
        Body,
    }
}
