using System.Globalization;

namespace Heimdall.Api.Jobs;

/// <summary>Times in requests, as RFC 3339 writes them. One without an offset would mean another moment to each reader.</summary>
internal static class Timestamp
{
    private static readonly string[] Forms = ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];

    public static bool TryRead(string text, out DateTimeOffset time)
    {
        var hasOffset = text.EndsWith('Z') || (text.Length > 6 && text[^6] is '+' or '-');
        return DateTimeOffset.TryParseExact(text, Forms, CultureInfo.InvariantCulture, DateTimeStyles.None, out time) && hasOffset;
    }
}
