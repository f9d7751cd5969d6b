using System.Text;

namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>A place in the script for people: line and column, both from 1, the column in characters (code points).</summary>
internal readonly record struct ScriptLocation(long Line, int Column)
{
    public static ScriptLocation First { get; } = new(1, 1);

    /// <summary>The place after <paramref name="text"/>, if it begins here.</summary>
    public ScriptLocation After(ReadOnlySpan<byte> text, bool isUtf8 = true)
    {
        var lastBreak = text.LastIndexOf((byte)'\n');

        if (lastBreak < 0)
        {
            return Plus(CountCharacters(text, isUtf8));
        }

        return new(Line + text[..(lastBreak + 1)].Count((byte)'\n'), 1 + CountCharacters(text[(lastBreak + 1)..], isUtf8));
    }

    /// <summary>The place so many characters on in the same line. A line longer than an int is no reason to fail: its column is then a lower bound.</summary>
    public ScriptLocation Plus(int characters) => this with { Column = (int)Math.Min(int.MaxValue, Column + (long)characters) };

    public static int CountCharacters(ReadOnlySpan<byte> text, bool isUtf8)
    {
        if (!isUtf8 || Ascii.IsValid(text))
        {
            return text.Length;
        }

        var count = 0;

        foreach (var unit in text)
        {
            // Every character has one byte that is not a continuation byte (10xxxxxx).
            count += (unit & 0xC0) == 0x80 ? 0 : 1;
        }

        return count;
    }
}
