using System.Text;

namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>
/// The encodings a script can switch to with SET client_encoding:
/// https://www.postgresql.org/docs/current/multibyte.html
/// </summary>
internal static class ClientEncodings
{
    public const string Utf8 = "UTF8";

    /// <summary>
    /// False for encodings in which a byte of a longer character may look like a quote or a backslash: a script in one
    /// of them cannot be split byte by byte.
    /// </summary>
    public static bool CanBeScanned(string name) =>
        name is not ("BIG5" or "GB18030" or "GBK" or "JOHAB" or "SJIS" or "SHIFT_JIS_2004" or "UHC");

    /// <summary>
    /// True when each byte counts as a character. Of EUC that is not so, but its columns are then too large instead of
    /// too small.
    /// </summary>
    public static bool IsSingleByte(string name) => CodePage(name) is not null;

    /// <summary>
    /// How the server's words are to be read. Where .NET has no such encoding, what is not ASCII in them is lost.
    /// </summary>
    public static Encoding Of(string name) => CodePage(name) is { } codePage
        ? CodePagesEncodingProvider.Instance.GetEncoding(codePage) ?? Encoding.Latin1
        : Encoding.UTF8;

    private static int? CodePage(string name) => name switch
    {
        "EUC_JP" => 51932,
        "EUC_CN" => 51936,
        "EUC_KR" => 51949,
        "LATIN1" => 28591,
        "LATIN2" => 28592,
        "LATIN3" => 28593,
        "LATIN4" => 28594,
        "ISO_8859_5" => 28595,
        "ISO_8859_6" => 28596,
        "ISO_8859_7" => 28597,
        "ISO_8859_8" => 28598,
        "LATIN5" => 28599,
        "LATIN7" => 28603,
        "LATIN9" => 28605,
        "KOI8R" => 20866,
        "KOI8U" => 21866,
        "WIN866" => 866,
        "WIN874" => 874,
        ['W', 'I', 'N', '1', '2', '5', >= '0' and <= '8' and var digit] => 1250 + (digit - '0'),
        _ => null,
    };
}
