using System.Text;
using Heimdall.Core.Jobs;

namespace Heimdall.Core.Running;

/// <summary>
/// The lines of one stream of an attempt that are not known to be stored yet, in numbered pieces. Keeps the beginning, up to a limit, and says
/// where it was cut.
/// </summary>
internal sealed class BoundedLog
{
    public static readonly string CutLine = $"… more was left out: the log of an attempt holds {JobLogStore.MaxBytes / 1024} KiB";

    private readonly Lock _lock = new();
    private readonly StringBuilder _pending = new();
    private string _piece = "";
    private int _number;
    private long _bytes;
    private bool _isCut;

    /// <summary>Whether it has been cut: further lines are dropped.</summary>
    public bool IsFull => Volatile.Read(ref _isCut);

    public void Add(string line)
    {
        lock (_lock)
        {
            if (_isCut)
            {
                return;
            }
            _bytes += Encoding.UTF8.GetByteCount(line) + 1;
            _isCut = _bytes > JobLogStore.MaxBytes;
            // PostgreSQL's text cannot hold the character NUL.
            _pending.Append(_isCut ? CutLine : line.Replace('\0', '\uFFFD')).Append('\n');
        }
    }

    /// <summary>The piece to store next; null when all has been stored. It stays the same until <see cref="Stored"/>: a store that was not heard may have it.</summary>
    public (int Number, string Lines)? Next()
    {
        lock (_lock)
        {
            if (_piece.Length == 0 && _pending.Length > 0)
            {
                (_number, _piece) = (_number + 1, _pending.ToString());
                _pending.Clear();
            }
            return _piece.Length == 0 ? null : (_number, _piece);
        }
    }

    /// <summary>The piece is in the store.</summary>
    public void Stored()
    {
        lock (_lock)
        {
            _piece = "";
        }
    }
}
