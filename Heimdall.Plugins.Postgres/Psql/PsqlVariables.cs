using System.Globalization;
using System.Text;
using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Psql;

/// <summary>
/// The variables of a script: what the job gave, what psql has by itself, and what the script sets. Some of psql's own
/// change how the script runs. https://www.postgresql.org/docs/current/app-psql.html#APP-PSQL-VARIABLES
/// </summary>
/// <remarks>
/// While a script is only checked, what the server would make of variables is not known: those are doubtful.
/// </remarks>
internal sealed class PsqlVariables
{
    public const string RowCount = "ROW_COUNT";
    public const string Error = "ERROR";
    public const string SqlState = "SQLSTATE";
    public const string LastErrorState = "LAST_ERROR_SQLSTATE";
    public const string LastErrorMessage = "LAST_ERROR_MESSAGE";

    /// <summary>Characters of a name that a script sets; a column's is not longer than 63.</summary>
    private const int LongestName = 128;

    /// <summary>How many a script may set.</summary>
    private const int Most = 10_000;

    private static readonly string[] _results = [RowCount, Error, SqlState, LastErrorState, LastErrorMessage];

    // Known when the session is.
    private static readonly string[] _ofSession =
        ["DBNAME", "USER", "HOST", "PORT", "ENCODING", "SERVER_VERSION_NUM", "SERVER_VERSION_NAME"];

    private readonly Dictionary<string, VariableState> _variables = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _doubtfulSince = new(StringComparer.Ordinal);
    private int _longestPrefix;
    private readonly long _mostBytes;
    private readonly bool _isGuess;
    private long _bytes;
    private long _changes;

    /// <param name="given">What the job gives.</param>
    /// <param name="mostBytes">Bytes that values may add to a statement, and that all values may have.</param>
    /// <param name="stopsOnError">What ON_ERROR_STOP is at first.</param>
    /// <param name="isGuess">True where the script is checked and not run.</param>
    public PsqlVariables(
        IReadOnlyDictionary<string, string>? given, long mostBytes, bool stopsOnError, bool isGuess)
    {
        (_mostBytes, _isGuess) = (mostBytes, isGuess);
        Substitution = new ScriptVariables(Find, plainOnly: false, mostBytes) { AwaitsAnswers = NoteUse };
        foreach (var setting in PsqlSetting.All)
        {
            Put(setting.Name, Encoding.UTF8.GetBytes(setting.Default));
        }

        Put(PsqlSetting.OnErrorStop, stopsOnError ? "on"u8.ToArray() : "off"u8.ToArray());
        Put(LastErrorState, "00000"u8.ToArray());
        Put(LastErrorMessage, []);
        foreach (var (name, value) in given ?? new Dictionary<string, string>())
        {
            var bytes = Encoding.UTF8.GetBytes(value);
            if (PsqlSetting.Find(name) is null || TrySet(name, bytes) is not null)
            {
                Put(name, bytes);
            }
        }

        if (isGuess)
        {
            MakeDoubtful([.. _results, .. _ofSession]);
        }
    }

    /// <summary>Puts their values into statements.</summary>
    public ScriptVariables Substitution { get; }

    /// <summary>False while answers may still come that change the variables of results.</summary>
    public bool AreResultsKnown { get; set; } = true;

    /// <summary>Whether the first error is the end, as <c>ON_ERROR_STOP</c> has it.</summary>
    public bool StopsOnError { get; private set; }

    /// <summary>False where each transaction must be committed by the script.</summary>
    public bool Autocommits { get; private set; }

    /// <summary>Whether a statement that fails in a transaction is undone alone.</summary>
    public bool UndoesErrors { get; private set; }

    /// <summary>Whether a variable was looked up whose value is not known before the script runs.</summary>
    public bool MetDoubt { get; set; }

    /// <summary>Whether it was one that depends on what statements return, and not only on where they run.</summary>
    public bool MetAnswer { get; set; }

    /// <summary>Whether a variable was looked up that is about the result of a statement.</summary>
    public bool MetResult { get; set; }

    /// <summary>Whether psql itself gives a variable its value, so that a job's would be lost.</summary>
    public static bool IsOwn(string name) => _results.Contains(name) || _ofSession.Contains(name);

    public byte[]? Find(string name) => _variables.GetValueOrDefault(name).Value;

    /// <summary>Sets a variable, or with no value takes it away.</summary>
    /// <returns>Why it cannot be set so, in psql's words; null when it is.</returns>
    /// <exception cref="PsqlLimitException">There is too much of it.</exception>
    public string? TrySet(string name, byte[]? value)
    {
        if (name.Length > LongestName)
        {
            return $"the name of a variable is longer than {LongestName} characters";
        }

        if (!_variables.ContainsKey(name) && _variables.Count >= Most)
        {
            throw new PsqlLimitException($"The script sets more than {Most} variables.");
        }

        if (!ScriptVariables.IsName(name))
        {
            return value is null ? null : $"invalid variable name: \"{name}\"";
        }

        if (PsqlSetting.Find(name) is { } setting)
        {
            value = setting.Complete(value);
            if (setting.Refuse(Encoding.UTF8.GetString(value)) is { } refusal)
            {
                return refusal;
            }
        }

        Put(name, value, isCounted: PsqlSetting.Find(name) is null);
        return _bytes <= _mostBytes ? null : throw new PsqlLimitException(
            $"The values of all variables are longer than {_mostBytes} bytes, which is the command's "
            + "max_variable_bytes.");
    }

