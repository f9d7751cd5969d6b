using System.Buffers.Binary;
using System.Text;

namespace Heimdall.Plugins.Postgres.Wire;

/// <summary>Reads the names and types of columns out of a RowDescription message.</summary>
internal static class RowDescription
{
    // Behind the name: table, column of it, type, size of the type, its modifier, format.
    private const int FieldLength = 18;
    private const int TypeOffset = 6;

    public static (string Name, uint Type)[] Read(ReadOnlySpan<byte> body)
    {
        var columns = new (string, uint)[BinaryPrimitives.ReadUInt16BigEndian(body)];
        body = body[2..];
        for (var i = 0; i < columns.Length; i++)
        {
            var length = body.IndexOf((byte)0);
            columns[i] = (Encoding.UTF8.GetString(body[..length]), BinaryPrimitives.ReadUInt32BigEndian(body[(length + 1 + TypeOffset)..]));
            body = body[(length + 1 + FieldLength)..];
        }

        return columns;
    }
}
