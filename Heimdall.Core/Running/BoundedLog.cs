using System.Text;
using Heimdall.Core.Jobs;

namespace Heimdall.Core.Running;

/// <summary>The lines of one stream that are not stored yet. Keeps the beginning of a job's log, up to a limit, and says where it was cut.</summary>
internal sealed class BoundedLog
{
    public static readonly string CutLine = $"… more was left out: a log holds {JobLogStore.MaxBytes / 1024} KiB";

    private readonly Lock _lock = new();
    private readonly StringBuilder _pending = new();
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

    /// <summary>What has been added since the last call; "" if nothing.</summary>
    public string Take()
    {
        lock (_lock)
        {
            var lines = _pending.ToString();
            _pending.Clear();
            return lines;
        }
    }

    /// <summary>Puts lines back that could not be stored.</summary>
    public void PutBack(string lines)
    {
        lock (_lock)
        {
            _pending.Insert(0, lines);
        }
    }
}
