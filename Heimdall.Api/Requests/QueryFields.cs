using System.Buffers.Text;
using System.Globalization;
using System.Text.Json;
using Heimdall.Api.Serialization;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Requests;

/// <summary>
/// The parameters of a list, read one by one. Invalid and unknown ones are collected as problems.
/// </summary>
internal sealed class QueryFields
{
    private readonly IQueryCollection _query;
    private readonly List<ContextProblem> _problems = [];

    public QueryFields(IQueryCollection query, IReadOnlyList<string> known)
    {
        _query = query;
        _problems.AddRange(UnknownName.Parameters(query, known));
        _problems.AddRange(query.Where(item => item.Value.Count > 1)
            .Select(item => new ContextProblem(item.Key, "Given more than once.")));
    }

    public IReadOnlyList<ContextProblem> Problems => _problems;

    public string? Text(string name)
    {
        if (!_query.TryGetValue(name, out var values))
        {
            return null;
        }
        if (values[0] is { Length: > 0 } text && !text.Contains('\0'))
        {
            return text;
        }
        _problems.Add(new(name, "Must not be empty."));
        return null;
    }

    /// <param name="name">The parameter.</param>
    /// <param name="expected">What it must be, in a sentence.</param>
    /// <param name="read">Null for what is wrong.</param>
    public T? Value<T>(string name, string expected, Func<string, T?> read)
        where T : struct
    {
        if (Text(name) is not { } text)
        {
            return null;
        }
        var value = read(text);
        if (value is null)
        {
            _problems.Add(new(name, expected));
        }
        return value;
    }

    /// <summary>How many, from 1 to a most.</summary>
    public int? Limit(string name, int most) => Value<int>(
        name, $"Must be a number from 1 to {most}.",
        text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var number)
            && number >= 1 && number <= most ? number : null);

    /// <summary>Where a page begins, as <see cref="WriteCursor"/> has written it.</summary>
    /// <param name="name">The parameter.</param>
    /// <param name="isSound">Whether it is what a page could end with.</param>
    public T? Cursor<T>(string name, Predicate<T> isSound)
        where T : class
    {
        if (Text(name) is not { } text)
        {
            return null;
        }
        var cursor = ReadCursor<T>(text);
        if (cursor is not null && isSound(cursor))
        {
            return cursor;
        }
        _problems.Add(new(name, "Not a cursor of this list: take next_cursor of the page before."));
        return null;
    }

    public static string WriteCursor<T>(T cursor) =>
        Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(cursor));

    private static T? ReadCursor<T>(string text)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(Base64Url.DecodeFromChars(text));
        }
        catch (Exception exception) when (exception is FormatException or JsonException)
        {
            return null;
        }
    }
}
