using System.Text;
using System.Text.RegularExpressions;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Psql;
using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>
/// Reads a script to its end before its first statement runs, with all that it includes and in each of its branches,
/// and finds whatever is refused in it.
/// </summary>
/// <remarks>
/// It does not ask the server. Of settings that change how strings are read, only a plain SET is followed; behind
/// anything else that may change them, a script is checked as it runs.
/// </remarks>
internal sealed partial class ScriptCheck : IPsqlHost, IAsyncDisposable
{
    /// <summary>A SET of standard_conforming_strings is not longer.</summary>
    private const int LongestSetting = 1000;

    private readonly JobSettings _settings;
    private readonly ScriptFiles _files;
    private readonly PsqlReader _reader;
    private readonly bool _initialStrings;
    private readonly CancellationToken _cancellationToken;
    private readonly List<PreviewedStatement> _statements = [];
    private readonly PsqlPlace? _place;
    private readonly List<JobFailure> _refusals = [];
    private readonly List<JobFailure> _serverRefusals = [];
    private readonly ScriptResumption? _resumption;
    private readonly TransactionWrap _wrap = new();
    private readonly List<ScriptStatement> _controls = [];
    private bool _controlsOnlyWrap = true;
    private long _refused;
    private ScriptStatement? _creating;
    private bool _isInBlock;
    private bool _isSetInBlock;
    private bool _isDoubtful;
    private bool _setsForLogin;

    private ScriptCheck(
        ScriptStream script,
        JobSettings settings,
        ScriptFiles files,
        PsqlPlace? place,
        bool standardStrings,
        ScriptResumption? resumption,
        CancellationToken cancellationToken)
    {
        (_settings, _files, _place, _resumption) = (settings, files, place, resumption);
        (_initialStrings, _cancellationToken) = (standardStrings, cancellationToken);
        var options = ScriptReading.For(settings, place) with { IsCheck = true, LeavesOpen = true };
        _reader = new PsqlReader(script, options, this) { StandardConformingStrings = standardStrings };
    }

    /// <summary>Why the script does not run; null when it does.</summary>
    public JobFailure? Failure { get; private set; }

    /// <summary>The same, with what the server is sure to refuse where all is one transaction.</summary>
    public JobFailure? PreviewedFailure { get; private set; }

    /// <summary>Why a run cannot begin where it was to; null when it can.</summary>
    public string? ResumeProblem { get; private set; }

    /// <summary>The first of its statements, in all branches that may be taken.</summary>
    public IReadOnlyList<PreviewedStatement> Statements => _statements;

    public long StatementsTotal { get; private set; }

    /// <summary>Whether a command runs the statement before it once more.</summary>
    public bool RepeatsStatements => _reader.RepeatsStatements;

    /// <summary>
    /// Whether the script creates the database in which it runs, and then connects to it, as a dump does that was made
    /// to create its database.
    /// </summary>
    public bool CreatesOwnDatabase { get; private set; }

    /// <summary>
    /// What takes values from the server, so that the script cannot begin in its middle; null for nothing.
    /// </summary>
    public string? TakesAnswers { get; private set; }

    public bool HasStopped { get; private set; }

    /// <param name="script">Is read to its end, and goes back to its beginning.</param>
    /// <param name="settings">The job's.</param>
    /// <param name="files">Gets the files that the script reads.</param>
    /// <param name="place">Where the job runs, as far as it is known.</param>
    /// <param name="standardStrings">Whether strings are read so at first.</param>
    /// <param name="resumption">Where the run is to begin; null for the beginning.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <exception cref="JobFailedException">The script, or a file that it includes, cannot be read.</exception>
    public static async Task<ScriptCheck> RunAsync(
        ScriptStream script,
        JobSettings settings,
        ScriptFiles files,
        PsqlPlace? place,
        bool standardStrings,
        ScriptResumption? resumption,
        CancellationToken cancellationToken)
    {
        var check = new ScriptCheck(script, settings, files, place, standardStrings, resumption, cancellationToken);
        await using (check)
        {
            await check.ReadAsync();
        }

        await script.HashAheadAsync(cancellationToken);
        await files.HashAsync(cancellationToken);
        return check;
    }

    public ValueTask DisposeAsync() => _reader.DisposeAsync();

    public void Say(string line, bool isWarning)
    {
    }

    public void Note(PsqlCommand command, string text)
    {
    }

    public ValueTask FailAsync(PsqlCommand command, string message) => ValueTask.CompletedTask;

    public ValueTask SettleAsync() => ValueTask.CompletedTask;

    public void OnNothingSent()
    {
    }

    public void OnErrorModeChanged()
    {
    }

