using System.Globalization;
using System.Text;

namespace Heimdall.Cli;

/// <summary>
/// Text of the server for a terminal. Characters that move the cursor, change the terminal or reorder what is shown are
/// written as escapes.
/// </summary>
internal static class VisibleText
{
    /// <param name="text">The text.</param>
    /// <param name="isCell">Whether line breaks and tabs are to be shown too.</param>
    public static string Of(string text, bool isCell = false)
    {
        if (!text.Any(character => IsHidden(character, isCell)))
        {
            return text;
        }
        var visible = new StringBuilder(text.Length + 16);
        foreach (var character in text)
        {
            _ = IsHidden(character, isCell) ? visible.Append(EscapeOf(character)) : visible.Append(character);
        }
        return visible.ToString();
    }

    private static bool IsHidden(char character, bool isCell) => character switch
    {
        '\n' or '\t' => isCell,
        '\u061c' or '\u200e' or '\u200f' or (>= '\u2028' and <= '\u202e') or (>= '\u2066' and <= '\u2069') => true,
        _ => char.IsControl(character),
    };

    private static string EscapeOf(char character) => character switch
    {
        '\n' => @"\n",
        '\r' => @"\r",
        '\t' => @"\t",
        < '\u0100' => string.Create(CultureInfo.InvariantCulture, $@"\x{(int)character:x2}"),
        _ => string.Create(CultureInfo.InvariantCulture, $@"\u{(int)character:x4}"),
    };
}
