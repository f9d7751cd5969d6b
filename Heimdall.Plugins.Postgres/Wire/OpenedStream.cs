using System.Net.Sockets;
using System.Runtime.CompilerServices;
using Npgsql;
using Npgsql.Internal;

namespace Heimdall.Plugins.Postgres.Wire;

/// <summary>
/// The byte stream of a connection that Npgsql has opened: found, encrypted and logged in. Jobs speak the protocol on it themselves,
/// because Npgsql has no simple Query message, closes the session on errors that the server survives, waits for ever for some pipelines,
/// keeps the server's row counts of COPY to itself, and hands out rows value by value (measured in the benchmarks). Npgsql has no public
/// way to its stream, so this one file reaches for it; a test fails when a new version moves it.
/// </summary>
internal static class OpenedStream
{
    private const string ReadBuffer = "Npgsql.Internal.NpgsqlReadBuffer, Npgsql";

    /// <summary>
    /// Takes the stream while nothing is under way. Until the last answer to what was sent on it has been read, the connection must
    /// not be used; afterwards Npgsql goes on as if nothing had been.
    /// </summary>
    /// <param name="connection">Open, idle, and without Npgsql's keep-alive, which would speak in between.</param>
    /// <param name="cancellationToken">Ends the wait for the server.</param>
    public static async Task<Stream> TakeAsync(NpgsqlConnection connection, CancellationToken cancellationToken)
    {
        var connector = ConnectorOf(connection);

        // What has come unasked, or the end of a session that died in the pool, is Npgsql's to read. And a message may lie half-read in
        // Npgsql's buffer; its next answer clears it.
        while (UnreadBytes(ReadBufferOf(connector)) > 0 || HasNews(SocketOf(connector)))
        {
            await using var nothing = new NpgsqlCommand("select 1", connection);
            await nothing.ExecuteNonQueryAsync(cancellationToken);
        }

        return StreamOf(connector);
    }

    /// <summary>Closes the stream behind Npgsql's back, which notices when it next uses the connection.</summary>
    /// <param name="connection">Open.</param>
    public static ValueTask CloseAsync(NpgsqlConnection connection) => StreamOf(ConnectorOf(connection)).DisposeAsync();

    /// <summary>What stands for a session as long as it lasts, whoever uses it.</summary>
    public static object IdentityOf(NpgsqlConnection connection) => ConnectorOf(connection);

    private static bool HasNews(Socket socket) => socket.Poll(0, SelectMode.SelectRead);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Connector")]
    private static extern NpgsqlConnector ConnectorOf(NpgsqlConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_stream")]
    private static extern ref Stream StreamOf(NpgsqlConnector connector);

    [UnsafeAccessor(UnsafeAccessorKind.Field, Name = "_socket")]
    private static extern ref Socket SocketOf(NpgsqlConnector connector);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_ReadBuffer")]
    [return: UnsafeAccessorType(ReadBuffer)]
    private static extern object ReadBufferOf(NpgsqlConnector connector);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_ReadBytesLeft")]
    private static extern int UnreadBytes([UnsafeAccessorType(ReadBuffer)] object buffer);
}
