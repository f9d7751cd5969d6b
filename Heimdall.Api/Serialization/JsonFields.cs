using System.Runtime.InteropServices;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Yaml;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Serialization;

/// <summary>The fields of a JSON body, taken one by one; what is wrong with them, and what nobody took, is told in the end.</summary>
internal sealed class JsonFields
{
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    private readonly JsonObject _fields = [];
    private readonly List<string> _known = [];
    private readonly FaultList _faults = new();
    private readonly bool _isRead;

    private JsonFields(JsonElement body)
    {
        _faults.AddAll(UnreadableText.Find(body, ""));
        if (_faults.Count > 0)
        {
            return;
        }
        try
        {
            if (JsonNode.Parse(JsonMarshal.GetRawUtf8Value(body), documentOptions: Strict) is JsonObject fields)
            {
                (_fields, _isRead) = (fields, true);
                return;
            }
            _faults.Add(new("body", "Must be a JSON object."));
        }
        catch (JsonException)
        {
            _faults.Add(new("body", "Not valid JSON: a field is there twice."));
        }
    }

    /// <exception cref="JsonException">The body is no JSON.</exception>
    public static async Task<JsonFields> ReadAsync(HttpRequest request, CancellationToken cancellationToken)
    {
        using var body = await JsonBody.ParseAsync(request.Body, cancellationToken);
        return new JsonFields(body.RootElement);
    }

    /// <summary>Of a form that says the same as a body would.</summary>
    public static JsonFields Of(JsonObject body) => new(JsonSerializer.SerializeToElement(body));

    public string? Text(string name) => Take(name, "Must be a string.", node => node.GetValueKind() == JsonValueKind.String ? node.GetValue<string>() : null) is { } text
        ? text.Contains('\0') ? Refuse<string>(name, "Must not contain the character NUL.") : text
        : null;

    public int? Number(string name) => Take(
        name, "Must be a whole number.",
        node => node.GetValueKind() == JsonValueKind.Number && node.AsValue().TryGetValue<int>(out var number)
            ? new Whole(number)
            : null)?.Value;

    public string[]? Texts(string name) => Take(
        name, "Must be an array of strings.",
        node => node is JsonArray array && array.All(item => item?.GetValueKind() == JsonValueKind.String && !item.GetValue<string>().Contains('\0'))
            ? array.Select(item => item!.GetValue<string>()).ToArray()
            : null);

    public JsonArray? Array(string name) => Take(name, "Must be an array.", node => node as JsonArray);

    public JsonObject? Object(string name) => Take(name, "Must be an object.", node => node as JsonObject);

    public DateTimeOffset? Time(string name) => Text(name) is { } text
        ? Timestamp.TryRead(text, out var time) ? time : Refuse<DateTimeOffset?>(name, "Must be a time as in RFC 3339, with its offset: \"2026-01-31T12:00:00Z\".")
        : null;

    public TimeSpan? Span(string name) => Text(name) is { } text
        ? Duration.Read(text) ?? Refuse<TimeSpan?>(name, $"{char.ToUpperInvariant(Duration.Expected[0])}{Duration.Expected[1..]}.")
        : null;

    public void Add(string name, string problem)
    {
        // Of what could not be read the default was looked at.
        if (!_faults.Names(name))
        {
            _faults.Add(new(name, problem));
        }
    }

    /// <summary>Everything that is wrong, once all known fields are taken.</summary>
    public FaultList Problems()
    {
        var all = new FaultList();
        all.AddAll(_faults);
        if (_isRead)
        {
            all.AddAll(_fields, field => UnknownName.Field(field.Key, _known));
        }
        return all;
    }

    private T? Take<T>(string name, string expected, Func<JsonNode, T?> read)
        where T : class
    {
        _known.Add(name);
        return _fields.Remove(name, out var node) && node is not null ? read(node) ?? Refuse<T>(name, expected) : null;
    }

    private sealed record Whole(int Value);

    private T? Refuse<T>(string name, string problem)
    {
        _faults.Add(new(name, problem));
        return default;
    }
}
