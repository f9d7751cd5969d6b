using System.Text;
using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Plugins.Postgres.Psql;

/// <summary>
/// Reads a script, and the files that it includes, as psql does: statements come out in the order in which they run,
/// and psql's own commands are done where they stand.
/// </summary>
internal sealed class PsqlReader : IAsyncDisposable
{
    /// <summary>Files within files.</summary>
    private const int MostDepth = 16;

    /// <summary>Files in all; one may include several that include several.</summary>
    private const int MostIncludes = 1000;

    /// <summary>Commands on one line, and within one statement.</summary>
    private const int MostTogether = 1000;

    /// <summary>Characters of a line that a script says.</summary>
    private const int LongestLine = 32 * 1024;

    private readonly PsqlReaderOptions _options;
    private readonly IPsqlHost _host;
    private readonly StatementCounter _counter = new();
    private readonly Stack<Source> _sources = [];
    private readonly ScriptVariables? _substitution;
    private readonly StringBuilder _said = new();
    private int _includes;
    private string? _restrictedBy;
    private List<byte[]>? _bound;
    private ReadOnlyMemory<byte>? _text;
    private bool _isUtf8 = true;
    private bool _standardConformingStrings = true;

    /// <param name="script">The job's script. It is disposed with the reader unless the options say otherwise.</param>
    /// <param name="options">How it is read.</param>
    /// <param name="host">What its commands are done to.</param>
    public PsqlReader(Stream script, PsqlReaderOptions options, IPsqlHost host)
    {
        (_options, _host) = (options, host);
        Variables = new PsqlVariables(
            options.ReadsCommands ? options.Variables : null, options.MostVariableBytes, options.StopsOnError, options.IsCheck);
        _substitution = options switch
        {
            { ReadsCommands: true } => Variables.Substitution,
            { Variables: { } given } => new ScriptVariables(given, options.MostVariableBytes),
            _ => null,
        };
        if (options.Place is { } place)
        {
            Variables.SetOwn("DBNAME", place.Database);
            Variables.SetOwn("USER", place.User);
            Variables.SetOwn("HOST", place.Host);
            Variables.SetOwn("PORT", place.Port);
        }

        Push(script, options.Path, file: null, options.LeavesOpen);
    }

    public PsqlVariables Variables { get; }

    /// <summary>The text of the statement returned last; valid until the next read.</summary>
    public ReadOnlyMemory<byte> Text => _text ?? Top.Text;

    /// <inheritdoc cref="ScriptScanner.BytesRead"/>
    public long BytesRead { get; private set; }

    /// <inheritdoc cref="ScriptScanner.CopyDataLine"/>
    public long CopyDataLine => Top.CopyDataLine;

    /// <inheritdoc cref="ScriptScanner.IsUtf8"/>
    public bool IsUtf8
    {
        get => _isUtf8;
        set
        {
            _isUtf8 = value;
            foreach (var source in _sources)
            {
                source.Scanner.IsUtf8 = value;
            }
        }
    }

    /// <inheritdoc cref="ScriptScanner.StandardConformingStrings"/>
    public bool StandardConformingStrings
    {
        get => _standardConformingStrings;
        set
        {
            _standardConformingStrings = value;
            foreach (var source in _sources)
            {
                source.Scanner.StandardConformingStrings = value;
            }
        }
    }

    /// <summary>Whether it is known before a run that it comes to where the script has been read to.</summary>
    public bool IsCertain => _sources.All(source => source.Conditions.IsCertain);

    /// <summary>Whether a statement is run again by a command that has none before it.</summary>
    public bool RepeatsStatements { get; private set; }

    /// <summary>Whether there was a branch of which only a run knows whether it is taken.</summary>
    public bool HasMetUncertainty { get; private set; }

    /// <summary>Whether a run may end, or leave a file, before its end, at a command of which only it knows.</summary>
    public bool MayQuit { get; private set; }

    /// <summary>The number that the next statement gets.</summary>
    public int NextNumber => _counter.Last + 1;

    /// <inheritdoc cref="ScriptScanner.HasMetBackslash"/>
    public bool HasMetBackslash => _sources.Any(source => source.Scanner.HasMetBackslash);

