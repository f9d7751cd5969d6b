using System.Text;
using System.Text.RegularExpressions;
using System.Text.Unicode;
using Heimdall.Core.Plugins;
using Heimdall.Core.Scripts;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Rules;
using Heimdall.Plugins.Postgres.Scripts;
using Heimdall.Plugins.Postgres.Sessions;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>The one statement of a job that returns rows.</summary>
internal sealed partial record QueryText
{
    private const int LargestFile = 16 * 1024 * 1024;

    public required ErrorPlace Place { get; init; }

    /// <summary>Its command tag: <c>SELECT</c>, <c>INSERT</c>.</summary>
    public required string Tag { get; init; }

    /// <summary>
    /// False when the statement may have to commit by itself: then it cannot run in a transaction of ours.
    /// </summary>
    public required bool IsTransactional { get; init; }

    /// <summary>False of a question that is asked only for its answer: whatever it did is rolled back.</summary>
    public bool TakesEffect { get; init; } = true;

    /// <summary>True of COPY ... TO, whose rows are counted as if they had been changed.</summary>
    public bool CopiesOut { get; init; }

    /// <summary>
    /// Whether it was read as a session does whose standard_conforming_strings is on; null where that makes no
    /// difference, because there is no backslash in it.
    /// </summary>
    public bool? HasStandardStrings { get; init; }

    /// <summary>What of it outlives its transaction, as far as words show; null for nothing.</summary>
    public string? OutlivesTransaction { get; init; }

    /// <summary>
    /// True where a name in its text is that of a function which leaves in the session what a reset does not take away.
    /// </summary>
    public bool NamesWhatStays { get; init; }

    /// <summary>
    /// True of a SELECT of nothing but literals, such as <c>select 1</c>: it calls nothing, not even the functions of a
    /// view.
    /// </summary>
    public bool IsConstant { get; init; }

    /// <inheritdoc cref="ScriptStatement.WindowedDdl"/>
    public string? WindowedDdl { get; init; }

    public string Sql => Place.Text;

    /// <summary>The values of <c>$1</c>, <c>$2</c>, … in their order.</summary>
    public required IReadOnlyList<QueryParameter> Parameters { get; init; }

    /// <summary>
    /// True if the statement contains no data-modifying keyword. Functions it calls may still write. Cancelling a
    /// statement undoes what it wrote, so a limit stops only a query that looks read-only and has not written; the rest
    /// of the rows of any other is read and dropped.
    /// </summary>
    public required bool LooksReadOnly { get; init; }

    /// <summary>
    /// All functions that it calls in so many words, among other words that have a parenthesis behind them. What a view
    /// or an operator calls is not among them.
    /// </summary>
    public IReadOnlyCollection<string> Calls { get; init; } = [];

    /// <summary>
    /// What of its text may stand for something that it uses: more than it does use, since also what a string or a
    /// comment holds is among it.
    /// </summary>
    public UsedNames FindNames() => new(
        Calls,
        [
            .. Name().Matches(Sql).Select(match => Folded(match.Value)).Distinct(),
            .. QuotedName().Matches(Sql).Select(match => Unquoted(match.Groups[1].Value)).Distinct(),
        ],
        [.. Operator().Matches(Sql).Select(match => match.Value).Distinct()]);

    /// <summary>As the server does it: in its multi-byte encodings only the letters of ASCII.</summary>
    private static string Folded(string name) => string.Concat(
        name.Select(letter => char.IsAsciiLetterUpper(letter) ? char.ToLowerInvariant(letter) : letter));

    private static string Unquoted(string name) => name.Replace("\"\"", "\"", StringComparison.Ordinal);

    /// <summary>
    /// Reads the query, from its file if it is a path, and makes sure that it is one that can be run: in a session as
    /// they usually are, or else in one where a backslash escapes.
    /// </summary>
    /// <exception cref="JobRefusedException">It is not.</exception>
    public static QueryText Read(JobSettings settings, ScriptFolder directory)
    {
        if (TryRead(settings, directory, hasStandardStrings: true, out var refusal) is { } query)
        {
            var other = query.HasStandardStrings is null
                ? null
                : TryRead(settings, directory, hasStandardStrings: false, out _);
            return other is { LooksReadOnly: false } ? query with { LooksReadOnly = false } : query;
        }

        return TryRead(settings, directory, hasStandardStrings: false, out _) is { HasStandardStrings: not null } read
            ? read
            : throw refusal!;
    }

