using System.Text;
using System.Text.Unicode;

namespace Heimdall.Api.Serialization;

/// <summary>
/// Text that is UTF-8 by what the reply says of itself: a database in SQL_ASCII hands out any bytes, and those that are
/// none become U+FFFD.
/// </summary>
internal static class Utf8Text
{
    public static ReadOnlySpan<byte> Of(ReadOnlySpan<byte> bytes) =>
        Utf8.IsValid(bytes) ? bytes : Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(bytes));
}
