using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Heimdall.Tests.Schedules;

/// <summary>
/// A compiled time zone of this machine (RFC 9636), read apart from .NET: the changes that it lists, and after them those
/// of the rule in its last line.
/// </summary>
internal sealed partial class TzFile
{
    private const int HeaderLength = 44;
    private const int LastYear = 2100;

    private static readonly string _directory =
        Environment.GetEnvironmentVariable("TZDIR") is { Length: > 0 } set ? set : "/usr/share/zoneinfo";

    private TzFile(IReadOnlyList<TzChange> changes) => Changes = changes;

    /// <summary>In their order.</summary>
    public IReadOnlyList<TzChange> Changes { get; }

    /// <summary>The zones of this machine by their names; of those that are the same, one.</summary>
    public static IEnumerable<(string Name, TzFile Zone)> All() => Directory
        .EnumerateFiles(_directory, "*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 })
        .Select(file => (Name: Path.GetRelativePath(_directory, file), File: file))
        .Where(zone => char.IsUpper(zone.Name[0])) // the others are copies, and tables
        .OrderBy(zone => zone.Name.Contains('/', StringComparison.Ordinal) ? 0 : 1) // Europe/Dublin, not Eire
        .ThenBy(zone => zone.Name, StringComparer.Ordinal)
        .Select(zone => (zone.Name, Content: File.ReadAllBytes(zone.File)))
        .Where(zone => zone.Content.AsSpan().StartsWith("TZif"u8))
        .DistinctBy(zone => Convert.ToBase64String(zone.Content))
        .Select(zone => (zone.Name, Read(zone.Content)));

    private static TzFile Read(ReadOnlySpan<byte> file)
    {
        // A block with times of 32 bits comes first.
        file = file[LengthOf(file, timeBytes: 4)..];
        var (times, types) = (Number(file, 32), Number(file, 36));
        var body = file[HeaderLength..];
        var changes = new List<TzChange>();
        for (var i = 0; i < times; i++)
        {
            var at = BinaryPrimitives.ReadInt64BigEndian(body[(i * 8)..]);
            var type = body[(times * 8) + i];
            var offset = BinaryPrimitives.ReadInt32BigEndian(body[((times * 9) + (type * 6))..]);
            if (at > -60_000_000_000)
            {
                changes.Add(new(DateTimeOffset.FromUnixTimeSeconds(at).UtcDateTime, TimeSpan.FromSeconds(offset)));
            }
        }
        var footer = Encoding.ASCII.GetString(file[LengthOf(file, timeBytes: 8)..]).Trim('\n');
        var last = changes.Count > 0 ? changes[^1].At : DateTime.MinValue;
        changes.AddRange(ByRule(footer).Where(change => change.At > last));
        return new TzFile(changes);
    }

    private static int LengthOf(ReadOnlySpan<byte> block, int timeBytes) =>
        HeaderLength + (Number(block, 32) * (timeBytes + 1)) + (Number(block, 36) * 6) + Number(block, 40)
        + (Number(block, 28) * (timeBytes + 4)) + Number(block, 24) + Number(block, 20);

    private static int Number(ReadOnlySpan<byte> block, int at) => BinaryPrimitives.ReadInt32BigEndian(block[at..]);

    private static IEnumerable<TzChange> ByRule(string footer)
    {
        var rule = Rule().Match(footer);
        if (!rule.Success)
        {
            return [];
        }
        var standard = -TimeOf(rule.Groups["std"].Value);
        var summer = rule.Groups["dst"].Success ? -TimeOf(rule.Groups["dst"].Value) : standard + TimeSpan.FromHours(1);
        return Enumerable.Range(2000, LastYear - 2000)
            .SelectMany(year => new[]
            {
                new TzChange(DayOf(year, rule, "from") - standard, summer),
                new TzChange(DayOf(year, rule, "to") - summer, standard),
            })
            .OrderBy(change => change.At);
    }

    private static DateTime DayOf(int year, Match rule, string name)
    {
        int Part(string part) => int.Parse(rule.Groups[name + part].Value, CultureInfo.InvariantCulture);
        var first = new DateTime(year, Part("Month"), 1, 0, 0, 0, DateTimeKind.Utc);
        var day = first.AddDays(((Part("Day") - (int)first.DayOfWeek + 7) % 7) + (7 * (Part("Week") - 1)));
        var time = rule.Groups[name + "Time"];
        return (day.Month == first.Month ? day : day.AddDays(-7)) + (time.Success ? TimeOf(time.Value) : TimeSpan.FromHours(2));
    }

    private static TimeSpan TimeOf(string text)
    {
        var parts = text.TrimStart('-', '+').Split(':').Select(part => int.Parse(part, CultureInfo.InvariantCulture)).ToArray();
        var time = new TimeSpan(parts[0], parts.ElementAtOrDefault(1), parts.ElementAtOrDefault(2));
        return text.StartsWith('-') ? -time : time;
    }

    [GeneratedRegex("""
        ^(?:<[^>]+>|[A-Za-z]+)(?<std>[-+0-9:]+)(?:<[^>]+>|[A-Za-z]+)(?<dst>[-+0-9:]+)?
        ,M(?<fromMonth>\d+)\.(?<fromWeek>\d)\.(?<fromDay>\d)(?:/(?<fromTime>[-+0-9:]+))?
        ,M(?<toMonth>\d+)\.(?<toWeek>\d)\.(?<toDay>\d)(?:/(?<toTime>[-+0-9:]+))?$
        """, RegexOptions.IgnorePatternWhitespace)]
    private static partial Regex Rule();
}

/// <summary>A change of the clocks of a zone.</summary>
/// <param name="At">In UTC.</param>
/// <param name="Offset">What clocks show more than UTC from then on.</param>
internal readonly record struct TzChange(DateTime At, TimeSpan Offset);