    /// <summary>Has only those count that are met from here on.</summary>
    public void ForgetBackslashes()
    {
        foreach (var source in _sources)
        {
            source.Scanner.HasMetBackslash = false;
        }
    }

    private ScriptScanner Top => _sources.Peek().Scanner;

    private bool IsActive => _sources.All(source => source.Conditions.IsActive);

    /// <summary>The next statement to run, or null at the end of the script.</summary>
    /// <exception cref="ScriptException">The script cannot be read on.</exception>
    public async ValueTask<ScriptStatement?> ReadAsync(CancellationToken cancellationToken)
    {
        _text = null;
        while (!_host.HasStopped)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var source = _sources.Peek();
            try
            {
                switch (await source.Scanner.AdvanceAsync(cancellationToken))
                {
                    case ScannerStop.Statement when source.Scanner.IsSkipping:
                        continue;
                    case ScannerStop.Statement:
                        return Finish(source.Scanner.Statement!);
                    case ScannerStop.Command when await DoAsync(source, cancellationToken) is { } statement:
                        return statement;
                    case ScannerStop.End when !await LeaveAsync(source):
                        return null;
                }
            }
            catch (ScriptException e) when (e.File is null && source.Scanner.File is { } file)
            {
                throw new ScriptException(e.Message, e.Line, e.Column) { File = file };
            }
            catch (PsqlLimitException e)
            {
                throw new ScriptException(e.Message, source.Scanner.CommandPlace) { File = source.Scanner.File };
            }
        }

