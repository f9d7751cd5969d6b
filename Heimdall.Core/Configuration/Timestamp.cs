using System.Globalization;

namespace Heimdall.Core.Configuration;

/// <summary>Times in requests and in the configuration, as RFC 3339 writes them. One without an offset would mean another moment to each reader.</summary>
public static class Timestamp
{
    internal const string Expected = "must be a time as in RFC 3339, with its offset: 2026-01-31T12:00:00Z";

    private static readonly string[] Forms = ["yyyy-MM-dd'T'HH:mm:ssK", "yyyy-MM-dd'T'HH:mm:ss.FFFFFFFK"];

    public static bool TryRead(string text, out DateTimeOffset time)
    {
        var hasOffset = text.EndsWith('Z') || (text.Length > 6 && text[^6] is '+' or '-');
        return DateTimeOffset.TryParseExact(text, Forms, CultureInfo.InvariantCulture, DateTimeStyles.None, out time) && hasOffset;
    }
}
