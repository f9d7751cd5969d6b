using Heimdall.Core.Plugins;

namespace Heimdall.Api.Serialization;

/// <summary>What is wrong with a request: the first faults, and how many more there are.</summary>
internal sealed class FaultList
{
    private readonly List<ContextProblem> _named = [];

    /// <summary>The first <see cref="ContextProblem.MostNamed"/>, with what they quote cut.</summary>
    public IReadOnlyList<ContextProblem> Named => _named;

    /// <summary>How many are counted only.</summary>
    public int LeftOut { get; private set; }

    public int Count => _named.Count + LeftOut;

    public void Add(ContextProblem fault)
    {
        if (_named.Count < ContextProblem.MostNamed)
        {
            _named.Add(new(Excerpt.Cut(fault.Path), Excerpt.Cut(fault.Message, Excerpt.LongestSentence)));
        }
        else
        {
            LeftOut++;
        }
    }

    public void AddAll(IEnumerable<ContextProblem> faults)
    {
        foreach (var fault in faults)
        {
            Add(fault);
        }
    }

    /// <summary>Describes what is wrong of as many as are named: to describe a fault may be work.</summary>
    public void AddAll<T>(ICollection<T> wrong, Func<T, ContextProblem> describe)
    {
        var room = Math.Max(0, ContextProblem.MostNamed - _named.Count);
        AddAll(wrong.Take(room).Select(describe));
        LeftOut += Math.Max(0, wrong.Count - room);
    }

    public void AddAll(FaultList faults)
    {
        AddAll(faults.Named);
        LeftOut += faults.LeftOut;
    }

    /// <param name="refused">Faults of a job's context.</param>
    /// <param name="place">Where the job stands in an array, with a dot behind it; empty for a single job.</param>
    public void AddAll(JobRefusedException refused, string place = "")
    {
        place += refused.IsWithinContext ? "context." : "";
        AddAll(refused.Problems.Select(problem => problem with { Path = place + problem.Path }));
        LeftOut += refused.LeftOut;
    }

    /// <summary>Whether a fault of a field is named.</summary>
    public bool Names(string path) => _named.Exists(fault => fault.Path == Excerpt.Cut(path));
}