    public ValueTask ReconnectAsync(PsqlCommand command)
    {
        _resumption?.LeaveBlock();
        if (!_wrap.MayConnect)
        {
            Refuse(command.Place, command.File, TransactionWrap.ConnectsTooLate);
        }
        else if (_setsForLogin)
        {
            Refuse(command.Place, command.File, ScriptReading.NeedsNewSession);
        }

        FollowReset();

        if (_creating is { } creating)
        {
            CreatesOwnDatabase = true;
            _serverRefusals.RemoveAll(refusal => refusal.Errors[0].Statement == creating.Number);
            _creating = null;
        }

        return ValueTask.CompletedTask;
    }

    public bool LeavesOutTerminator(ScriptLocation place) =>
        _settings.Transaction == TransactionMode.None && !_reader.Variables.StopsOnError;

    public void Refuse(ScriptLocation place, string? file, string message)
    {
        if (IsUnsure)
        {
            Stop(); // it may stand within a string
            return;
        }

        Refuse(new JobFailure
        {
            Kind = JobFailureKind.Refused,
            Message = message,
            Errors = [new StatementError { File = file, Line = place.Line, Column = place.Column, Message = message }],
        });
    }

    public async ValueTask<Stream?> OpenAsync(string path, bool isScript, PsqlCommand command)
    {
        try
        {
            return await _files.OpenAsync(path, isScript, _cancellationToken);
        }
        catch (JobRefusedException e)
        {
            Refuse(command.Place, command.File, $"{command.Name}: {e.Problems[0].Message}");
            return null;
        }
    }

    public void TakeAnswers(string name, ScriptLocation place, string? file) =>
        TakesAnswers ??= $"{name} in line {place.Line}{(file is null ? "" : $" of {file}")}";

    /// <summary>Whether a string was met that only the run can read.</summary>
    private bool IsUnsure => _isDoubtful && _reader.HasMetBackslash;

    private async Task ReadAsync()
    {
        try
        {
            while (await _reader.ReadAsync(_cancellationToken) is { } statement)
            {
                if (IsUnsure)
                {
                    Stop();
                    break;
                }

                Add(statement);
                Follow(statement);
                for (var left = statement.CopiesIn; left > 0; left--)
                {
                    // Begun, so that it is not read as SQL; the next statement is behind it.
                    await _reader.PassCopyDataAsync(_cancellationToken);
                }
            }
        }
        catch (ScriptException) when (IsUnsure)
        {
            Stop();
        }
        catch (ScriptException e)
        {
            Refuse(new ScriptLocation(e.Line, e.Column), e.File, e.Message);
        }

        RefuseControls();
        Failure = Conclude(_refusals, _refused);
        PreviewedFailure = Conclude([.. _refusals, .. _serverRefusals], _refused + _serverRefusals.Count);
        ResumeProblem = _resumption is null ? null
            : TakesAnswers is { } what
                ? ScriptResumption.TakesAnswers(what)
            : HasStopped || _reader.HasMetUncertainty ? null // the run finds it
            : ResumeProblem ?? _resumption.Problem;
    }

    /// <summary>From here on only the run knows where strings end.</summary>
    private void Stop()
    {
        HasStopped = true;
        TakesAnswers ??= "a change of standard_conforming_strings that only the server knows";
    }

    private void Add(ScriptStatement statement)
    {
        StatementsTotal++;
        if (_statements.Count < JobPreview.MostListed)
        {
            _statements.Add(new PreviewedStatement(statement.Number, statement.Line, statement.Column, statement.Tag));
        }

        try
        {
            _resumption?.PassesOver(statement, _reader.Text.Span, _reader.Variables.Autocommits);
        }
        catch (JobFailedException e)
        {
            ResumeProblem ??= e.Message;
        }

        if (_reader.IsCertain && OwnDatabase.IsCreatedBy(statement, _reader.Text.Span, _place?.Database))
        {
            _creating = statement;
        }

        if (statement.RuleProblem is { } problem)
        {
            Refuse(SendPolicy.Refused(statement, problem));
        }

        if (_settings.ReturnResult || _settings.Transaction != TransactionMode.Single)
        {
            return;
        }

        var isOfWrap = _creating != statement && _wrap.Takes(statement, _reader.Text.Span);
        if (SingleTransactionPolicy.Refuse(statement) is not null)
        {
            _controlsOnlyWrap &= isOfWrap && _reader.IsCertain;

            // Of many, the first are enough to name.
            if (_controls.Count < StatementError.MostKept)
            {
                _controls.Add(statement);
            }
        }

        if (statement.Kind == ScriptStatementKind.OutsideTransaction && _serverRefusals.Count < StatementError.MostKept)
        {
            _serverRefusals.Add(PostgresErrors.InTransaction(
                statement.Tag,
                new StatementError
                {
                    Statement = statement.Number,
                    File = statement.File,
                    Line = statement.Line,
                    Message = "",
                    Hint = BatchJournal.Hint,
                }));
        }
    }

