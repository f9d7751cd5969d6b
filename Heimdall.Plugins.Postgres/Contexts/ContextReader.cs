using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;

namespace Heimdall.Plugins.Postgres.Contexts;

/// <summary>
/// Reads a context field by field and collects the problems instead of stopping at the first. A null is an absent
/// field.
/// </summary>
internal sealed class ContextReader(JsonObject context)
{
    /// <summary>The server keeps timeouts as milliseconds in 32 bits.</summary>
    private const double LongestTimeout = int.MaxValue / 1000;

    private readonly Dictionary<string, (ContextFieldKind Kind, IReadOnlyList<string> Words)> _known =
        new(StringComparer.Ordinal);

    private readonly List<ContextProblem> _problems = [];

    public IReadOnlyList<ContextProblem> Problems => _problems;

    /// <summary>The fields that were asked for.</summary>
    public IReadOnlyCollection<string> Known => _known.Keys;

    /// <summary>The same with what each was asked for as.</summary>
    public IEnumerable<(string Name, ContextFieldKind Kind, IReadOnlyList<string> Words)> Fields =>
        _known.Select(read => (read.Key, read.Value.Kind, read.Value.Words));

    /// <summary>How many more there are.</summary>
    public int LeftOut { get; private set; }

    public void Report(string field, string message)
    {
        if (_problems.Count < ContextProblem.MostNamed)
        {
            _problems.Add(new ContextProblem(field, message));
        }
        else
        {
            LeftOut++;
        }
    }

    public string? Text(string field)
    {
        if (Find(field, ContextFieldKind.Text, JsonValueKind.String) is not { } value)
        {
            return null;
        }

        var text = value.GetValue<string>();
        if (string.IsNullOrWhiteSpace(text) || text.Contains('\0'))
        {
            Report(field, text.Contains('\0') ? "holds a NUL character, which PostgreSQL does not take." : "is blank.");
            return null;
        }

        return text;
    }

    public bool? Flag(string field) =>
        Find(field, ContextFieldKind.Flag, JsonValueKind.True, JsonValueKind.False)?.GetValueKind() switch
        {
            JsonValueKind.True => true,
            JsonValueKind.False => false,
            _ => null,
        };

    /// <summary>One of the words of an enumeration, in lower case.</summary>
    public T? OneOf<T>(string field)
        where T : struct, Enum
    {
        var text = Text(field);
        _known[field] = (ContextFieldKind.Word, WordsOf<T>.All);
        if (text is null)
        {
            return null;
        }

        if (Enum.GetValues<T>().Where(value => text == Word(value)).Cast<T?>().FirstOrDefault() is { } found)
        {
            return found;
        }

        Report(field, $"must be {string.Join(" or ", Enum.GetValues<T>().Select(value => $"\"{Word(value)}\""))}.");
        return null;
    }

    /// <summary>Whatever is there, for somebody else to read.</summary>
    public JsonNode? Any(string field)
    {
        _known[field] = (ContextFieldKind.Values, []);
        return context[field];
    }

    /// <summary>An object of texts, numbers and truth values; numbers as they are written.</summary>
    public IReadOnlyDictionary<string, string>? Texts(string field)
    {
        _known[field] = (ContextFieldKind.Texts, []);
        if (context[field] is not { } node)
        {
            return null;
        }

        if (node is not JsonObject values)
        {
            Report(field, "must be an object of names and values.");
            return null;
        }

        var texts = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (var (name, value) in values)
        {
            if (value?.GetValueKind() is JsonValueKind.String or JsonValueKind.Number or JsonValueKind.True or JsonValueKind.False)
            {
                texts[name] = value.GetValueKind() == JsonValueKind.String ? value.GetValue<string>() : value.ToJsonString();
            }
            else
            {
                Report($"{field}.{name}", "must be a string, a number, true or false.");
            }
        }

        return texts;
    }

    public TimeSpan? Seconds(string field)
    {
        if (Find(field, ContextFieldKind.Seconds, JsonValueKind.Number) is not { } value)
        {
            return null;
        }

        if (NumberOf(value) is > 0 and <= LongestTimeout and var seconds)
        {
            return TimeSpan.FromSeconds(seconds);
        }

        Report(field, $"must be a number of seconds above 0 and at most {LongestTimeout:0}.");
        return null;
    }

    public long? Count(string field)
    {
        if (Find(field, ContextFieldKind.Count, JsonValueKind.Number) is not { } value)
        {
            return null;
        }

        if (long.TryParse(value.ToJsonString(), NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count > 0)
        {
            return count;
        }

        Report(field, "must be a whole number above 0.");
        return null;
    }

    /// <summary>Adds a problem for every field that nothing has asked for.</summary>
    public void RefuseOthers()
    {
        var others = $"is not known here; known are {string.Join(", ", Known.Order(StringComparer.Ordinal))}.";
        foreach (var (field, _) in context)
        {
            if (!_known.ContainsKey(field))
            {
                // What is only counted is not compared with all that there is.
                var meant = _problems.Count < ContextProblem.MostNamed ? NearestWord.Ask(field, Known) : "";
                Report(field, $"{others}{meant}");
            }
        }
    }

    private static string Word<T>(T value)
        where T : struct, Enum => JsonNamingPolicy.SnakeCaseLower.ConvertName(value.ToString());

    private static double NumberOf(JsonNode value) => double.Parse(value.ToJsonString(), NumberStyles.Float, CultureInfo.InvariantCulture);

    private JsonValue? Find(string field, ContextFieldKind kind, params ReadOnlySpan<JsonValueKind> kinds)
    {
        _known[field] = (kind, []);
        var node = context[field];
        if (node is null)
        {
            return null;
        }

        if (node is JsonValue value && kinds.Contains(value.GetValueKind()))
        {
            return value;
        }

        Report(field, kinds[0] switch
        {
            JsonValueKind.String => "must be a string.",
            JsonValueKind.Number => "must be a number.",
            _ => "must be true or false.",
        });
        return null;
    }

    private static class WordsOf<T>
        where T : struct, Enum
    {
        public static readonly IReadOnlyList<string> All = [.. Enum.GetValues<T>().Select(Word)];
    }
}