        return null;
    }

    /// <inheritdoc cref="ScriptScanner.BeginCopyDataAsync"/>
    public ValueTask BeginCopyDataAsync(CancellationToken cancellationToken) =>
        Top.BeginCopyDataAsync(cancellationToken);

    /// <inheritdoc cref="ScriptScanner.CopyDataAsync"/>
    public async ValueTask CopyDataAsync(
        Func<ReadOnlyMemory<byte>, CancellationToken, ValueTask> sink, CancellationToken cancellationToken)
    {
        await Top.CopyDataAsync(
            (piece, token) =>
            {
                NoteBytes();
                return sink(piece, token);
            },
            cancellationToken);
        NoteBytes();
    }

    /// <summary>Goes behind the data of a COPY that follow in the script.</summary>
    public async ValueTask PassCopyDataAsync(CancellationToken cancellationToken)
    {
        await Top.BeginCopyDataAsync(cancellationToken);
        await Top.CopyDataAsync((_, _) => ValueTask.CompletedTask, cancellationToken);
    }

    /// <summary>A statement that the script has made and that does not stand in it.</summary>
    /// <param name="statement">As its text alone would be read.</param>
    /// <param name="origin">The statement that made it.</param>
    public ScriptStatement Adopt(ScriptStatement statement, ScriptStatement origin) => statement with
    {
        Number = _counter.Next(),
        Line = origin.Line,
        Column = origin.Column,
        File = origin.File,
        IsGenerated = true,
        CanBeParsed = false,
        Splices = null,
    };

    public async ValueTask DisposeAsync()
    {
        while (_sources.TryPop(out var source))
        {
            await source.Scanner.DisposeAsync();
        }
    }

    private void Push(Stream script, string path, string? file, bool leavesOpen)
    {
        var scanner = new ScriptScanner(script, _substitution, _options.NoticesWords, _counter, leavesOpen,
            _options.Rules)
        {
            ReadsCommands = _options.ReadsCommands,
            File = file,
            OnAwaitsAnswers = _host.SettleAsync,
            OnSemicolonAlone = SendNothing,
            LeavesOutTerminator = _host.LeavesOutTerminator,
            IsUtf8 = _isUtf8,
            StandardConformingStrings = _standardConformingStrings,
        };
        _sources.Push(new Source(scanner, new PsqlConditions(), path));
    }

    /// <returns>False at the end of the job's script.</returns>
    private async ValueTask<bool> LeaveAsync(Source source)
    {
        if (source.Conditions.OpenLine is { } line && !source.HasQuit)
        {
            _host.Refuse(new ScriptLocation(line, 1), source.Scanner.File, @"This \if has no \endif.");
        }

        if (source.Scanner.HoldsNothing)
        {
            SendNothing();
        }

        NoteBytes();
        if (_sources.Count == 1)
        {
            FlushSaid();
            return false;
        }

        _sources.Pop();
        await source.Scanner.DisposeAsync();
        Adapt();
        return true;
    }

    // Progress is that of the job's own script.
    private void NoteBytes()
    {
        if (_sources.Count == 1)
        {
            BytesRead = Top.BytesRead;
        }
    }

    private ScriptStatement Finish(ScriptStatement statement)
    {
        NoteBytes();
        var place = new ScriptLocation(statement.Line, statement.Column);
        if (Variables.MetResult)
        {
            _host.TakeAnswers("a variable of results", place, statement.File);
            Variables.MetResult = false;
        }

        if (statement.CopiesIn > 1)
        {
            _host.Refuse(
                place,
                statement.File,
                "Two COPYs that are sent together cannot both have their data in the script: end the first with a "
                + "semicolon that has no backslash.");
        }

        if (_bound is not null)
        {
            RefuseCopyWithValues(place, statement);
            statement = statement with { Values = _bound };
            _bound = null;
        }

        var source = _sources.Peek();
        source.Previous = statement;
        if (_options.KeepsPrevious)
        {
            source.PreviousText = Top.Text.ToArray();
        }

        return statement;
    }

    /// <returns>The statement that the command has run; null when it runs none.</returns>
    private async ValueTask<ScriptStatement?> DoAsync(Source source, CancellationToken cancellationToken)
    {
        var scanner = source.Scanner;
        if (scanner.IsInValue)
        {
            throw new ScriptException(
                $"{PsqlCommandReader.NameOf(scanner.CommandLine.Span)} stands in the value of a variable: psql's "
                + "commands are done only where the script has them.",
                scanner.CommandPlace);
        }

        if (!Variables.AreResultsKnown && scanner.CommandLine.Span.Contains((byte)':'))
        {
            await _host.SettleAsync();
            if (_host.HasStopped)
            {
                return null;
            }
        }

        var metResult = Variables.MetResult; // by the statement that has begun
        Bound(source);
        (Variables.MetDoubt, Variables.MetAnswer, Variables.MetResult) = (false, false, false);
        Variables.Substitution.IsSuspended = !IsActive
            && !(source.Conditions.AsksNext && PsqlCommandReader.NameOf(scanner.CommandLine.Span) == @"\elif");
        var command = PsqlCommandReader.Read(
            scanner.CommandLine.Span, Variables.Substitution, scanner.CommandPlace, scanner.File);
        if (Variables.MetResult)
        {
            _host.TakeAnswers(command.Name, command.Place, command.File);
        }

        Variables.MetResult = metResult;
        Variables.Substitution.IsSuspended = !IsActive;
        if (RefusalOf(command, scanner) is { } refusal)
        {
            _host.Refuse(command.Place, command.File, refusal);
            Forget(command, scanner);
            return null;
        }

        if (command.Kind is PsqlCommandKind.If or PsqlCommandKind.Elif or PsqlCommandKind.Else or PsqlCommandKind.Endif)
        {
            if (scanner.HasBegun)
            {
                scanner.ForgetStatement(command.Length); // it has begun in a branch that is not taken
            }
            else
            {
                scanner.DropCommand(command.Length);
            }

            Branch(command, source.Conditions);
            return null;
        }

        if (!IsActive)
        {
            Forget(command, scanner);
            return null;
        }

        switch (command.Kind)
        {
            case PsqlCommandKind.Go or PsqlCommandKind.Crosstab:
                return Go(command, source, RowUse.None);
            case PsqlCommandKind.GoToVariables:
                return Go(command, source, RowUse.Variables);
            case PsqlCommandKind.GoToStatements:
                return Go(command, source, RowUse.Statements);
            case PsqlCommandKind.Reset:
                scanner.ForgetStatement(command.Length);
                return null;
            case PsqlCommandKind.Quit:
                return Quit(command, source);
            default:
                scanner.DropCommand(command.Length);
                return await DoBesideAsync(command, source, cancellationToken);
        }
    }

    /// <summary>Each command costs as much as the line, and the statement, that it stands in.</summary>
    private static void Bound(Source source)
    {
        var scanner = source.Scanner;
        var line = scanner.CommandPlace.Line;
        source.CommandsOnLine = line == source.LastLine ? source.CommandsOnLine + 1 : 1;
        source.CommandsWithin = scanner.Passed == source.LastPassed ? source.CommandsWithin + 1 : 1;
        (source.LastLine, source.LastPassed) = (line, scanner.Passed);
        if (source.CommandsOnLine > MostTogether || source.CommandsWithin > MostTogether)
        {
            throw new ScriptException(
                $"More than {MostTogether} commands stand on one line or within one statement.", scanner.CommandPlace);
        }
    }

    /// <summary>
    /// Leaves a command out that is refused, or stands in a branch that is not taken, with the statement that it would
    /// have run.
    /// </summary>
    private static void Forget(PsqlCommand command, ScriptScanner scanner)
    {
        var ends = command.Kind
            is PsqlCommandKind.Go or PsqlCommandKind.GoToVariables or PsqlCommandKind.GoToStatements
                or PsqlCommandKind.Crosstab or PsqlCommandKind.Describe or PsqlCommandKind.Reset;
        if (scanner.HasBegun && ends)
        {
            scanner.ForgetStatement(command.Length);
        }
        else
        {
            scanner.DropCommand(command.Length);
        }
    }

    /// <summary>Does what leaves the statement alone that may have begun before it.</summary>
    private async ValueTask<ScriptStatement?> DoBesideAsync(
        PsqlCommand command, Source source, CancellationToken cancellationToken)
    {
        switch (command.Kind)
        {
            case PsqlCommandKind.Display:
                _host.Note(command, "skipped: it only changes or shows what psql displays");
                break;
            case PsqlCommandKind.Echo or PsqlCommandKind.Warn:
                await _host.SettleAsync();
                if (!_host.HasStopped && !_options.IsCheck)
                {
                    Say(command);
                }

                break;
            case PsqlCommandKind.Set:
                await SetAsync(command, source);
                break;
            case PsqlCommandKind.Unset:
                await UnsetAsync(command, source);
                break;
            case PsqlCommandKind.Bind:
                _bound = [.. command.Arguments.Select(argument => argument.Value)];
                break;
            case PsqlCommandKind.Include:
                await IncludeAsync(command, source, "");
                break;
            case PsqlCommandKind.IncludeRelative:
                await IncludeAsync(command, source, source.Path);
                break;
            case PsqlCommandKind.Copy:
                return await CopyAsync(command, cancellationToken);
            case PsqlCommandKind.Encoding when command.Text(0) is { } encoding:
                return Generate(
                    command, "SET", Encoding.UTF8.GetBytes($"set client_encoding to {Literal(encoding)}")) with
                {
                    GoesAlone = true,
                };
            case PsqlCommandKind.Encoding:
                _host.Note(command, "skipped: it only shows the encoding");
                break;
            case PsqlCommandKind.Connect:
                await ConnectAsync(command);
                break;
            case PsqlCommandKind.Restrict:
                _restrictedBy = command.Text(0);
                break;
            case PsqlCommandKind.Unrestrict:
                _restrictedBy = null;
                break;
        }

        return null;
    }

    private string? RefusalOf(PsqlCommand command, ScriptScanner scanner) => command switch
    {
        // psql passes over what it knows where a branch is not taken.
        {
            Kind: not (PsqlCommandKind.Unknown or PsqlCommandKind.If or PsqlCommandKind.Elif or PsqlCommandKind.Else
            or PsqlCommandKind.Endif)
        } when !IsActive => null,
        _ when PsqlCommands.Refuse(command) is { } refusal => refusal,
        { Kind: PsqlCommandKind.Echo or PsqlCommandKind.Warn or PsqlCommandKind.Display, Fault: not null } => null,
        { Fault: { } fault } => $"{command.Name} cannot be read: {fault}.",
        { Kind: PsqlCommandKind.Unrestrict } when _restrictedBy is null || _restrictedBy != command.Text(0) =>
            @"\unrestrict has another key than the \restrict before it, or there is none.",
        _ when _restrictedBy is not null && command.Kind != PsqlCommandKind.Unrestrict =>
            $@"{command.Name} is not allowed between \restrict and \unrestrict.",
        { Kind: PsqlCommandKind.Restrict, Arguments: [] } => @"\restrict needs a key.",
        _ when scanner.HasBegun && IsActive && MustStandAlone(command) =>
            $"{command.Name} stands within a statement: end the statement before it.",
        _ => null,
    };

    // They make statements of their own, or decide which of those before and behind them count.
    private static bool MustStandAlone(PsqlCommand command) => command.Kind
        is PsqlCommandKind.If or PsqlCommandKind.Elif or PsqlCommandKind.Else or PsqlCommandKind.Endif
            or PsqlCommandKind.Copy or PsqlCommandKind.Encoding or PsqlCommandKind.Connect;

    private void Branch(PsqlCommand command, PsqlConditions conditions)
    {
        if (command.Kind != PsqlCommandKind.If && conditions.OpenLine is not null)
        {
            Variables.MakeDoubtful(conditions.TakeAssigned());
        }

        var problem = command.Kind switch
        {
            PsqlCommandKind.Elif => conditions.Elif(conditions.AsksNext ? ConditionOf(command) : false),
            PsqlCommandKind.Else => conditions.Else(),
            PsqlCommandKind.Endif when conditions.OpenLine is null => @"\endif has no \if before it.",
            _ => null,
        };
        if (problem is not null)
        {
            _host.Refuse(command.Place, command.File, problem);
        }
        else if (command.Kind == PsqlCommandKind.If && conditions.IsFull)
        {
            throw new ScriptException("Too many \\if stand within each other.", command.Place);
        }
        else if (command.Kind == PsqlCommandKind.If)
        {
            conditions.If(IsActive ? ConditionOf(command) : false, command.Place.Line);
        }
        else if (command.Kind == PsqlCommandKind.Endif)
        {
            conditions.Endif();
        }

        Adapt();
    }

    /// <summary>Has what is read next count, or not.</summary>
    private void Adapt()
    {
        Top.IsSkipping = Variables.Substitution.IsSuspended = !IsActive;
    }

    private bool? ConditionOf(PsqlCommand command)
    {
        if (Variables.MetDoubt && _options.IsCheck)
        {
            HasMetUncertainty = true;
            if (Variables.MetAnswer)
            {
                _host.TakeAnswers(command.Name, command.Place, command.File);
            }

            return null;
        }

        var condition = PsqlSetting.ToBoolean(command.Join());
        if (condition is null)
        {
            // What a variable stands for may be secret.
            var what = command.Arguments.Any(argument => argument.IsQuoted) ? "its value" : $"\"{command.Join()}\"";
            _host.Say(
                $"WARNING:  {command.Name} takes {what} for false: it is no boolean (line {command.Place.Line})",
                isWarning: true);
        }

        return condition ?? false;
    }

    /// <summary>Whether a text is nothing but space and comments to the ends of their lines.</summary>
    private static bool HoldsNothing(ReadOnlySpan<byte> text)
    {
        while (text.IndexOfAnyExcept(SqlCharacters.Space) is >= 0 and var first)
        {
            text = text[first..];
            if (!text.StartsWith("--"u8))
            {
                return false;
            }

            var end = text.IndexOfAny((byte)'\n', (byte)'\r');
            text = end < 0 ? [] : text[end..];
        }

        return true;
    }

    private ScriptStatement? Go(PsqlCommand command, Source source, RowUse rows)
    {
        var scanner = source.Scanner;
        var prefix = command.Text(0) ?? "";
        if (rows != RowUse.None)
        {
            _host.TakeAnswers(command.Name, command.Place, command.File);
        }

        if (rows == RowUse.Variables && _options.IsCheck)
        {
            Variables.MakeDoubtfulFrom(prefix);
        }

        if (command.Arguments.Count > 0 && rows == RowUse.None)
        {
            _host.Note(command, "its options are skipped: they only change what psql displays");
        }

        if (scanner.HasBegun)
        {
            scanner.TakeStatement(command.Length);
            if (HoldsNothing(scanner.Text.Span))
            {
                // psql keeps no text of it, and would run the statement before once more.
                throw new ScriptException(
                    $"{command.Name} stands behind variables that hold no statement: write the statement before it.",
                    command.Place);
            }

            RefuseCopy(command, scanner.Statement!, rows);
            return Finish(scanner.Statement!) with { Rows = rows, Prefix = prefix };
        }

        // With nothing before it, not even a comment, the statement before is run again.
        scanner.DropCommand(command.Length);
        if (scanner.HoldsNothing || source.Previous is not { } previous)
        {
            SendNothing();
            return null;
        }

        RepeatsStatements = true;
        if (!_options.KeepsPrevious && !_options.IsCheck)
        {
            throw new ScriptException(
                $"{command.Name} has no statement before it, and the one it would run again is no longer known: write "
                + "that statement once more.",
                command.Place);
        }

        RefuseCopy(command, previous, rows);
        if (_bound is not null)
        {
            RefuseCopyWithValues(command.Place, previous);
        }

        _text = source.PreviousText;
        var again = previous with
        {
            Number = _counter.Next(),
            Line = command.Place.Line,
            Column = command.Place.Column,
            File = command.File,
            Rows = rows,
            Prefix = prefix,
            Values = _bound,
            IsGenerated = true,
            Splices = null,
        };
        _bound = null;
        return again;
    }

    private void RefuseCopy(PsqlCommand command, ScriptStatement statement, RowUse rows)
    {
        if (rows != RowUse.None && statement.CopiesIn > 0)
        {
            _host.Refuse(command.Place, command.File, $"{command.Name} needs rows, and a COPY with data has none.");
        }
    }

    // The server would read past the Sync that ends such a statement, and wait for another.
    private void RefuseCopyWithValues(ScriptLocation place, ScriptStatement statement)
    {
        if (statement.CopiesIn > 0)
        {
            _host.Refuse(place, Top.File, @"A COPY takes no values: remove the \bind before it.");
        }
    }

    /// <summary>
    /// Does what psql does with a text that holds no statement: it is sent, and is what a command without a statement
    /// before it runs again.
    /// </summary>
    private void SendNothing()
    {
        var source = _sources.Peek();
        source.Scanner.HoldsNothing = false;
        source.Previous = null;
        if (_bound is not null)
        {
            _host.Refuse(
                source.Scanner.CommandPlace, source.Scanner.File, @"The values of \bind have no statement before here.");
            _bound = null;
        }

        _host.OnNothingSent();
    }

    private ScriptStatement? Quit(PsqlCommand command, Source source)
    {
        if (!IsCertain)
        {
            MayQuit = true;
            source.Scanner.DropCommand(command.Length);
            return null;
        }

        source.HasQuit = true;
        ScriptStatement? last = null;
        if (source.Scanner.HasBegun)
        {
            source.Scanner.TakeStatement(command.Length);
            last = Finish(source.Scanner.Statement!);
        }

        source.Scanner.End();
        return last;
    }

    private void Say(PsqlCommand command)
    {
        var hasNoEnd = command.Arguments is [{ IsQuoted: false } first, ..] && first.Text == "-n";
        foreach (var (index, argument) in command.Arguments.Skip(hasNoEnd ? 1 : 0).Index())
        {
            var room = Math.Max(0, LongestLine - _said.Length);
            _said.Append(index > 0 ? " " : "");
            _said.Append(Encoding.UTF8.GetString(argument.Value.AsSpan(0, Math.Min(room, argument.Value.Length))));
        }

        if (!hasNoEnd || command.Kind == PsqlCommandKind.Warn)
        {
            _host.Say(_said.ToString(), command.Kind == PsqlCommandKind.Warn);
            _said.Clear();
        }
    }

    private void FlushSaid()
    {
        if (_said.Length > 0)
        {
            _host.Say(_said.ToString(), isWarning: false);
            _said.Clear();
        }
    }

    private async ValueTask SetAsync(PsqlCommand command, Source source)
    {
        if (command.Text(0) is not { } name)
        {
            _host.Note(command, "skipped: it only lists variables");
            return;
        }

        var value = command.Arguments.Count == 2
            ? command.Arguments[1].Value
            : [.. command.Arguments.Skip(1).SelectMany(argument => argument.Value)];
        await ChangeAsync(command, source, name, value);
    }

    private async ValueTask UnsetAsync(PsqlCommand command, Source source)
    {
        if (command.Text(0) is not { } name)
        {
            await FailAsync(command, source, "missing required argument");
            return;
        }

        await ChangeAsync(command, source, name, value: null);
    }

    // psql throws the rest of a line away behind a command that fails.
    private async ValueTask FailAsync(PsqlCommand command, Source source, string message)
    {
        await _host.FailAsync(command, message);
        source.Scanner.DropCommand(source.Scanner.LengthOfLine - command.Length);
    }

    private async ValueTask ChangeAsync(PsqlCommand command, Source source, string name, byte[]? value)
    {
        var isDoubtful = Variables.MetDoubt && _options.IsCheck;
        if (isDoubtful && command.Arguments[0].IsQuoted)
        {
            Variables.MakeDoubtfulFrom(""); // only the run knows which one it is
            return;
        }

        var isSetting = PsqlSetting.Find(name) is not null;
        if (isSetting)
        {
            await _host.SettleAsync(); // what was sent before runs as it was set before
            if (_host.HasStopped)
            {
                return;
            }
        }

        if (Variables.TrySet(name, value) is { } problem)
        {
            var isSecret = isSetting && command.Arguments.Skip(1).Any(argument => argument.IsQuoted);
            await FailAsync(command, source, isSecret ? $"unrecognized value for \"{name}\"" : problem);
            return;
        }

        _ = _sources.Any(open => open.Conditions.Assign(name)); // the innermost file comes first

        if (isDoubtful)
        {
            Variables.MakeDoubtful([name]);
        }

        if (isSetting)
        {
            FollowSetting(command, name);
        }
    }

    private void FollowSetting(PsqlCommand command, string name)
    {
        switch (name)
        {
            case PsqlSetting.SingleLine or PsqlSetting.SingleStep
                when PsqlSetting.ToBoolean(Encoding.UTF8.GetString(Variables.Find(name) ?? [])) == true:
                _host.Refuse(
                    command.Place,
                    command.File,
                    $"{name} is for people at a terminal: remove it, and end statements with ;.");
                break;
            case PsqlSetting.OnErrorStop:
                _host.OnErrorModeChanged();
                break;
            case PsqlSetting.Autocommit or PsqlSetting.OnErrorRollback:
                break;
            default:
                _host.Note(command, $"{name} changes nothing: it is for psql's display");
                break;
        }

        var isNoted = name switch
        {
            PsqlSetting.OnErrorStop => !Variables.StopsOnError,
            PsqlSetting.Autocommit => !Variables.Autocommits,
            PsqlSetting.OnErrorRollback => Variables.UndoesErrors,
            _ => false,
        };
        if (_options.IsOneTransaction && isNoted)
        {
            _host.Note(
                command, $"{name} changes nothing: the whole script is one transaction, which the first error ends");
        }
    }

    private async ValueTask IncludeAsync(PsqlCommand command, Source source, string including)
    {
        if (command.Text(0) is not { } name)
        {
            await FailAsync(command, source, "missing required argument");
            return;
        }

        if (PathOf(command, name, including) is not { } path)
        {
            return;
        }

        var problem = _sources.Count > MostDepth
            ? $"files include each other more than {MostDepth} deep"
            : FindUseProblem(path);
        if (problem is not null)
        {
            _host.Refuse(command.Place, command.File, $"{command.Name} {name}: {problem}.");
        }
        else if (await _host.OpenAsync(path, isScript: true, command) is { } script)
        {
            Push(script, path, path, leavesOpen: true);
            Adapt();
        }
    }

    private string? FindUseProblem(string path) =>
        _sources.Any(open => open.Path == path) ? "a file includes itself"
        : ++_includes > MostIncludes ? $"more than {MostIncludes} files are read"
        : null;

    private async ValueTask<ScriptStatement?> CopyAsync(PsqlCommand command, CancellationToken cancellationToken)
    {
        if (_bound is not null)
        {
            _host.Refuse(command.Place, command.File, @"A COPY takes no values: remove the \bind before it.");
            _bound = null;
        }

        // Byte for byte: the server reads them in the script's encoding.
        var line = command.Arguments.Count == 0 ? "" : Encoding.Latin1.GetString(command.Arguments[0].Value);
        if (PsqlCopy.Read(line, out var refusal) is not { } copy)
        {
            _host.Refuse(command.Place, command.File, refusal!);
            return null;
        }

        // The options are the server's to read, as long as they are no further statement.
        var text = Encoding.Latin1.GetBytes(copy.Sql);
        var read = await GeneratedStatement.ReadAsync(
            text, _standardConformingStrings, _options.NoticesWords, _options.Rules, cancellationToken);
        var wanted = copy.IsFrom ? ScriptStatementKind.CopyFromStdin : ScriptStatementKind.CopyToStdout;
        if (read.HasParts || read.Kind != wanted)
        {
            _host.Refuse(command.Place, command.File, @"\copy holds more than one COPY, or none that can be read.");
            return null;
        }

        string? path = null;
        if (copy.File is not null)
        {
            var name = Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(copy.File));
            path = PathOf(command, name, "");
            if (path is not null && FindUseProblem(path) is { } problem)
            {
                _host.Refuse(command.Place, command.File, $"{command.Name} {name}: {problem}.");
                return null;
            }

            if (path is null || await _host.OpenAsync(path, isScript: false, command) is null)
            {
                return null;
            }
        }

        return Generate(command, "COPY", text) with
        {
            Kind = wanted,
            CopiesOut = !copy.IsFrom,
            DataFile = path,
            CopiesIn = copy.IsFrom && path is null ? 1 : 0,
            RuleProblem = read.RuleProblem,
            WindowedDdl = read.WindowedDdl,
        };
    }

    /// <returns>The path below the directory of scripts; null when it was refused.</returns>
    private string? PathOf(PsqlCommand command, string name, string including)
    {
        if (Variables.MetDoubt && _options.IsCheck)
        {
            _host.Refuse(
                command.Place,
                command.File,
                $"The path of {command.Name} depends on what the server will answer: files are known before a script "
                + "runs. Write the path, or give it in context.variables.");
            return null;
        }

        var parts = new List<string>();
        var isInside = !name.StartsWith('/') && !name.Contains('\\', StringComparison.Ordinal);
        var directory = including.LastIndexOf('/') is >= 0 and var end ? including[..end] : "";
        foreach (var part in $"{directory}/{name}".Split('/').Where(part => part is not ("" or ".")))
        {
            if (part != "..")
            {
                parts.Add(part);
            }
            else if (parts.Count > 0)
            {
                parts.RemoveAt(parts.Count - 1);
            }
            else
            {
                isInside = false;
            }
        }

        if (!isInside)
        {
            _host.Refuse(
                command.Place,
                command.File,
                $"{command.Name} {name} leads out of the directory of scripts: put the file below sql_directory.");
            return null;
        }

        return string.Join('/', parts);
    }

    private async ValueTask ConnectAsync(PsqlCommand command)
    {
        if (PsqlTarget.Read(command, out var refusal) is not { } target)
        {
            _host.Refuse(command.Place, command.File, refusal!);
            return;
        }

        if (Variables.MetDoubt && _options.IsCheck)
        {
            return; // only the run knows where it leads to
        }

        if (_options.Place is { } place && target.Differs(place) is { } difference)
        {
            _host.Refuse(
                command.Place,
                command.File,
                $"{command.Name} leads to another {difference}, as far as is known: a script runs where its job "
                + "runs. Run what follows as a job of its own on the other cluster.");
            return;
        }

        await _host.SettleAsync();
        if (!_host.HasStopped)
        {
            await _host.ReconnectAsync(command);
        }
    }

    private ScriptStatement Generate(PsqlCommand command, string tag, byte[] text)
    {
        _text = text;
        return new ScriptStatement
        {
            Number = _counter.Next(),
            File = command.File,
            Line = command.Place.Line,
            Column = command.Place.Column,
            Tag = tag,
            Kind = ScriptStatementKind.Sql,
            MayChangeReading = tag == "SET",
            IsGenerated = true,
        };
    }

    private static string Literal(string value) => $"'{value.Replace("'", "''", StringComparison.Ordinal)}'";

    /// <summary>A file that is being read.</summary>
    private sealed record Source(ScriptScanner Scanner, PsqlConditions Conditions, string Path)
    {
        public bool HasQuit { get; set; }

        public long LastLine { get; set; }

        public long LastPassed { get; set; }

        public int CommandsOnLine { get; set; }

        public int CommandsWithin { get; set; }

        /// <summary>What a command without a statement before it runs again.</summary>
        public ScriptStatement? Previous { get; set; }

        public byte[] PreviousText { get; set; } = [];
    }
}
