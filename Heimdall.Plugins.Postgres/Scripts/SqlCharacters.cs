using System.Buffers;

namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>
/// The character classes of PostgreSQL's lexer, over UTF-8 bytes: every byte of a character outside ASCII counts as a letter.
/// https://www.postgresql.org/docs/current/sql-syntax-lexical.html
/// </summary>
internal static class SqlCharacters
{
    private static readonly byte[] Letters = [.. "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_"u8, .. Enumerable.Range(0x80, 0x80).Select(b => (byte)b)];

    // The vertical tab counts as space since PostgreSQL 16; before that it was an error everywhere.
    public static readonly SearchValues<byte> Space = SearchValues.Create(" \t\n\r\f\v"u8);

    /// <summary>What a name may go on with. A dollar sign is among it, which is why <c>a$b$c</c> opens no quote.</summary>
    public static readonly SearchValues<byte> NamePart = SearchValues.Create([.. Letters, .. "0123456789$"u8]);

    /// <summary>What the tag of a dollar quote, or a number, may go on with.</summary>
    public static readonly SearchValues<byte> TagPart = SearchValues.Create([.. Letters, .. "0123456789"u8]);

    /// <summary>Everything that may open or end something. Whatever lies between two of these is stepped over at memory speed.</summary>
    public static readonly SearchValues<byte> Special = SearchValues.Create("'\"$-/;()\\"u8);

    /// <summary>The same where variables are replaced.</summary>
    public static readonly SearchValues<byte> SpecialOrColon = SearchValues.Create("'\"$-/;()\\:"u8);

    public static bool IsNameStart(byte c) => (byte)((c | 0x20) - 'a') < 26 || c is (byte)'_' or >= 0x80;

    /// <summary>What psql lets the name of a variable hold.</summary>
    public static bool IsVariablePart(byte c) => IsNameStart(c) || IsDigit(c);

    public static bool IsDigit(byte c) => c is >= (byte)'0' and <= (byte)'9';

    /// <summary>
    /// Whether the two may be parts of one token, or of what opens or ends a comment or a quote, where they touch.
    /// </summary>
    public static bool MayJoin(byte before, byte behind) => behind switch
    {
        (byte)'\'' or (byte)'"' => before == behind || before == (byte)'&' || IsNamePart(before),
        (byte)'&' => IsNamePart(before),
        (byte)'-' => before == (byte)'-',
        (byte)'*' => before == (byte)'/',
        (byte)'/' => before == (byte)'*',
        _ => IsNamePart(behind) && IsNamePart(before),
    };

    public static bool IsNamePart(byte c) => IsNameStart(c) || IsDigit(c) || c == (byte)'$';
}
