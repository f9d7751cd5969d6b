namespace Heimdall.Core.Jobs;

/// <summary>The jobs that a caller may see.</summary>
/// <param name="Owner">The caller.</param>
/// <param name="Own">Where they see their own jobs.</param>
/// <param name="Any">Where they see everybody's.</param>
public sealed record JobSight(string Owner, IReadOnlyList<JobPlaces> Own, IReadOnlyList<JobPlaces> Any)
{
    public static JobSight Everything { get; } = new("", [], [JobPlaces.All]);

    public bool IsEverything => Any.Any(places => places.IsAll);

    /// <summary>As a condition on the <c>job</c> table.</summary>
    /// <param name="parameter">Takes a value, and gives its name in the statement.</param>
    /// <returns>Null when everything may be seen.</returns>
    internal string? ToCondition(Func<object, string> parameter)
    {
        if (IsEverything)
        {
            return null;
        }
        var seen = Any.Select(places => $"({places.ToCondition(parameter)})").ToList();
        if (Own.Count > 0)
        {
            var own = string.Join(" or ", Own.Select(places => places.ToCondition(parameter)));
            seen.Add($"({OwnerCondition(parameter)} and ({own}))");
        }
        return seen.Count == 0 ? "false" : $"({string.Join(" or ", seen)})";
    }

    internal string OwnerCondition(Func<object, string> parameter) => $"\"user\" = {parameter(Owner)}";
}

/// <summary>The jobs of these commands on these clusters.</summary>
/// <param name="Commands">Their ids; null: all commands.</param>
/// <param name="Clusters">Their ids; null: all clusters.</param>
public sealed record JobPlaces(string[]? Commands, string[]? Clusters)
{
    public static JobPlaces All { get; } = new(null, null);

    public bool IsAll => Commands is null && Clusters is null;

    internal string ToCondition(Func<object, string> parameter) => (Commands, Clusters) switch
    {
        (null, null) => "true",
        ({ } commands, null) => $"command_id = any({parameter(commands)})",
        (null, { } clusters) => $"cluster_id = any({parameter(clusters)})",
        ({ } commands, { } clusters) =>
            $"command_id = any({parameter(commands)}) and cluster_id = any({parameter(clusters)})",
    };
}

/// <summary>Whose a job is and where it runs, without the rest of it.</summary>
public sealed record JobPlace(string Owner, string CommandId, string ClusterId);
