namespace Heimdall.Api.Descriptions;

/// <summary>The tags of operations: a name for each part of the API.</summary>
internal static class TagList
{
    public const string Jobs = "Jobs";
    public const string Catalog = "Commands and clusters";
    public const string Queue = "Queue";
    public const string Schedules = "Schedules";
    public const string Hooks = "Hooks";
    public const string Scripts = "Scripts";
    public const string Callers = "Callers";
    public const string Server = "Server";

    public static IReadOnlyList<(string Name, string Description)> All { get; } =
    [
        (Jobs, "Queries and batches of SQL, and what they left."),
        (Catalog, "How jobs are run, and where."),
        (Queue, "Pauses of what waits."),
        (Schedules, "Jobs that are submitted by cron."),
        (Hooks, "Who is notified of what happens, and whether the messages arrived."),
        (Scripts, "Files that jobs can name, where uploads are enabled."),
        (Callers, "Who calls, and who did what."),
        (Server, "Where things are, and whether they work."),
    ];
}