    /// <summary>Reads the query as a session does.</summary>
    /// <exception cref="JobRefusedException">It is none that can be run.</exception>
    public static QueryText Read(JobSettings settings, ScriptFolder directory, bool hasStandardStrings)
    {
        var (query, isPath) = (settings.Query, ScriptFolder.IsPath(settings.Query));
        var names = new ParameterNames(settings.Parameters);
        using var script = isPath ? Load(query, directory, settings.Pin) : new MemoryStream(Encoding.UTF8.GetBytes(query));
        var (statement, text) = ReadOnlyStatement(
            script, names.Variables, settings.Rules, hasStandardStrings);
        names.RequireUse();

        // What the caller wrote is sent as it is, so that positions count in it. Of a file only the statement is sent.
        var place = isPath || names.Variables is not null
            ? new ErrorPlace
            {
                Text = text,
                Line = statement.Line,
                Column = statement.Column,
                Splices = statement.Splices,
            }
            : new ErrorPlace { Text = query, Line = 1, IsWholeText = true };
        var isTransactional = IsTransactionalOf(statement, text);
        return new QueryText
        {
            Place = place,
            Tag = statement.Tag,
            CopiesOut = statement.CopiesOut,
            OutlivesTransaction = statement.OutlivesTransaction,
            HasStandardStrings = text.Contains('\\', StringComparison.Ordinal) ? hasStandardStrings : null,
            IsTransactional = isTransactional,
            Parameters = names.Used,
            NamesWhatStays = statement.NamesWhatStays,
            WindowedDdl = statement.WindowedDdl,
            IsConstant = Constant().IsMatch(text),
            Calls =
            [
                .. statement.Calls,
                .. QuotedCall().Matches(text).Select(match => Unquoted(match.Groups[1].Value)),
            ],
            LooksReadOnly = isTransactional && !statement.MayWrite
                && (statement.Kind == ScriptStatementKind.CopyToStdout
                    || statement.Tag is "SELECT" or "WITH" or "SHOW" or "EXPLAIN" or "FETCH"),
        };
    }

    // Of CLUSTER, REINDEX and subscriptions it depends on what they name; a block can only commit in so many words.
    private static bool IsTransactionalOf(ScriptStatement statement, string text) =>
        statement.Kind != ScriptStatementKind.OutsideTransaction && statement.Tag switch
        {
            "CALL" or "CLUSTER" or "REINDEX" or "CREATE SUBSCRIPTION" or "ALTER SUBSCRIPTION"
                or "DROP SUBSCRIPTION" => false,
            "DO" => !Committing().IsMatch(IsPlainBlock(text) ? NoCode().Replace(text, " ") : text),
            _ => true,
        };

    private static MemoryStream Load(string query, ScriptFolder directory, ScriptPin? pin)
    {
        using var file = directory.Open(query);
        if (file.Length > LargestFile)
        {
            throw new JobRefusedException(
                "query",
                $"The script {query.Trim()} is too large for one query: {file.Length} bytes, at most {LargestFile}.");
        }

        if (pin is not null)
        {
            return pin.Read(file);
        }

        var content = new MemoryStream((int)file.Length);
        file.CopyTo(content);
        content.Position = 0;
        return content;
    }

    private static QueryText? TryRead(
        JobSettings settings, ScriptFolder directory, bool hasStandardStrings, out JobRefusedException? refusal)
    {
        refusal = null;
        try
        {
            return Read(settings, directory, hasStandardStrings);
        }
        catch (JobRefusedException e)
        {
            refusal = e;
            return null;
        }
    }

