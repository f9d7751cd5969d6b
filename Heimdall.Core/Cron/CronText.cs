using System.Buffers.Binary;
using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;
using Cronos;

namespace Heimdall.Core.Cron;

/// <summary>A cron expression as it was read: every <c>H</c> in it is the number that its schedule's id stands for.</summary>
internal sealed partial class CronText
{
    private const string Expected =
        "must be a cron expression of 5 fields (minute hour day month weekday), 6 (with seconds before) or one of ";

    /// <summary>What the parser says before it names the field.</summary>
    private const string ParserPreamble = "The given cron expression has an invalid format. ";

    private static readonly CronField[] _fields =
    [
        new("second", 0, 59), new("minute", 0, 59), new("hour", 0, 23),
        new("day", 1, 28), // every month has these
        new("month", 1, 12), new("weekday", 0, 6),
    ];

    private static readonly (string Name, string Fields)[] _macros =
    [
        ("@yearly", "0 0 0 1 1 *"), ("@annually", "0 0 0 1 1 *"), ("@monthly", "0 0 0 1 * *"),
        ("@weekly", "0 0 0 * * 0"), ("@daily", "0 0 0 * * *"), ("@midnight", "0 0 0 * * *"),
        ("@hourly", "0 0 * * * *"), ("@every_minute", "0 * * * * *"), ("@every_second", "* * * * * *"),
    ];

    private CronText(string text, IReadOnlyList<CronExpression> either, bool isInterval) =>
        (Text, Either, IsInterval) = (text, either, isInterval);

    /// <summary>In one line, with the numbers that each <c>H</c> stands for. Hangfire understands it.</summary>
    public string Text { get; }

    /// <summary>A time counts when it matches one of these.</summary>
    public IReadOnlyList<CronExpression> Either { get; }

    /// <summary>Whether it says "every" or "from … to" of seconds, minutes or hours.</summary>
    public bool IsInterval { get; }

    /// <param name="cron">The expression.</param>
    /// <param name="id">Of its schedule: what an <c>H</c> stands for follows from it.</param>
    /// <param name="day">What it means when it names days of the month and weekdays.</param>
    /// <exception cref="CronFormatException">It is none: the message says what would be right.</exception>
    public static CronText Parse(string cron, string id, DayRule day)
    {
        var words = cron.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        var fields = words switch
        {
            [var macro] when macro.StartsWith('@') => FieldsOf(macro),
            { Length: 5 } => ["0", .. Spread(words, id)],
            { Length: 6 } => Spread(words, id),
            _ => throw Wrong($"it has {words.Length} fields"),
        };
        var isEither = day == DayRule.Or && IsRestricted(fields[3]) && IsRestricted(fields[5]);
        return new CronText(
            words is [_] ? words[0] : string.Join(' ', fields[(6 - words.Length)..]),
            isEither
                ? [Parse([.. fields[..5], "*"]), Parse([.. fields[..3], "*", .. fields[4..]])]
                : [Parse(fields)],
            fields[..3].Any(field => field.AsSpan().ContainsAny("*?/-")));
    }

    private static bool IsRestricted(string field) => field is not ("*" or "?");

    private static string[] FieldsOf(string macro) =>
        Array.Find(_macros, known => known.Name.Equals(macro, StringComparison.OrdinalIgnoreCase)).Fields?.Split(' ')
            ?? throw Wrong($"{macro} is none of them");

    private static CronExpression Parse(string[] fields)
    {
        try
        {
            return CronExpression.Parse(string.Join(' ', fields), CronFormat.IncludeSeconds);
        }
        catch (CronFormatException exception)
        {
            throw Wrong(exception.Message.Replace(ParserPreamble, "", StringComparison.Ordinal).TrimEnd('.'));
        }
    }

    private static CronFormatException Wrong(string what) =>
        new($"{Expected}{string.Join(", ", _macros.Select(macro => macro.Name))}: {what}");

    /// <summary>Replaces each <c>H</c>. The list of a field is split at its commas.</summary>
    private static string[] Spread(string[] words, string id)
    {
        var fields = _fields[(_fields.Length - words.Length)..];
        return [.. words.Select((word, index) => string.Join(
            ',', word.Split(',').Select(item => item.StartsWith('H') ? fields[index].Spread(item, id) : item)))];
    }

    [GeneratedRegex(@"^H(?:\((?<from>[0-9]{1,2})-(?<to>[0-9]{1,2})\))?(?:/(?<step>[0-9]{1,2}))?$")]
    private static partial Regex Hash();

    private sealed record CronField(string Name, int First, int Last)
    {
        public string Spread(string item, string id)
        {
            var hash = Hash().Match(item);
            if (!hash.Success)
            {
                throw Wrong($"{Name}: {item} should be H, H/3, H({First}-{Last}) or H({First}-{Last})/3");
            }
            var from = Number(hash.Groups["from"]) ?? First;
            var to = Number(hash.Groups["to"]) ?? Last;
            if (from < First || to > Last || from > to)
            {
                throw Wrong($"{Name}: {item} should be a range within H({First}-{Last})");
            }
            var step = Number(hash.Groups["step"]);
            var longest = Math.Min(to - from + 1, Last); // the parser takes no longer step
            if (step is 0 || step > longest)
            {
                throw Wrong($"{Name}: the step of {item} should be 1 to {longest}");
            }
            var number = from + (int)(HashOf(id) % (ulong)(step ?? (to - from + 1)));
            return step is null
                ? number.ToString(CultureInfo.InvariantCulture)
                : FormattableString.Invariant($"{number}-{to}/{step}");
        }

        /// <summary>The same on every machine and in every version: schedules must not move with an upgrade.</summary>
        private ulong HashOf(string id) =>
            BinaryPrimitives.ReadUInt64BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes($"{id}\0{Name}")));

        private static int? Number(Group group) =>
            group.Success ? int.Parse(group.Value, CultureInfo.InvariantCulture) : null;
    }
}