    /// <summary>
    /// Refuses what opens or ends a transaction, unless it only wraps the whole. Of a script whose end is not known
    /// here, the run finds out.
    /// </summary>
    private void RefuseControls()
    {
        var problem = HasStopped ? _wrap.Problem : _wrap.ProblemAtEnd;
        if (_controlsOnlyWrap && problem is null && !_reader.MayQuit)
        {
            return;
        }

        foreach (var statement in _controls)
        {
            Refuse(SingleTransactionPolicy.Refuse(statement)!);
        }
    }

    private void Refuse(JobFailure failure)
    {
        _refused++;
        if (_refusals.Count < StatementError.MostKept)
        {
            _refusals.Add(failure);
        }
    }

    private static JobFailure? Conclude(List<JobFailure> refusals, long count)
    {
        if (refusals.Count == 0)
        {
            return null;
        }

        var inOrder = refusals.OrderBy(refusal => refusal.Errors[0].File is null ? 0 : 1)
            .ThenBy(refusal => refusal.Errors[0].File, StringComparer.Ordinal)
            .ThenBy(refusal => refusal.Errors[0].Line).ThenBy(refusal => refusal.Errors[0].Column).ToArray();
        return inOrder[0] with
        {
            Message = count == 1
                ? inOrder[0].Message
                : $"{count} places of the script are refused, so that none of it runs; the first: {inOrder[0].Message}",
            Errors = [.. inOrder.SelectMany(refusal => refusal.Errors)],
            IsUndone = true,
        };
    }

    /// <summary>
    /// Follows how strings are read: a plain SET, unless a rollback may take it back. What else names the setting
    /// makes it doubtful, which matters where a string holds a backslash.
    /// </summary>
    private void Follow(ScriptStatement statement)
    {
        _setsForLogin |= (statement.HasParts || statement.Tag is "ALTER DATABASE" or "ALTER ROLE")
            && _reader.Text.Length <= ScriptScanner.LongestLookedInto
            && SettingOfLogin().IsMatch(Encoding.Latin1.GetString(_reader.Text.Span));
        var wasDoubtful = _isDoubtful;
        FollowSetting(statement);
        if (_isDoubtful && !wasDoubtful)
        {
            _reader.ForgetBackslashes();
        }
    }

    private void FollowSetting(ScriptStatement statement)
    {
        if (statement.HidesControl || statement.Step is BlockStep.End or BlockStep.EndAndBegin or BlockStep.Restore)
        {
            _isDoubtful |= _isSetInBlock;
        }

        _isInBlock = statement.Step switch
        {
            BlockStep.Begin => true,
            BlockStep.End => false,
            _ => _isInBlock,
        };
        if (!statement.MayChangeReading)
        {
            return;
        }

        var before = _reader.StandardConformingStrings;
        var isReset = statement.Tag == "DISCARD ALL" || (_reader.Text.Length <= LongestSetting
            && ResetAll().IsMatch(Encoding.Latin1.GetString(_reader.Text.Span)));
        if (isReset)
        {
            FollowReset();
            return;
        }

        if (!ScriptReading.NamesStrings(_reader.Text.Span))
        {
            return;
        }

        var match = Setting().Match(Encoding.Latin1.GetString(_reader.Text.Span));
        _isDoubtful |= !match.Success || statement.HasParts;
        if (match.Success)
        {
            SetStrings(match.Groups["value"] is { Success: true, Value: var value }
                ? value.ToUpperInvariant() is not ("OFF" or "FALSE" or "NO" or "0")
                : _initialStrings);
            _isDoubtful |= !_reader.IsCertain && _reader.StandardConformingStrings != before;
        }
    }

    private void FollowReset()
    {
        _isDoubtful |= !_reader.IsCertain && _reader.StandardConformingStrings != _initialStrings;
        SetStrings(_initialStrings);
    }

    private void SetStrings(bool areStandard)
    {
        var canBeTakenBack = _isInBlock || !_reader.Variables.Autocommits
            || _settings.Transaction == TransactionMode.Single;
        _isSetInBlock |= canBeTakenBack && _reader.StandardConformingStrings != areStandard;
        _reader.StandardConformingStrings = areStandard;
    }

    [GeneratedRegex(
        @"\balter\s+(database|role|user)\b.*\b(re)?set\b(?!\s+tablespace)",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant | RegexOptions.Singleline)]
    private static partial Regex SettingOfLogin();

    [GeneratedRegex(@"^reset\s+all$", RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex ResetAll();

    [GeneratedRegex(
        @"^(re)?set\s+(session\s+)?standard_conforming_strings\b(\s*(=|to\b)\s*'?(?<value>\w+))?",
        RegexOptions.IgnoreCase | RegexOptions.CultureInvariant)]
    private static partial Regex Setting();
}
