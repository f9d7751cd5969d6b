using Npgsql;

namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>
/// Takes what the server answers, in its order, one call at a time. What a call returns is awaited before the next one.
/// Spans are valid during the call.
/// </summary>
internal interface IAnswerHandler
{
    /// <summary>
    /// Bytes that a row may have which has not come whole: a longer one is dropped instead of waited for, and handed
    /// over empty. Null to have rows and copy data dropped, however long they are.
    /// </summary>
    long? LongestRow => null;

    /// <summary>Waits for more bytes of the server.</summary>
    /// <returns>How many came.</returns>
    ValueTask<int> FillAsync(ServerMessages messages) => messages.FillAsync();

    /// <summary>The types of a described statement's parameters.</summary>
    void OnParameterTypes(uint[] types)
    {
    }

    ValueTask OnColumnsAsync(DescribedColumn[] columns) => ValueTask.CompletedTask;

    ValueTask OnRowAsync(object? owner, ReadOnlySpan<byte> row) => ValueTask.CompletedTask;

    /// <summary>Rows come as copy data from now on.</summary>
    ValueTask OnCopyOutAsync(bool isBinary) => ValueTask.CompletedTask;

    ValueTask OnCopyDataAsync(ReadOnlySpan<byte> data) => ValueTask.CompletedTask;

    /// <summary>The server waits for copy data. To where nobody has any it would wait for ever.</summary>
    void OnCopyIn(bool isBinary) =>
        throw new InvalidDataException(
            "The server asks for COPY data, and the statement was not taken for one that it does so for.");

    /// <summary>
    /// A command is complete. What was sent as a simple Query is done only when the server is ready again.
    /// </summary>
    void OnComplete(in Expected answered, CommandOutcome outcome);

    /// <param name="error">Not one that ends the session.</param>
    /// <param name="answered">What failed; null where nothing was expected.</param>
    void OnFailed(PostgresException error, in Expected? answered);

    void OnNotice(PostgresNotice notice, object? owner);

    /// <param name="answered">The Query or Sync that is over.</param>
    /// <param name="hasFailed">Whether an error came since the last time the server was ready.</param>
    void OnReady(in Expected? answered, bool hasFailed)
    {
    }
}
