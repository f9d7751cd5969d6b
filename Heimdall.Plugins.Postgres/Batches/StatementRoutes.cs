using Heimdall.Plugins.Postgres.Scripts;
using Heimdall.Plugins.Postgres.Wire;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>What holds for statements in every mode.</summary>
internal static class StatementRoutes
{
    /// <summary>
    /// From this length on (bytes) a plain Query is the cheaper way: the extended protocol copies what it has parsed, and what it saves,
    /// an answer sent by itself for each statement, no longer matters.
    /// </summary>
    private const int LongStatement = 4096;

    /// <summary>COPY talks with the client, a text of several statements may hold one, and a very long text is not kept until it is answered.</summary>
    public static bool MustBeAlone(ScriptStatement statement, int length) =>
        statement.Kind is ScriptStatementKind.CopyFromStdin or ScriptStatementKind.CopyToStdout || !statement.CanBeParsed || !OutgoingChunk.Fits(length);

    /// <param name="statement">In an open transaction block.</param>
    /// <param name="length">Of its text in bytes.</param>
    /// <param name="wayOfLong">The mode's way for long ones.</param>
    public static StatementWay WayInBlock(ScriptStatement statement, int length, StatementWay wayOfLong) =>
        MustBeAlone(statement, length) ? StatementWay.Alone : length >= LongStatement ? wayOfLong : StatementWay.Ahead;
}
