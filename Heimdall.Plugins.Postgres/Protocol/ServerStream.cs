using System.Data;
using System.Net.Sockets;
using System.Reflection;
using System.Runtime.CompilerServices;
using Npgsql;
using Npgsql.Internal;

namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>
/// Takes the byte stream of a connection that Npgsql has opened: found, encrypted and logged in. From then on Npgsql
/// only keeps the connection in its pool and closes it; <see cref="ProtocolSession"/> speaks. Npgsql has no public way
/// to its stream, so this file alone reaches for private members. They are looked for when the process starts, and the
/// package's version is pinned exactly.
/// </summary>
internal static class ServerStream
{
    private const string ReadBuffer = "Npgsql.Internal.NpgsqlReadBuffer, Npgsql";
    private const BindingFlags Any = BindingFlags.Instance | BindingFlags.Public | BindingFlags.NonPublic;

    /// <summary>What one connection may say unasked before it is taken, in answers of its own.</summary>
    private const int MostQuestions = 10;

    /// <summary>
    /// Looks for all that is used of Npgsql's insides, so that a wrong version is refused before the first job.
    /// </summary>
    /// <exception cref="InvalidOperationException">Something is not there.</exception>
    public static void Check()
    {
        var buffer = Type.GetType(ReadBuffer);
        (string Name, bool IsThere)[] members =
        [
            ("NpgsqlConnection.Connector",
                typeof(NpgsqlConnection).GetProperty("Connector", Any)?.PropertyType == typeof(NpgsqlConnector)),
            ("NpgsqlConnector._stream", typeof(NpgsqlConnector).GetField("_stream", Any)?.FieldType == typeof(Stream)),
            ("NpgsqlConnector._socket", typeof(NpgsqlConnector).GetField("_socket", Any)?.FieldType == typeof(Socket)),
            ("NpgsqlConnector.Break",
                typeof(NpgsqlConnector).GetMethod("Break", Any, [typeof(Exception), typeof(bool)])?.ReturnType
                    == typeof(Exception)),
            ("NpgsqlConnector.ReadBuffer",
                buffer is not null && typeof(NpgsqlConnector).GetProperty("ReadBuffer", Any)?.PropertyType == buffer),
            ("NpgsqlReadBuffer.ReadBytesLeft", buffer?.GetProperty("ReadBytesLeft", Any)?.PropertyType == typeof(int)),
        ];
        if (members.Where(member => !member.IsThere).Select(member => member.Name).ToArray() is { Length: > 0 } missing)
        {
            throw new InvalidOperationException(
                "This build cannot work with the Npgsql that is loaded, "
                + $"{typeof(NpgsqlConnection).Assembly.GetName().Version}: it has no "
                + $"{string.Join(", ", missing)}. Use the version that Directory.Packages.props names.");
        }
    }

    /// <summary>
    /// Takes the stream of a connection that has just been opened, and on which nothing is under way.
    /// </summary>
    /// <param name="connection">Open, idle, and without Npgsql's keep-alive, which would speak in between.</param>
    /// <param name="setOptions">Sets the options of its socket.</param>
    /// <param name="cancellationToken">Ends the wait for the server.</param>
    public static async Task<ProtocolSession> TakeAsync(
        NpgsqlConnection connection, Action<Socket> setOptions, CancellationToken cancellationToken)
    {
        var connector = ConnectorOf(connection);

        // What has come unasked lies in Npgsql's buffer; its next answer clears it.
        for (var i = 0; UnreadBytes(ReadBufferOf(connector)) > 0 && i < MostQuestions; i++)
        {
            await using var nothing = new NpgsqlCommand("select 1", connection);
            await nothing.ExecuteNonQueryAsync(cancellationToken);
        }

        setOptions(SocketOf(connector));
        return new ProtocolSession(StreamOf(connector), SocketOf(connector), connection.PostgresParameters);
    }

    /// <summary>
    /// Closes a connection that must not go back into the pool. The others stay there: only at an error of the network,
    /// which this is not to Npgsql, would it take the whole server for unreachable.
    /// </summary>
    public static void Abandon(NpgsqlConnection connection)
    {
        if (connection.State == ConnectionState.Open)
        {
            var reason = new InvalidOperationException("The session is over.");
            _ = Break(ConnectorOf(connection), reason, marksHostAsOffline: false);
        }
    }

    /// <summary>Stands for a connection to the server as long as it lasts, through all its stays in the pool.</summary>
    public static object IdentityOf(NpgsqlConnection connection) => ConnectorOf(connection);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Connector")]
    private static extern NpgsqlConnector ConnectorOf(NpgsqlConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "Break")]
    private static extern Exception Break(NpgsqlConnector connector, Exception reason, bool marksHostAsOffline);

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
