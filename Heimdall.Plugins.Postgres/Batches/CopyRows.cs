namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>
/// Counts the rows in COPY data as they pass, because Npgsql keeps the server's count to itself: lines whose end is not escaped, or in
/// CSV not quoted, and without the header. (Rows that a WHERE clause or a trigger drops are counted too.)
/// </summary>
internal sealed class CopyRows(CopyOptions options)
{
    private readonly bool _isCsv = options.IsCsv;
    private readonly bool _hasHeader = options.HasHeader;
    private long _lines;
    private bool _isQuoted;
    private bool _isEscaped;
    private bool _isInLine;

    public long Count => Math.Max(0, _lines + (_isInLine ? 1 : 0) - (_hasHeader ? 1 : 0));

    public void Add(ReadOnlySpan<byte> data)
    {
        while (data.Length > 0)
        {
            var next = _isCsv ? data.IndexOfAny((byte)'\n', (byte)'"') : _isEscaped ? 0 : data.IndexOfAny((byte)'\n', (byte)'\\');
            if (next < 0)
            {
                _isInLine = true;
                return;
            }

            Take(data[next]);
            data = data[(next + 1)..];
        }
    }

    private void Take(byte c)
    {
        if (_isEscaped || c == '\\')
        {
            _isEscaped = !_isEscaped;
            _isInLine = true;
        }
        else if (c == '"')
        {
            _isQuoted = !_isQuoted;
            _isInLine = true;
        }
        else if (!_isQuoted)
        {
            _lines++;
            _isInLine = false;
        }
    }
}
