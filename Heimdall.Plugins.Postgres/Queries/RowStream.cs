using System.Buffers;
using Heimdall.Core.Plugins;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>Moves rows from the socket to the writer, one value at a time through one buffer.</summary>
internal sealed class RowStream(NpgsqlDataReader reader, IResultWriter results) : IDisposable
{
    private const int ShortestRfc3339 = 22; // 2024-01-02 03:04:05+00

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(16 * 1024);

    public long Rows { get; private set; }

    /// <summary>Copies rows up to the limit.</summary>
    /// <returns>True when the limit left rows behind.</returns>
    public async Task<bool> CopyAsync(long limit, CancellationToken cancellationToken)
    {
        var isTime = new bool[reader.FieldCount];
        for (var i = 0; i < isTime.Length; i++)
        {
            isTime[i] = reader.GetDataTypeOID(i) == ColumnTypes.TimestampTz;
        }

        while (await reader.ReadAsync(cancellationToken))
        {
            if (Rows == limit)
            {
                return true;
            }

            results.StartRow();
            for (var i = 0; i < isTime.Length; i++)
            {
                await CopyValueAsync(i, isTime[i], cancellationToken);
            }

            results.EndRow();
            Rows++;
            await results.FlushAsync(cancellationToken);
        }

        return false;
    }

    public void Dispose() => ArrayPool<byte>.Shared.Return(_buffer);

    private async ValueTask CopyValueAsync(int ordinal, bool isTime, CancellationToken cancellationToken)
    {
        if (reader.IsDBNull(ordinal))
        {
            results.WriteNull();
            return;
        }

        var stream = reader.GetStream(ordinal);
        await using (stream.ConfigureAwait(false))
        {
            var length = 0;
            int read;
            while ((read = await stream.ReadAsync(_buffer.AsMemory(length), cancellationToken)) > 0)
            {
                length += read;
                GrowIfFull(length);
            }

            results.WriteValue(_buffer.AsSpan(0, isTime ? ToRfc3339(length) : length));
        }
    }

    private void GrowIfFull(int length)
    {
        if (length < _buffer.Length)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
        _buffer.AsSpan(0, length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = larger;
    }

    /// <summary>Rewrites a timestamptz in place. What RFC 3339 cannot say (infinity, BC, years of five digits) stays as it is.</summary>
    private int ToRfc3339(int length)
    {
        var text = _buffer.AsSpan(0, length);
        if (length < ShortestRfc3339 || text[10] != ' ' || !text.EndsWith("+00"u8))
        {
            return length;
        }

        text[10] = (byte)'T';
        text[length - 3] = (byte)'Z';
        return length - 2;
    }
}
