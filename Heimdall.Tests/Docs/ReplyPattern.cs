using System.Text.Json;
using System.Text.RegularExpressions;

namespace Heimdall.Tests.Docs;

/// <summary>Compares what a page shows with what came: members that are not shown do not matter, and <c>…</c> stands for any text.</summary>
internal static class ReplyPattern
{
    private const string Anything = "…";

    /// <returns>Where they differ, and how; null when they do not.</returns>
    public static string? FindDifference(JsonElement shown, JsonElement actual, string place = "reply") => shown.ValueKind switch
    {
        JsonValueKind.String when MayBeText(shown, actual) && IsLike(shown.GetString()!, actual.ToString()) => null,
        _ when shown.ValueKind != actual.ValueKind => $"{place} is {actual}, and the page shows {shown}",
        JsonValueKind.Object => shown.EnumerateObject()
            .Select(member => actual.TryGetProperty(member.Name, out var value)
                ? FindDifference(member.Value, value, $"{place}.{member.Name}")
                : $"{place} has no {member.Name}: {actual}")
            .FirstOrDefault(difference => difference is not null),
        JsonValueKind.Array => FindDifferenceOfArrays([.. shown.EnumerateArray()], [.. actual.EnumerateArray()], place),
        _ => shown.GetRawText() == actual.GetRawText() ? null : $"{place} is {actual.GetRawText()}, and the page shows {shown.GetRawText()}",
    };

    /// <summary>Only <c>…</c> stands for a number too: <c>"42"</c> is not 42.</summary>
    private static bool MayBeText(JsonElement shown, JsonElement actual) =>
        actual.ValueKind == JsonValueKind.String || shown.GetString()!.Contains(Anything, StringComparison.Ordinal);

    public static bool IsLike(string shown, string actual) =>
        Regex.IsMatch(actual, $@"\A{string.Join(".*", shown.Split(Anything).Select(Regex.Escape))}\z", RegexOptions.Singleline);

    /// <summary>The last of the JSON texts that stand one behind another.</summary>
    public static JsonElement LastOf(string output)
    {
        var reader = new Utf8JsonReader(System.Text.Encoding.UTF8.GetBytes(output), new JsonReaderOptions { AllowMultipleValues = true });
        JsonElement? last = null;
        while (reader.Read())
        {
            last = JsonElement.ParseValue(ref reader);
        }
        return last ?? throw new JsonException("there is no reply");
    }

    private static string? FindDifferenceOfArrays(JsonElement[] shown, JsonElement[] actual, string place)
    {
        var isOpen = shown is [.., { ValueKind: JsonValueKind.String } last] && last.GetString() == Anything;
        var items = isOpen ? shown[..^1] : shown;
        return (isOpen ? actual.Length < items.Length : actual.Length != items.Length)
            ? $"{place} has {actual.Length} elements, and the page shows {items.Length}"
            : items.Select((item, index) => FindDifference(item, actual[index], $"{place}[{index}]")).FirstOrDefault(difference => difference is not null);
    }
}
