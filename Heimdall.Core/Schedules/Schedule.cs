using Heimdall.Core.Catalog;
using Heimdall.Core.Secrets;
using Heimdall.Core.Submission;

namespace Heimdall.Core.Schedules;

/// <summary>A job that is run by the clock, as it is stored.</summary>
public sealed record Schedule
{
    public required ScheduleDefinition Definition { get; init; }

    public string Id => Definition.Id;

    /// <summary>What becomes of every occurrence up to here is recorded.</summary>
    public required DateTime DecidedUntil { get; init; }

    /// <summary>The next occurrence; null: none, or paused.</summary>
    public DateTime? NextAt { get; init; }

    /// <summary>Null: not paused.</summary>
    public SchedulePause? Pause { get; init; }

    /// <summary>True when it is in the configuration file: it goes when it leaves the file.</summary>
    public bool IsFromFile => Seed is not null;

    /// <summary>What the file said, in short, when it last seeded it; null where it never did.</summary>
    internal string? Seed { get; init; }

    /// <summary>Who last said by <c>PUT</c> what it runs; null: the file, or a version before this column.</summary>
    public string? EditedBy { get; init; }

    /// <summary>Where who edited it last may run jobs; null: everywhere.</summary>
    public IReadOnlyList<TagScope>? Scopes { get; init; }

    /// <summary>The job of one run.</summary>
    /// <param name="startBefore">When it is too late to start it.</param>
    /// <param name="triggeredBy">Who has asked for the run; null: the clock.</param>
    public JobSubmission ToSubmission(DateTime? startBefore, string? triggeredBy) =>
        Definition.ToSubmission(startBefore) with
        {
            Askers = [.. new[] { EditedBy, triggeredBy }.OfType<string>().Where(asker => asker != Definition.User)],
            Scopes = Scopes,
            SealedSecrets = SealedSecrets,
        };

    /// <summary>The secrets of its jobs, as they are stored.</summary>
    public SealedText? SealedSecrets { get; init; }

    /// <summary>For whom the secrets of a schedule are sealed.</summary>
    internal static string OwnerOfSecrets(string id) => $"schedule/{id}";

    /// <summary>Counts the changes that people made.</summary>
    public long Revision { get; init; }

    public DateTime CreatedAt { get; init; }

    public DateTime UpdatedAt { get; init; }

    /// <summary>The occurrences that are still to come, in order; without end unless the schedule has one.</summary>
    public IEnumerable<DateTime> Coming()
    {
        var from = DecidedUntil;
        if (Pause is { } pause)
        {
            if (pause.Until is not { } until)
            {
                return [];
            }
            from = from < until ? JustBefore(until) : from;
        }
        return Definition.After(from);
    }

    /// <summary>The same, as clocks in the schedule's time zone show them.</summary>
    public IEnumerable<DateTimeOffset> ComingLocally() => Coming().Select(time => Definition.Times().ToLocal(time));

    /// <summary>The same schedule with its next occurrence. Where that cannot be told it is the last known one, so that it is looked for again.</summary>
    internal Schedule WithNext() => this with
    {
        NextAt = Definition.FindTimesProblem() is null ? Coming().Cast<DateTime?>().FirstOrDefault() : Pause is null ? NextAt ?? DecidedUntil : null,
    };

    /// <summary>By the store's precision.</summary>
    internal static DateTime JustBefore(DateTime time) => time.AddMicroseconds(-1);
}

/// <summary>Who keeps a schedule from running.</summary>
/// <param name="At">Since when.</param>
/// <param name="By">The user.</param>
/// <param name="Reason">Why; may be empty.</param>
/// <param name="Until">When it goes on by itself; null: not before somebody resumes it.</param>
public sealed record SchedulePause(DateTime At, string By, string Reason, DateTime? Until);
