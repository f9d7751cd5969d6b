using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Errors;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Queries;

// What has become of a query that did not end well.
internal sealed partial class QueryRunner
{
    private const string OwnTransaction =
        "select split_part(virtualxid, '/', 2)::bigint from pg_locks where locktype = 'virtualxid' and pid = pg_backend_pid()";

    private const string BrokenCommit = "The connection to the cluster broke during the commit of the query, and whether it took effect cannot be told.";

    private const string UnreadCommit =
        "The query had been committed before it could be stopped, and its rows were not all read. Should it have called a function that writes, that has taken effect.";

    private static readonly TimeSpan QuestionPatience = TimeSpan.FromSeconds(2);

    private async Task<Exception> OnFailedAsync(
        QueryExchange exchange, (PostgresException Error, QueryStep Step) failure, long? transaction, CancellationToken cancellationToken)
    {
        var error = failure.Error;
        if (cancellationToken.IsCancellationRequested && PostgresErrors.IsStop(error))
        {
            return CommitsByItself && await HasCommittedOnItsWayAsync(transaction)
                ? Unknown(error)
                : new OperationCanceledException(error.Message, error, cancellationToken);
        }

        if (exchange.ParameterTypes is { } types && types.Length != _query.Parameters.Count && PostgresErrors.IsWrongParameterCount(error))
        {
            return types.Length > _query.Parameters.Count
                ? new JobFailedException(PostgresErrors.NoParameter(_query.Parameters.Count + 1, _query.Place), error)
                : new JobFailedException(JobFailureKind.Refused, $"parameters: {_query.Parameters.Count} are given, and the query uses {types.Length}.", error);
        }

        var place = failure.Step is QueryStep.Begin or QueryStep.SetUp ? ErrorPlace.None : _query.Place;
        var isUndone = !CommitsByItself && PostgresErrors.IsUndone(error);
        return new JobFailedException(PostgresErrors.ToFailure(error, place, State(isAlive: true)) with { IsUndone = isUndone }, error);
    }

    /// <summary>Ends the backend where that can be done; where not, what is known of the query is known all the same.</summary>
    private async Task TryStopAsync()
    {
        try
        {
            await _session.StopAsync();
        }
        catch (JobFailedException)
        {
            // client_connection_check_interval ends the backend of a dead connection within a second.
        }
    }

    /// <summary>What is to be said of a query whose rows nobody reads to their end; null where nothing of it took effect.</summary>
    /// <param name="exchange">Over, one way or the other.</param>
    /// <param name="broken">How the session broke, if it did.</param>
    /// <param name="transaction">Of what commits by itself, the number of the one before.</param>
    /// <param name="cause">Why nobody reads.</param>
    private async Task<JobFailedException?> OnUnreadAsync(QueryExchange exchange, Exception? broken, long? transaction, OperationCanceledException cause)
    {
        if (CommitsByItself)
        {
            return broken is not null || await HasCommittedOnItsWayAsync(transaction) ? Unknown(cause) : null;
        }

        if (_context.ReadOnly)
        {
            return null; // committed or not, it has written nothing
        }

        if (exchange.HasCommitted)
        {
            return new JobFailedException(State(isAlive: true).IsTimeUp ? JobFailureKind.TimedOut : JobFailureKind.Interrupted, UnreadCommit, cause);
        }

        return MayHaveCommitted(exchange, broken) ? new JobFailedException(JobFailureKind.OutcomeUnknown, BrokenCommit, cause) : null;
    }

    /// <summary>Whether COMMIT was on its way when the connection broke. The server's own word would be certain.</summary>
    private bool MayHaveCommitted(QueryExchange exchange, Exception? broken) =>
        !_context.ReadOnly && exchange.HasAskedToCommit && broken is not (null or PostgresException);

    /// <param name="exchange">Over.</param>
    /// <param name="cause">What the server said last, or how the connection broke.</param>
    /// <param name="cancellationToken">Whether somebody has stopped the query.</param>
    private async Task<Exception> OnBrokenAsync(QueryExchange exchange, Exception cause, CancellationToken cancellationToken)
    {
        if (CommitsByItself)
        {
            await TryStopAsync();
            return Unknown(cause);
        }

        await _session.StopAsync();

        var mayHaveCommitted = MayHaveCommitted(exchange, cause);
        if (cancellationToken.IsCancellationRequested && PostgresErrors.IsStop(cause) && !mayHaveCommitted)
        {
            return new OperationCanceledException(cause.Message, cause, cancellationToken);
        }

        var failure = PostgresErrors.ToFailure(cause, _query.Place, State(isAlive: false)) with { IsUndone = _context.ReadOnly };
        return new JobFailedException(
            mayHaveCommitted ? failure with { Message = $"{failure.Message} Should the query have called a function that writes, that may have taken effect." } : failure, cause);
    }

    private JobFailedException Unknown(Exception cause) => new(
        JobFailureKind.OutcomeUnknown,
        $"{_query.Tag} commits by itself; it was ended before it was done, and what of it took effect cannot be told.",
        cause);

    /// <summary>The number of the transaction that this question runs in: a session counts its transactions, each by one.</summary>
    private async Task<long> NextTransactionAsync(CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(OwnTransaction, _session.Connection);
        return await command.ExecuteScalarAsync(cancellationToken) as long? ?? 0;
    }

    /// <summary>If the statement had one transaction, the next is the one after it; the set-up has had one of its own.</summary>
    private async Task<bool> HasCommittedOnItsWayAsync(long? before)
    {
        if (before is null)
        {
            return false;
        }

        try
        {
            using var patience = new CancellationTokenSource(QuestionPatience);
            return await NextTransactionAsync(patience.Token) > before + 3;
        }
        catch (Exception e) when (e is NpgsqlException or OperationCanceledException)
        {
            return true;
        }
    }
}
