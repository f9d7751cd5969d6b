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
