using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Plugins.Postgres.Rules;

namespace Heimdall.Plugins.Postgres.Contexts;

/// <summary>Reads a window for DDL; <see cref="Example"/> shows one.</summary>
internal static class WindowReader
{
    public const string Example =
        "write {no_ddl_outside: {days: [sat, sun], from: \"22:00\", to: \"04:00\", timezone: Europe/Berlin}}";

    private const string Days = "days";
    private const string From = "from";
    private const string To = "to";
    private const string Timezone = "timezone";

    /// <returns>Null where it is none; the reader has why.</returns>
    public static DdlWindow? Read(JsonNode node, string field, ContextReader reader)
    {
        if (node is not JsonObject window)
        {
            reader.Report(field, $"must be an object: {Example}.");
            return null;
        }

        foreach (var (name, _) in window.Where(one => one.Key is not (Days or From or To or Timezone)))
        {
            reader.Report($"{field}.{name}", $"is not known here; known are {Days}, {From}, {Timezone}, {To}.");
        }

        var days = ReadDays(window[Days], $"{field}.{Days}", reader);
        var from = ReadTime(window[From], $"{field}.{From}", reader);
        var to = ReadTime(window[To], $"{field}.{To}", reader);
        var zone = ReadZone(window[Timezone], $"{field}.{Timezone}", reader);
        return days is null || from is null || to is null || zone is null
            ? null
            : new DdlWindow(days, from.Value, to.Value, zone);
    }

    /// <summary>Why a window that <see cref="Read"/> has not read never opens here.</summary>
    public static string TellUnread(JsonNode node)
    {
        var zone = Text((node as JsonObject)?[Timezone]);
        return zone.Length > 0 && !TimeZoneInfo.TryFindSystemTimeZoneById(zone, out _)
            ? $"this process does not know the time zone '{zone}'"
            : "this process cannot read it";
    }

    /// <summary>All of them where none is named.</summary>
    private static DayOfWeek[]? ReadDays(JsonNode? node, string field, ContextReader reader)
    {
        if (node is null)
        {
            return Enum.GetValues<DayOfWeek>();
        }

        var days = (node as JsonArray)?.Select(day => Array.FindIndex(
            DdlWindow.DayNames, known => known.Equals(Text(day), StringComparison.OrdinalIgnoreCase))).ToArray();
        if (days is null or [] || days.Contains(-1))
        {
            reader.Report(field, $"must be a list of {string.Join(", ", DdlWindow.DayNames)}.");
            return null;
        }

        return [.. days.Distinct().Order().Select(day => (DayOfWeek)day)];
    }

    private static TimeOnly? ReadTime(JsonNode? node, string field, ContextReader reader)
    {
        if (TimeOnly.TryParseExact(
            Text(node), "HH:mm", CultureInfo.InvariantCulture, DateTimeStyles.None, out var time))
        {
            return time;
        }

        reader.Report(field, "must be a time of the day in quotes, such as \"22:00\".");
        return null;
    }

    private static TimeZoneInfo? ReadZone(JsonNode? node, string field, ContextReader reader)
    {
        if (TimeZoneInfo.TryFindSystemTimeZoneById(Text(node), out var zone))
        {
            return zone;
        }

        reader.Report(field, "must be an IANA time zone, such as Europe/Berlin or UTC.");
        return null;
    }

    private static string Text(JsonNode? node) =>
        node?.GetValueKind() == JsonValueKind.String ? node.GetValue<string>() : "";
}
