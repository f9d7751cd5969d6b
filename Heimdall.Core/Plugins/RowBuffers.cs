using System.Buffers;

namespace Heimdall.Core.Plugins;

/// <summary>
/// Buffers for rows, which may be long. The arrays of the pool double in size and are kept; one above a megabyte is
/// made for its row instead.
/// </summary>
public static class RowBuffers
{
    private const int LongestPooled = 1024 * 1024;

    /// <param name="needed">Bytes that it must hold.</param>
    /// <param name="had">The length of the buffer that it takes the place of.</param>
    public static byte[] Take(int needed, int had = 0) => needed <= LongestPooled
        ? ArrayPool<byte>.Shared.Rent((int)Math.Max(needed, Math.Min(LongestPooled, 2L * had)))
        : GC.AllocateUninitializedArray<byte>((int)Math.Min(Array.MaxLength, Math.Max(needed, had + (had / 4L))));

    public static void Return(byte[] buffer)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        if (buffer.Length is > 0 and <= LongestPooled)
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
