using System.Globalization;
using System.Net;
using System.Text;

namespace Heimdall.Api.Dashboard.Frame;

/// <summary>
/// Characters that reorder what stands around them, or that nobody sees. SQL or a name that has them would be read
/// otherwise than it runs, so pages show each by its number.
/// </summary>
internal static class HiddenCharacters
{
    public static bool Has(string text)
    {
        foreach (var rune in text.EnumerateRunes())
        {
            if (IsHidden(rune))
            {
                return true;
            }
        }
        return false;
    }

    /// <summary>Text as HTML, with a mark where such a character is.</summary>
    public static void AppendMarked(StringBuilder html, string text)
    {
        if (!Has(text))
        {
            html.Append(WebUtility.HtmlEncode(text));
            return;
        }
        foreach (var rune in text.EnumerateRunes())
        {
            if (IsHidden(rune))
            {
                html.Append("<span class=\"hd-hidden\" title=\"a character that is not seen\">").Append(Name(rune))
                    .Append("</span>");
            }
            else
            {
                html.Append(WebUtility.HtmlEncode(rune.ToString()));
            }
        }
    }

    /// <summary>The same where no tag can stand, as in the title of a window.</summary>
    public static string Spell(string text) =>
        Has(text) ? string.Concat(text.EnumerateRunes().Select(rune => IsHidden(rune) ? $"[{Name(rune)}]" : $"{rune}")) : text;

    private static string Name(Rune rune) => $"U+{rune.Value.ToString("X4", CultureInfo.InvariantCulture)}";

    private static bool IsHidden(Rune rune) => rune.Value switch
    {
        '\t' or '\n' or '\r' => false,
        // Fillers are letters by their category, and empty. Variation selectors belong to emoji.
        0x115F or 0x1160 or 0x3164 or 0xFFA0 or 0x2800 or 0x034F or (>= 0x17B4 and <= 0x17B5) => true,
        >= 0xE0100 and <= 0xE01EF => true,
        _ => Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format
            or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator,
    };
}
