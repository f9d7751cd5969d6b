namespace Heimdall.Core.Audit;

/// <summary>What somebody asks for.</summary>
/// <param name="User">Who; null: nobody whom the server knows.</param>
/// <param name="AuthenticatedBy">How they are known.</param>
/// <param name="Address">From where.</param>
/// <param name="Action">Method and route.</param>
/// <param name="Target">What it is about; may be empty.</param>
public sealed record AuditEntry(string? User, string? AuthenticatedBy, string? Address, string Action, string Target)
{
    internal bool IsRecorded { get; set; }

    /// <summary>Whether the change has recorded it already.</summary>
    public bool IsDone => IsRecorded;

    /// <summary>One of several changes that are asked for at once. Each has a record, and so the whole needs none.</summary>
    /// <param name="target">What this one is about.</param>
    public AuditEntry PartFor(string target)
    {
        IsRecorded = true;
        return this with { Target = target, IsRecorded = false };
    }
}

public enum AuditOutcome
{
    /// <summary>It was done.</summary>
    Done,

    /// <summary>The caller is not known, or may not.</summary>
    Refused,

    /// <summary>It could not be done.</summary>
    Failed,
}

public static class AuditOutcomeNames
{
    public static IReadOnlyList<string> All { get; } = [.. Enum.GetValues<AuditOutcome>().Select(ToName)];

    public static string ToName(this AuditOutcome outcome) => outcome.ToString().ToUpperInvariant();

    public static AuditOutcome? Find(string name) => All.Contains(name, StringComparer.Ordinal)
        ? Enum.Parse<AuditOutcome>(name, ignoreCase: true)
        : null;
}

/// <summary>What was recorded.</summary>
/// <param name="Id">Grows.</param>
/// <param name="At">By the store's clock.</param>
/// <param name="User">Who; null: nobody whom the server knows.</param>
/// <param name="AuthenticatedBy">How they were known.</param>
/// <param name="Address">From where.</param>
/// <param name="Action">Method and route.</param>
/// <param name="Target">What it was about.</param>
/// <param name="Outcome">One of <see cref="AuditOutcomeNames"/>.</param>
/// <param name="Status">Of the answer; null where it was recorded before there was one.</param>
public sealed record AuditRecord(
    long Id, DateTime At, string? User, string? AuthenticatedBy, string? Address, string Action, string Target,
    string Outcome, int? Status);

/// <summary>Which records a list holds. A null field does not filter.</summary>
public sealed record AuditFilter
{
    public string? User { get; init; }

    public string? Action { get; init; }

    public string? Target { get; init; }

    public AuditOutcome? Outcome { get; init; }

    public DateTime? After { get; init; }

    public DateTime? Before { get; init; }

    public int Limit { get; init; } = 50;

    /// <summary>Where the last page ended; null for the first.</summary>
    public AuditCursor? Cursor { get; init; }
}

/// <summary>The last record of a page.</summary>
public sealed record AuditCursor(DateTime At, long Id);

/// <summary>A page of records.</summary>
public sealed record AuditPage(IReadOnlyList<AuditRecord> Records, AuditCursor? Next);
