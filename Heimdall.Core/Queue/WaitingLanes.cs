using Heimdall.Core.Jobs;

namespace Heimdall.Core.Queue;

/// <summary>
/// The lanes that have jobs as far as this process knows, and whose turn it is: the caller who was served longest ago
/// comes first. What it does not know costs time and no job: the store is looked at again and again.
/// </summary>
internal sealed class WaitingLanes
{
    /// <summary>So many lanes are offered to one claim; of a caller with more, those that were offered longest ago.</summary>
    private const int MostOffered = 64;

    /// <summary>Callers who have no jobs any more are remembered while they are few.</summary>
    private const int MostRemembered = 1000;

    /// <summary>Of each caller, with the turn in which each was offered last.</summary>
    private readonly Dictionary<string, Dictionary<JobLane, long>> _lanes = new(StringComparer.Ordinal);
    private readonly Dictionary<string, long> _served = new(StringComparer.Ordinal);
    private readonly HashSet<JobLane> _closed = [];
    private long _turn;

    public bool IsEmpty => _lanes.Count == 0;

    public void Add(JobLane lane)
    {
        if (!_lanes.TryGetValue(lane.User, out var lanes))
        {
            _lanes[lane.User] = lanes = [];
        }
        lanes.TryAdd(lane, 0);
    }

    public void Remove(JobLane lane)
    {
        if (_lanes.TryGetValue(lane.User, out var lanes) && lanes.Remove(lane) && lanes.Count == 0)
        {
            _lanes.Remove(lane.User);
        }
    }

    /// <summary>
    /// A lane whose cluster or command has no room, or is paused: it is offered again after <see cref="Reopen"/>.
    /// </summary>
    public void Close(JobLane lane)
    {
        Remove(lane);
        _closed.Add(lane);
    }

    public void Reopen()
    {
        foreach (var lane in _closed)
        {
            Add(lane);
        }
        _closed.Clear();
    }

    /// <summary>The lanes to claim from, those of the first caller first.</summary>
    /// <param name="most">How many jobs are wanted: no more callers than that can be served.</param>
    public IReadOnlyList<(JobLane Lane, int Turn)> InTurn(int most)
    {
        _turn++;
        var offered = new List<(JobLane, int)>();
        foreach (var (turn, user) in _lanes.Keys.OrderBy(user => _served.GetValueOrDefault(user)).Take(most).Index())
        {
            var lanes = _lanes[user];
            JobLane[] next = [.. lanes.OrderBy(lane => lane.Value).Take(MostOffered).Select(lane => lane.Key)];
            offered.AddRange(next.Select(lane => (lane, turn)));
            foreach (var lane in next)
            {
                lanes[lane] = _turn;
            }
            if (offered.Count >= MostOffered)
            {
                break;
            }
        }
        return offered;
    }

    /// <summary>A job of the caller was taken: the others come first now.</summary>
    public void Served(string user)
    {
        if (_served.Count >= MostRemembered && !_served.ContainsKey(user))
        {
            foreach (var gone in _served.Keys.Where(known => !_lanes.ContainsKey(known)).ToArray())
            {
                _served.Remove(gone);
            }
        }
        _served[user] = ++_turn;
    }
}
