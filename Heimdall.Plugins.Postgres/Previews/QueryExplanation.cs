using System.Text;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Sessions;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Queries;

namespace Heimdall.Plugins.Postgres.Previews;

/// <summary>
/// Asks the server how it would run a query. The question is a query like others, but for what stands before the
/// caller's first word.
/// </summary>
internal sealed class QueryExplanation
{
    private const string Prefix = "EXPLAIN (FORMAT JSON) ";

    /// <summary>
    /// First words of the commands that are not planned, and EXPLAIN. Any other word is asked about: it may be a slip
    /// of the pen.
    /// </summary>
    private static readonly HashSet<string> _unplanned = new(StringComparer.Ordinal)
    {
        "ALTER", "ANALYZE", "CALL", "CHECKPOINT", "CLOSE", "CLUSTER", "COMMENT", "COPY", "CREATE", "DEALLOCATE",
        "DECLARE", "DISCARD", "DO", "DROP",
        "EXECUTE", "EXPLAIN", "FETCH", "GRANT", "IMPORT", "LISTEN", "LOAD", "LOCK", "MOVE", "NOTIFY", "PREPARE",
        "REASSIGN", "REFRESH", "REINDEX",
        "RELEASE", "REPACK", "RESET", "REVOKE", "ROLLBACK", "SAVEPOINT", "SECURITY", "SET", "SHOW", "TRUNCATE",
        "UNLISTEN", "VACUUM", "WAIT",
    };

    private readonly QueryText _query;
    private readonly QueryText _question;
    private readonly int _charactersBefore;

    /// <param name="query">One that <see cref="IsPossible"/>.</param>
    /// <param name="statement">Its statement, as it was found in what the caller wrote: nothing but comments and empty
    /// statements may be before it.</param>
    public QueryExplanation(QueryText query, PreviewedStatement statement)
    {
        var offset = OffsetOf(statement, query);
        _query = query;
        _charactersBefore = query.Sql[..offset].EnumerateRunes().Count();
        _question = query with
        {
            Place = new ErrorPlace { Text = query.Sql.Insert(offset, Prefix), Line = 1, IsWholeText = true },
            Tag = "EXPLAIN",
            IsTransactional = true,
            TakesEffect = false,
        };
    }

    /// <summary>False of a command that is not planned, and of an EXPLAIN.</summary>
    public static bool IsPossible(QueryText query) => !_unplanned.Contains(query.Tag.Split(' ')[0]);

    /// <returns>The plan, as JSON.</returns>
    /// <exception cref="JobFailedException">The server refuses the query; the place is that in the caller's own
    /// text.</exception>
    public async Task<string?> RunAsync(
        ClusterSession session, SessionSettings settings, JobSettings context, CancellationToken cancellationToken)
    {
        var plan = new OneValue();
        try
        {
            await new QueryRun(
                session, settings, context, _question, plan, new SilentMonitor()).RunAsync(cancellationToken);
        }
        catch (JobFailedException e)
        {
            throw new JobFailedException(e.Failure with { Errors = [.. e.Failure.Errors.Select(ToCallersPlace)] }, e);
        }

        return plan.Text;
    }

    /// <summary>Where the first word of the statement stands in the text that is sent.</summary>
    private static int OffsetOf(PreviewedStatement statement, QueryText query)
    {
        if (!query.Place.IsWholeText)
        {
            return 0;
        }

        var at = 0;
        for (var line = 1; line < statement.Line; line++)
        {
            at = query.Sql.IndexOf('\n', at) + 1;
        }

        for (var column = 1; column < statement.Column; column++)
        {
            at += Rune.GetRuneAt(query.Sql, at).Utf16SequenceLength;
        }

        return at;
    }

    private StatementError ToCallersPlace(StatementError error)
    {
        if (error.Position is not { } position)
        {
            return error.Line is null ? error : error with { Line = _query.Place.Line };
        }

        position = Math.Max(position - Prefix.Length, _charactersBefore + 1);
        var (line, column) = _query.Place.Locate(position);
        return error with { Line = line, Column = column, Position = _query.Place.IsWholeText ? position : null };
    }

    /// <summary>Keeps the only value of the only row.</summary>
    private sealed class OneValue : IResultWriter
    {
        public string? Text { get; private set; }

        public ValueTask StartAsync(IReadOnlyList<ResultColumn> columns, CancellationToken cancellationToken) =>
            ValueTask.CompletedTask;

        public void StartRow()
        {
        }

        public void WriteNull()
        {
        }

        public void WriteValue(ReadOnlySpan<byte> utf8) => Text = Encoding.UTF8.GetString(utf8);

        public void EndRow()
        {
        }

        public ValueTask FlushAsync(CancellationToken cancellationToken) => ValueTask.CompletedTask;
    }

    /// <summary>Nothing runs, so there is nothing to tell.</summary>
    private sealed class SilentMonitor : IJobMonitor
    {
        public bool WantsStdout => false;

        public void Report(JobProgress progress)
        {
        }

        public void Stdout(string line)
        {
        }

        public void Stderr(string line)
        {
        }

        public Task RecordEvidenceAsync(string evidence, CancellationToken cancellationToken) => Task.CompletedTask;

        public Task ConfirmAsync(CancellationToken cancellationToken) => Task.CompletedTask;
    }
}
