namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>One statement of a script, and where it stands in the file. Its text is the scanner's, and gone with the next one.</summary>
internal sealed record ScriptStatement
{
    /// <summary>1 for the first statement of the script.</summary>
    public required int Number { get; init; }

    /// <summary>The file it stands in; null for the job's own script.</summary>
    public string? File { get; init; }

    /// <summary>Line of the first token, from 1.</summary>
    public required long Line { get; init; }

    /// <summary>Column of the first token, in characters (code points, as PostgreSQL counts positions) from 1.</summary>
    public required int Column { get; init; }

    /// <summary>The command's name as PostgreSQL's command tag has it, without counts: <c>INSERT</c>, <c>CREATE TABLE</c>.</summary>
    public required string Tag { get; init; }

    public required ScriptStatementKind Kind { get; init; }

    /// <summary>Of several commands that are sent together: the first one's.</summary>
    public ScriptStatementKind KindOfFirst { get; init; }

    /// <summary>True of what psql sends as it is, with no BEGIN and no savepoint before it: <c>\encoding</c>.</summary>
    public bool GoesAlone { get; init; }

    /// <summary>True of COPY ... TO: the rows that the server counts are read, not written.</summary>
    public bool CopiesOut { get; init; }

    /// <summary>
    /// True when one of its words, outside of literals, comments and quoted names, says that it may write. Known only
    /// where the scanner was asked to find out.
    /// </summary>
    public bool MayWrite { get; init; }

    /// <summary>
    /// The words without quotes, in lower case, that have a parenthesis behind them: all functions that it calls by
    /// such names. Known only where the scanner was asked to find out.
    /// </summary>
    public IReadOnlyCollection<string> Calls { get; init; } = [];

    /// <summary>
    /// What of it outlives its transaction, as far as words show; null for nothing. Known only where the scanner was
    /// asked to find out.
    /// </summary>
    public string? OutlivesTransaction { get; init; }

    /// <summary>
    /// False of what may leave something in its session that DISCARD ALL does not take away, as far as its command and the
    /// names in its text show.
    /// </summary>
    public bool LeavesNothing { get; init; }

    /// <summary>
    /// True where a name in its text is that of a function which leaves such in the session, or where the text is too
    /// long to be looked into.
    /// </summary>
    public bool NamesWhatStays { get; init; }

    /// <summary>True of a SET or RESET that may change the session's application_name.</summary>
    public bool MayRename { get; init; }

    /// <summary>What it does to the transaction block around it.</summary>
    public BlockStep Step { get; init; }

    /// <summary>Whether it is several commands that are sent together.</summary>
    public bool HasParts { get; init; }

    /// <summary>Whether it is several commands, of which one opens or ends a transaction.</summary>
    public bool HidesControl { get; init; }

    /// <summary>How many times the server asks for data that follow in the script, if all goes well.</summary>
    public int CopiesIn { get; init; }

    /// <summary>
    /// True when it does the same in a transaction block of its own as without one. Not so what must commit by itself or on its way,
    /// and what is an error, or only a warning, outside a block.
    /// </summary>
    public bool RunsInBlock { get; init; }

    /// <summary>
    /// False for what only a plain Query message takes as psql sends it: a text that may be several statements for the server (a
    /// semicolon in parentheses or in the body of a routine), that names a parameter (<c>$1</c>), or that looks at the session's cursors.
    /// </summary>
    public bool CanBeParsed { get; init; } = true;

    /// <summary>True when what follows may have to be read in another way after it: it may change how strings or characters are written.</summary>
    public bool MayChangeReading { get; init; }

    /// <summary>What stands in the text for variables of the script; null for most.</summary>
    public SpliceList? Splices { get; init; }

    /// <summary>Why the command's rules refuse it; null where they do not.</summary>
    public string? RuleProblem { get; init; }

    /// <summary>
    /// What of it may run only while a window of the command is open, which is asked again when it is about to be sent;
    /// null where nothing.
    /// </summary>
    public string? WindowedDdl { get; init; }

    /// <summary>What is done with its rows.</summary>
    public RowUse Rows { get; init; }

    /// <summary>Where rows become variables: what their names begin with.</summary>
    public string Prefix { get; init; } = "";

    /// <summary>Values of <c>$1</c> and so on that the script has bound to it; null for most.</summary>
    public IReadOnlyList<byte[]>? Values { get; init; }

    /// <summary>The file whose content is the data of the COPY; null where they follow in the script.</summary>
    public string? DataFile { get; init; }

    /// <summary>True when the text is not the script's own, so that a position in it means nothing there.</summary>
    public bool IsGenerated { get; init; }
}

/// <summary>What a script does with the rows of a statement.</summary>
internal enum RowUse
{
    /// <summary>They are counted.</summary>
    None,

    /// <summary>The one row becomes variables: <c>\gset</c>.</summary>
    Variables,

    /// <summary>Each value is a statement, to be run: <c>\gexec</c>.</summary>
    Statements,
}
