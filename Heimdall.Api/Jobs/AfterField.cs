using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Api.Serialization;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Jobs;

/// <summary>One of the jobs that a submission names in <c>after</c>.</summary>
/// <param name="Job">Its id; null where it stands in the same request.</param>
/// <param name="Place">Its place in the same request; null where it has an id.</param>
/// <param name="On">How it must end.</param>
internal readonly record struct AfterEntry(Guid? Job, int? Place, PredecessorEnd On);

/// <summary>
/// The field <c>after</c> of a submission: an array of ids, of places in the same array of jobs, or of objects with such
/// a <c>job</c> and <c>on</c>.
/// </summary>
internal static class AfterField
{
    public const int MostEntries = 100;

    private const string Expected =
        "Must be the id of a job, its place in the array of POST /api/v1/jobs, or {\"job\": …, \"on\": …}.";

    private static readonly string _ends = string.Join(", ", PredecessorEndNames.All);

    /// <param name="value">The field; null where it is absent.</param>
    /// <param name="path">How problems name it.</param>
    /// <param name="places">How many jobs are in the request; 0 where it is not an array.</param>
    /// <param name="problems">Gets what is wrong.</param>
    public static IReadOnlyList<AfterEntry> Read(JsonNode? value, string path, int places, FaultList problems)
    {
        if (value is null)
        {
            return [];
        }
        if (value is not JsonArray { Count: <= MostEntries } array)
        {
            problems.Add(new(path, $"Must be an array of at most {MostEntries} jobs."));
            return [];
        }
        var entries = new List<AfterEntry>();
        foreach (var (index, node) in array.Index())
        {
            var (entry, problem) = ReadEntry(node, places);
            if (problem is null && entries.Exists(other => (other.Job, other.Place) == (entry.Job, entry.Place)))
            {
                problem = "This job is named twice.";
            }
            if (problem is null)
            {
                entries.Add(entry);
            }
            else
            {
                problems.Add(new($"{path}[{index}]", problem));
            }
        }
        return entries;
    }

    /// <summary>Replaces places by the ids of the jobs that stand there.</summary>
    /// <param name="jobs">All jobs of the request, in its order.</param>
    /// <param name="entries">Those of each.</param>
    /// <param name="problems">Gets what is wrong: jobs that wait for each other.</param>
    public static IReadOnlyList<Job> Resolve(
        IReadOnlyList<Job> jobs, IReadOnlyList<IReadOnlyList<AfterEntry>> entries, FaultList problems)
    {
        if (FindCircle(entries) is { } circle)
        {
            var rest = string.Join(", which waits for ", circle.Append(circle[0]).Select(place => $"[{place}]").Skip(1));
            problems.Add(new(
                $"[{circle[0]}].after", $"A circle, of which no job could start: [{circle[0]}] waits for {rest}."));
            return jobs;
        }
        return [.. jobs.Zip(entries, (job, own) => own.Count == 0
            ? job
            : job with
            {
                After = [.. own.Select(entry => new JobPredecessor(entry.Job ?? jobs[entry.Place!.Value].Id, entry.On))],
            })];
    }

    private static (AfterEntry Entry, string? Problem) ReadEntry(JsonNode? node, int places)
    {
        var on = PredecessorEnd.Succeeded;
        if (node is JsonObject fields)
        {
            if (fields.FirstOrDefault(field => field.Key is not ("job" or "on")).Key is { } unknown)
            {
                return (
                    default, $"Unknown field '{unknown}'. Known are: job, on.{NearestWord.Ask(unknown, ["job", "on"])}");
            }
            if (fields["on"] is { } wanted)
            {
                if (wanted.GetValueKind() != JsonValueKind.String
                    || PredecessorEndNames.Find(wanted.GetValue<string>()) is not { } end)
                {
                    return (default, $"'on' must be one of: {_ends}.");
                }
                on = end;
            }
            node = fields["job"];
        }
        return node?.GetValueKind() switch
        {
            JsonValueKind.String when Guid.TryParseExact(node.GetValue<string>(), "D", out var id) =>
                (new(id, null, on), null),
            JsonValueKind.Number when places == 0 =>
                (default, "A place can be named only in POST /api/v1/jobs. Here it must be the id of a job."),
            JsonValueKind.Number when node.AsValue().TryGetValue<int>(out var place) && place >= 0 && place < places =>
                (new(null, place, on), null),
            JsonValueKind.Number => (default, $"Places in this array are 0 to {places - 1}."),
            _ => (default, Expected),
        };
    }

    /// <summary>Places that wait for each other, each for the next one; null where none do.</summary>
    private static List<int>? FindCircle(IReadOnlyList<IReadOnlyList<AfterEntry>> entries)
    {
        var path = new List<int>();
        var isOnPath = new bool[entries.Count];
        var isDone = new bool[entries.Count];
        return Enumerable.Range(0, entries.Count).Select(Follow).FirstOrDefault(circle => circle is not null);

        List<int>? Follow(int place)
        {
            if (isOnPath[place])
            {
                return path[path.IndexOf(place)..];
            }
            if (isDone[place])
            {
                return null;
            }
            path.Add(place);
            isOnPath[place] = true;
            foreach (var entry in entries[place])
            {
                if (entry.Place is { } before && Follow(before) is { } circle)
                {
                    return circle;
                }
            }
            path.RemoveAt(path.Count - 1);
            isOnPath[place] = false;
            isDone[place] = true;
            return null;
        }
    }
}