    /// <summary>Sets what one of psql's own variables is, whatever a script may set it to.</summary>
    public void SetOwn(string name, string? value) => Put(name, value is null ? null : Encoding.UTF8.GetBytes(value));

    /// <summary>Sets what a script may ask of the server's version, as libpq reads its name.</summary>
    public void SetServerVersion(string name)
    {
        var numbers = name.Split(' ')[0].Split('.');
        SetOwn("SERVER_VERSION_NAME", name);
        SetOwn(
            "SERVER_VERSION_NUM",
            ((LeadingNumber(numbers[0]) * 10_000) + (numbers.Length > 1 ? LeadingNumber(numbers[1]) : 0))
                .ToString(CultureInfo.InvariantCulture));

        static int LeadingNumber(string text) =>
            int.TryParse(string.Concat(text.TakeWhile(char.IsAsciiDigit)), out var number) ? number : 0;
    }

    /// <summary>Notes that only the run will know some variables.</summary>
    public void MakeDoubtful(IEnumerable<string> names)
    {
        foreach (var name in names)
        {
            _variables[name] = _variables.GetValueOrDefault(name) with { IsDoubtful = true };
        }
    }

    /// <summary>Notes that only the run will know the variables whose names begin so.</summary>
    public void MakeDoubtfulFrom(string prefix)
    {
        if (prefix.Length > LongestName)
        {
            return; // no name that is so long is set
        }

        if (_doubtfulSince.Count >= Most)
        {
            throw new PsqlLimitException($"The script sets variables with more than {Most} beginnings.");
        }

        _doubtfulSince[prefix] = ++_changes;
        _longestPrefix = Math.Max(_longestPrefix, prefix.Length);
    }

    /// <returns>Whether the value depends on answers that have not come.</returns>
    private bool NoteUse(string name)
    {
        var isResult = _results.Contains(name);
        if (_isGuess)
        {
            var found = _variables.TryGetValue(name, out var variable);
            var isDoubtful = (found && variable.IsDoubtful) || IsDoubtfulSince(name, variable.Changed);
            MetDoubt |= isDoubtful;
            MetAnswer |= isDoubtful && !_ofSession.Contains(name);
        }

        MetResult |= isResult;
        return isResult && !AreResultsKnown;
    }

    private bool IsDoubtfulSince(string name, long changed)
    {
        if (_doubtfulSince.Count == 0)
        {
            return false;
        }

        var since = _doubtfulSince.GetAlternateLookup<ReadOnlySpan<char>>();
        for (var length = 0; length <= Math.Min(name.Length, _longestPrefix); length++)
        {
            if (since.TryGetValue(name.AsSpan(0, length), out var change) && change > changed)
            {
                return true;
            }
        }

        return false;
    }

    /// <param name="name">Of the variable.</param>
    /// <param name="value">Null for none.</param>
    /// <param name="isCounted">False for what is not the script's own doing.</param>
    private void Put(string name, byte[]? value, bool isCounted = false)
    {
        var counted = isCounted ? value?.Length ?? 0 : 0;
        _bytes += counted - _variables.GetValueOrDefault(name).Counted;
        if (value is null && !_isGuess)
        {
            _variables.Remove(name);
        }
        else
        {
            _variables[name] = new VariableState(value, counted, ++_changes, IsDoubtful: false);
        }

        Substitution.Forget(name);
        switch (name)
        {
            case PsqlSetting.OnErrorStop:
                StopsOnError = ToBoolean(value) == true;
                break;
            case PsqlSetting.Autocommit:
                Autocommits = ToBoolean(value) != false;
                break;
            case PsqlSetting.OnErrorRollback:
                UndoesErrors = ToBoolean(value) == true;
                break;
        }

        static bool? ToBoolean(byte[]? value) => PsqlSetting.ToBoolean(Encoding.UTF8.GetString(value ?? []));
    }

    /// <param name="Value">Null for none.</param>
    /// <param name="Counted">Bytes of it that count.</param>
    /// <param name="Changed">When it was set, in the order of all changes.</param>
    /// <param name="IsDoubtful">Whether only the run knows it.</param>
    private readonly record struct VariableState(byte[]? Value, int Counted, long Changed, bool IsDoubtful);
}

/// <summary>What a script asks for is more than may be held.</summary>
internal sealed class PsqlLimitException(string message) : Exception(message);
