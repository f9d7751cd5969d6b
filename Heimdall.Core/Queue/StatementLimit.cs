using System.Collections.Concurrent;
using System.Data;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using Npgsql;
using Npgsql.Internal;

namespace Heimdall.Core.Queue;

/// <summary>
/// Ends connections on which a statement of Hangfire's storage takes too long. The storage sends its statements without
/// a limit of time: Dapper.AOT, with which it is built, sets a limit of 0 where none was given, and that is none. On a
/// connection whose other end has vanished, a slot, a schedule or the heartbeat would wait for hours.
/// </summary>
internal sealed class StatementLimit : IDisposable
{
    private readonly ConcurrentDictionary<NpgsqlConnection, Use> _uses = new();
    private readonly TimeSpan _limit;
    private readonly Timer _timer;

    /// <param name="limit">
    /// How long a connection may be busy. It is looked at five times in this time, so the end may come a fifth later.
    /// </param>
    public StatementLimit(TimeSpan limit)
    {
        _limit = limit;
        _timer = new Timer(_ => EndStuck(), null, limit / 5, limit / 5);
    }

    /// <summary>Watches a connection whenever it is open.</summary>
    public NpgsqlConnection Watch(NpgsqlConnection connection)
    {
        connection.StateChange += OnStateChange;
        return connection;
    }

    public void Dispose() => _timer.Dispose();

    private void OnStateChange(object sender, StateChangeEventArgs change)
    {
        var connection = (NpgsqlConnection)sender;
        if (change.CurrentState == ConnectionState.Open)
        {
            _uses[connection] = new Use();
        }
        else
        {
            _uses.TryRemove(connection, out _);
        }
    }

    private void EndStuck()
    {
        foreach (var (connection, use) in _uses)
        {
            // Not Fetching: so is called what waits for notifications, which Npgsql's keep-alive looks after.
            var isBusy = connection.FullState.HasFlag(ConnectionState.Executing);
            use.BusySince = !isBusy ? null : use.BusySince ?? Stopwatch.GetTimestamp();
            if (use.BusySince is { } since && Stopwatch.GetElapsedTime(since) >= _limit
                && ConnectorOf(connection) is { } connector)
            {
                // Of an error of the network Npgsql takes it that the others in the pool have gone too, and closes them.
                var silence = new IOException($"The store has not answered for {_limit.TotalSeconds} s.");
                _ = Break(connector, new NpgsqlException(silence.Message, silence), marksHostAsOffline: false);
            }
        }
    }

#pragma warning disable NPG9001 // Npgsql may change it: its version is pinned exactly
    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "get_Connector")]
    private static extern NpgsqlConnector? ConnectorOf(NpgsqlConnection connection);

    [UnsafeAccessor(UnsafeAccessorKind.Method, Name = "Break")]
    private static extern Exception Break(NpgsqlConnector connector, Exception reason, bool marksHostAsOffline);
#pragma warning restore NPG9001

    private sealed class Use
    {
        public long? BusySince { get; set; }
    }
}
