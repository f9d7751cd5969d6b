using System.Text.Json.Nodes;

namespace Heimdall.Core.Jobs;

/// <summary>
/// Looks for a text in jobs, one after the other in the order of the list, and at so many of them and at so much SQL for one page: an index would
/// have to be kept with every job that is written, and a search without one must not read the whole history.
/// </summary>
public sealed class JobSearch(JobStore jobs)
{
    /// <summary>How many jobs are looked at for a page.</summary>
    public const int MostLookedAt = 2000;

    /// <summary>How much of contexts is looked at for a page, in characters, give or take a slice, which a list bounds: as much as a script may be large.</summary>
    public const long MostCharacters = 32 * 1024 * 1024;

    private const int Slice = 200;
    private const string Query = "query";

    /// <param name="filter">With a text.</param>
    /// <param name="cancellationToken">Ends the search.</param>
    public async Task<JobSearchPage> FindAsync(JobFilter filter, CancellationToken cancellationToken)
    {
        var text = filter.Text ?? throw new ArgumentException("There is nothing to look for.", nameof(filter));
        var found = new List<Job>();
        var lookedAt = 0;
        var characters = 0L;
        for (var after = filter.After; ;)
        {
            var slice = await jobs.ListAsync(filter with { After = after, Limit = Math.Min(Slice, MostLookedAt - lookedAt) }, cancellationToken);
            foreach (var job in slice.Jobs)
            {
                lookedAt++;
                characters += SizeOf(job);
                if (!Holds(job, text))
                {
                    continue;
                }
                found.Add(job);
                if (found.Count == filter.Limit)
                {
                    var isLast = slice.Next is null && ReferenceEquals(job, slice.Jobs[^1]);
                    return new JobSearchPage(found, isLast ? null : CursorOf(filter, job), lookedAt);
                }
            }
            if (slice.Next is null || lookedAt >= MostLookedAt || characters >= MostCharacters)
            {
                return new JobSearchPage(found, slice.Next, lookedAt);
            }
            after = slice.Next;
        }
    }

    private static bool Holds(Job job, string text)
    {
        return Has(job.Name) || Has(job.Description) || Has(job.Failure?.Message)
            || (job.Failure?.Errors ?? job.Progress.Errors)?.Any(error => Has(error.Message) || Has(error.Detail) || Has(error.SqlState)) == true
            || (job.Context[Query] is JsonValue value && value.TryGetValue(out string? query) && Has(query));

        bool Has(string? where) => where?.Contains(text, StringComparison.OrdinalIgnoreCase) == true;
    }

    private static long SizeOf(Job job) => job.Context.Sum(field =>
        field.Value is JsonValue value && value.TryGetValue(out string? text) ? text.Length : field.Value?.ToJsonString().Length ?? 0L);

    private static JobCursor CursorOf(JobFilter filter, Job job) =>
        new(filter.OrderBy, filter.Descending, filter.OrderBy == JobOrder.CreatedAt ? job.CreatedAt : job.UpdatedAt, job.Id);
}

/// <summary>What a search has found so far.</summary>
/// <param name="Jobs">Those that hold the text.</param>
/// <param name="Next">Where to go on; null when there is no further job to look at.</param>
/// <param name="LookedAt">How many jobs this page has cost.</param>
public sealed record JobSearchPage(IReadOnlyList<Job> Jobs, JobCursor? Next, int LookedAt);
