using FluentValidation.Results;

namespace Heimdall.Core.Configuration;

/// <summary>Gathers the problems of one file, and remembers where in it each path stands.</summary>
internal sealed class ConfigProblemList(string file)
{
    private readonly List<ConfigProblem> _problems = [];
    private readonly Dictionary<string, int> _lines = [];
    private readonly HashSet<string> _unread = [];

    public bool IsEmpty => _problems.Count == 0;

    /// <summary>By line, then in the order they were found.</summary>
    public IReadOnlyList<ConfigProblem> InOrder() => [.. _problems.OrderBy(problem => problem.Line ?? 0)];

    public void Locate(string path, int line) => _lines[path] = line;

    public void Add(string path, string message, int? line = null) => _problems.Add(new ConfigProblem(file, line ?? LineOf(path), path, message));

    /// <summary>Adds a problem that left a default in the place of what was written.</summary>
    public void AddUnread(string path, string message)
    {
        _unread.Add(path);
        Add(path, message);
    }

    /// <summary>
    /// Adds what the validators found, except where they saw a default instead of what was written:
    /// "is required" beside "must be text" would send the reader looking for a second mistake.
    /// </summary>
    public void AddFailures(ValidationResult result)
    {
        foreach (var failure in result.Errors)
        {
            var path = ConfigPath.FromProperty(failure.PropertyName);

            if (!SelfAndParents(path).Any(_unread.Contains))
            {
                Add(path, failure.ErrorMessage);
            }
        }
    }

    private int? LineOf(string path)
    {
        foreach (var known in SelfAndParents(path))
        {
            if (_lines.TryGetValue(known, out var line))
            {
                return line;
            }
        }

        return null;
    }

    private static IEnumerable<string> SelfAndParents(string path)
    {
        for (; path.Length > 0; path = ConfigPath.Parent(path))
        {
            yield return path;
        }
    }
}
