using System.Globalization;

namespace Heimdall.Client;

/// <summary>Which jobs to list. What is null does not matter.</summary>
public sealed record HeimdallJobFilter
{
    /// <summary>One of these.</summary>
    public IReadOnlyList<string> Status { get; init; } = [];

    public string? Name { get; init; }

    public string? Version { get; init; }

    public string? User { get; init; }

    public string? Command { get; init; }

    public string? Cluster { get; init; }

    public string? Tag { get; init; }

    public string? Schedule { get; init; }

    /// <summary>The children of this job.</summary>
    public Guid? Parent { get; init; }

    /// <summary>Found in the name, the description, the SQL or the errors.</summary>
    public string? Text { get; init; }

    public DateTimeOffset? CreatedAfter { get; init; }

    public DateTimeOffset? CreatedBefore { get; init; }

    /// <summary><c>created_at</c> or <c>updated_at</c>.</summary>
    public string? OrderBy { get; init; }

    /// <summary><c>desc</c> or <c>asc</c>.</summary>
    public string? Direction { get; init; }

    /// <summary>How many jobs a request asks for: 1 to 200. All pages are read.</summary>
    public int PageSize { get; init; } = 50;

    internal string ToQuery(string? cursor)
    {
        (string Name, string? Value)[] fields =
        [
            ("status", Status.Count > 0 ? string.Join(',', Status) : null), ("name", Name), ("version", Version),
            ("user", User), ("command", Command),
            ("cluster", Cluster), ("tag", Tag), ("schedule", Schedule), ("parent", Parent?.ToString()),
            ("text", Text),
            ("created_after", CreatedAfter?.UtcDateTime.ToString("O")),
            ("created_before", CreatedBefore?.UtcDateTime.ToString("O")),
            ("order_by", OrderBy), ("direction", Direction),
            ("limit", PageSize.ToString(CultureInfo.InvariantCulture)), ("cursor", cursor),
        ];
        return Write(fields);
    }

    internal static string Write(IEnumerable<(string Name, string? Value)> fields) => string.Join(
        '&', fields.Where(field => field.Value is not null)
            .Select(field => $"{field.Name}={Uri.EscapeDataString(field.Value!)}"));
}

/// <summary>Which messages to hooks are listed. A null field does not filter.</summary>
public sealed record HeimdallDeliveryFilter
{
    public string? Hook { get; init; }

    /// <summary>Of the end of this job.</summary>
    public Guid? Job { get; init; }

    /// <summary>One of PENDING, DELIVERED and DEAD.</summary>
    public string? Status { get; init; }

    /// <summary>How many messages a request asks for: 1 to 200. All pages are read.</summary>
    public int PageSize { get; init; } = 50;

    internal string ToQuery(string? cursor) => HeimdallJobFilter.Write(
    [
        ("hook", Hook), ("job", Job?.ToString()), ("status", Status),
        ("limit", PageSize.ToString(CultureInfo.InvariantCulture)), ("cursor", cursor),
    ]);
}
