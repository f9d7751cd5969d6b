using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace Heimdall.Api.Dashboard.Frame;

/// <summary>HTML that is safe to send. Whatever is put between its tags is encoded, unless it is such HTML itself.</summary>
internal sealed class Markup
{
    private readonly string _html;

    private Markup(string html) => _html = html;

    public static Markup Empty { get; } = new("");

    public bool IsEmpty => _html.Length == 0;

    /// <summary>From an interpolated string: its own text is HTML, what it is filled with is text. Attributes stand in double quotes.</summary>
    public static Markup Of(MarkupText text) => new(text.ToHtml());

    /// <summary>A file of ours that is HTML and holds nothing of anybody else's.</summary>
    public static Markup OfOwn(string file) => new(file);

    /// <summary>
    /// What stands in a text area, which a form sends back as it is. A browser drops its first line end.
    /// </summary>
    public static Markup OfArea(string text) => new($"\n{WebUtility.HtmlEncode(text)}");

    public static Markup Join(IEnumerable<Markup> parts)
    {
        var html = new StringBuilder();
        foreach (var part in parts)
        {
            html.Append(part._html);
        }
        return new Markup(html.ToString());
    }

    public override string ToString() => _html;
}

/// <summary>Collects the pieces of an interpolated string for <see cref="Markup.Of"/>.</summary>
[InterpolatedStringHandler]
internal struct MarkupText(int literalLength, int formattedCount)
{
    private const int LikelyLength = 16;

    private readonly StringBuilder _html = new(literalLength + formattedCount * LikelyLength);

    // Within a tag, text is the value of an attribute.
    private bool _isInTag;

    public void AppendLiteral(string html)
    {
        _html.Append(html);
        var end = html.AsSpan().LastIndexOfAny('<', '>');
        _isInTag = end < 0 ? _isInTag : html[end] == '<';
    }

    public readonly void AppendFormatted(Markup? markup) => _html.Append(markup);

    public readonly void AppendFormatted(IEnumerable<Markup> parts) => _html.Append(Markup.Join(parts));

    /// <summary>A form sends the value of an attribute back, so that one stays as it is.</summary>
    public readonly void AppendFormatted(string? text)
    {
        if (_isInTag || text is null)
        {
            _html.Append(WebUtility.HtmlEncode(text));
        }
        else
        {
            HiddenCharacters.AppendMarked(_html, text);
        }
    }

    public readonly void AppendFormatted(long number) => _html.Append(number.ToString(CultureInfo.InvariantCulture));

    public readonly void AppendFormatted(Guid id) => _html.Append(id);

    public readonly string ToHtml() => _html.ToString();
}
