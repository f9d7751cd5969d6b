using System.Security.Cryptography;
using System.Text;

namespace Heimdall.Api.Dashboard.Frame;

/// <summary>A part of a page that the page's script keeps up to date.</summary>
/// <param name="Html">What it shows.</param>
/// <param name="Mark">Stays the same as long as it shows the same; then the browser leaves its elements alone, and with them the focus and what is clicked.</param>
internal sealed record LivePart(Markup Html, string Mark)
{
    private const int MarkBytes = 8;

    public static LivePart Of(Markup html) => new(html, MarkOf(html.ToString()));

    /// <summary>A mark of what is shown, where the HTML also has what is made anew each time, such as the token of a form.</summary>
    public static string MarkOf(string shown) => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(shown)).AsSpan(0, MarkBytes));
}
