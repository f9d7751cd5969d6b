using System.Text;
using Heimdall.Core.Jobs;

namespace Heimdall.Core.Running;

/// <summary>
/// The lines of one stream of an attempt that are not known to be stored yet, in numbered pieces. Keeps the beginning, up to a limit, and says
/// where it was cut.
/// </summary>
internal sealed class BoundedLog(JobLogStream stream)
{
    public static readonly string CutLine = $"… more was left out: the log of an attempt holds {JobLogStore.MaxBytes / 1024} KiB";

    private readonly Lock _lock = new();
    private readonly StringBuilder _pending = new();
    private NewLogPiece? _piece;
    private int _pieces;
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

    /// <summary>
    /// The piece to store next; null when all has been stored. It stays the same until <see cref="Stored"/>: it may be
    /// in the store although the answer was lost.
    /// </summary>
    public NewLogPiece? Next()
    {
        lock (_lock)
        {
            if (_piece is null && _pending.Length > 0)
            {
                _piece = new NewLogPiece(stream, ++_pieces, _pending.ToString());
                _pending.Clear();
            }
            return _piece;
        }
    }

    /// <summary>The piece is in the store.</summary>
    public void Stored(NewLogPiece piece)
    {
        lock (_lock)
        {
            _piece = _piece == piece ? null : _piece;
        }
    }

    /// <returns>All pieces that are not known to be stored: one that may be, and what came after it.</returns>
    public IEnumerable<NewLogPiece> TakeRest()
    {
        while (Next() is { } piece)
        {
            Stored(piece);
            yield return piece;
        }
    }
}