    private static (ScriptStatement Statement, string Text) ReadOnlyStatement(
        Stream script, ScriptVariables? names, StatementRules? rules, bool hasStandardStrings)
    {
        var scanner = new ScriptScanner(script, names, noticesWords: true, rules: rules)
        {
            StandardConformingStrings = hasStandardStrings,
        };
        try
        {
            var first = Next(scanner) ?? throw new JobRefusedException(
                "query", "There is no statement in it; with return_result: true exactly one query is needed.");
            Check(first);
            var text = TextOf(scanner);

            var count = 1;
            long secondLine = 0;
            while (Next(scanner) is { } further)
            {
                secondLine = ++count == 2 ? further.Line : secondLine;
                if (further.Kind == ScriptStatementKind.CopyFromStdin)
                {
                    break;
                }
            }

            return count == 1 ? (first, text) : throw new JobRefusedException(
                "query",
                $"With return_result: true exactly one query is allowed, {count} found (the second at line "
                + $"{secondLine}); run several as a batch with return_result: false.");
        }
        catch (ScriptException e)
        {
            throw new JobRefusedException("query", $"{e.Message} (line {e.Line}, column {e.Column})");
        }
    }

    private static string TextOf(ScriptScanner scanner) => Utf8.IsValid(scanner.Text.Span)
        ? Encoding.UTF8.GetString(scanner.Text.Span)
        : throw new JobRefusedException("query", "The statement is not valid UTF-8: convert the file.");

    private static void Check(ScriptStatement first)
    {
        var problem = first.Kind switch
        {
            ScriptStatementKind.CopyFromStdin =>
                "COPY FROM STDIN cannot be a query; run it as a batch with return_result: false.",
            ScriptStatementKind.TransactionControl =>
                $"{first.Tag} cannot be a query: a single statement is its own transaction.",
            _ => first.RuleProblem is { } broken ? $"Line {first.Line}: {broken}" : null,
        };
        if (problem is not null)
        {
            throw new JobRefusedException("query", problem);
        }
    }

    // The stream is in memory, so the scanner never waits.
    private static ScriptStatement? Next(ScriptScanner scanner) =>
        scanner.ReadAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult();

    // One in PL/pgSQL without escapes and quoted once, in dollars: then quotes and comments in it are what they look like.
    private static bool IsPlainBlock(string text) =>
        !text.Contains('\\', StringComparison.Ordinal) && DollarQuote().Count(text) == 2 && !Language().IsMatch(text);

    [GeneratedRegex(
        """
        ^\s*select\s+(?:[0-9]+|'[^'\\]*'|null|true|false)(?:\s+as\s+[a-z_]+)?
        (?:\s*,\s*(?:[0-9]+|'[^'\\]*'|null|true|false)(?:\s+as\s+[a-z_]+)?)*(?:\s*;)?\s*$
        """,
        RegexOptions.IgnoreCase | RegexOptions.IgnorePatternWhitespace | RegexOptions.CultureInvariant)]
    private static partial Regex Constant();

    // Not behind another quote: of a long row of them each would else be a beginning.
    [GeneratedRegex(@"(?<!"")""((?:[^""]|"""")+)""\s*\(")]
    private static partial Regex QuotedCall();

    [GeneratedRegex(@"(?<!"")""((?:[^""]|"""")+)""")]
    private static partial Regex QuotedName();

    [GeneratedRegex(@"[a-z_\u0080-\uffff][a-z0-9_$\u0080-\uffff]*", RegexOptions.IgnoreCase)]
    private static partial Regex Name();

    [GeneratedRegex(@"[-+*/<>=~!@#%^&|`?]+")]
    private static partial Regex Operator();

    [GeneratedRegex(@"\$(?:[a-z_\u0080-\uffff][a-z0-9_\u0080-\uffff]*)?\$", RegexOptions.IgnoreCase)]
    private static partial Regex DollarQuote();

    [GeneratedRegex(@"\blanguage\b(?!\s+plpgsql\b)", RegexOptions.IgnoreCase)]
    private static partial Regex Language();

    [GeneratedRegex(@"--[^\r\n]*|/\*.*?\*/|""[^""]*""|'[^']*'", RegexOptions.Singleline)]
    private static partial Regex NoCode();

    // PL/Perl's words are spi_commit and spi_rollback.
    [GeneratedRegex(
        @"(?<![\w$])(?:spi_commit|spi_rollback|commit|rollback|call)(?![\w$])", RegexOptions.IgnoreCase)]
    private static partial Regex Committing();
}
