using System.Globalization;
using System.Net;
using System.Runtime.CompilerServices;
using System.Text;

namespace Heimdall.Api.Dashboard.Frame;

/// <summary>Collects the pieces of an interpolated string for <see cref="Markup.Of"/>.</summary>
[InterpolatedStringHandler]
internal readonly struct MarkupText(int literalLength, int formattedCount)
{
    private const int LikelyLength = 16;

    private readonly StringBuilder _html = new(literalLength + formattedCount * LikelyLength);

    public void AppendLiteral(string html) => _html.Append(html);

    public void AppendFormatted(Markup? markup) => _html.Append(markup);

    public void AppendFormatted(IEnumerable<Markup> parts) => _html.Append(Markup.Join(parts));

    public void AppendFormatted(string? text) => _html.Append(WebUtility.HtmlEncode(text));

    public void AppendFormatted(long number) => _html.Append(number.ToString(CultureInfo.InvariantCulture));

    public void AppendFormatted(Guid id) => _html.Append(id);

    public string ToHtml() => _html.ToString();
}
