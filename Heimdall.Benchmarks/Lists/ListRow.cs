namespace Heimdall.Benchmarks.Lists;

/// <summary>A page of a list, that both stores are asked for.</summary>
/// <param name="Name">For --only and the report.</param>
/// <param name="Path">Of the request, without a cursor.</param>
/// <param name="IsDeep">From the middle of the history on.</param>
internal sealed record ListRow(string Name, string Path, bool IsDeep = false)
{
    private const string Rest = "/api/v1/jobs?";
    private const string Dashboard = "/hangfire/sql/jobs?";

    public static IReadOnlyList<ListRow> All { get; } =
    [
        new("first", Rest),
        new("deep", Rest, IsDeep: true),
        new("failed", Rest + "status=FAILED"),
        new("failed-deep", Rest + "status=FAILED", IsDeep: true),
        new("user", Rest + "user=user-7"),
        new("user-deep", Rest + "user=user-7", IsDeep: true),
        new("tag", Rest + "tag=team:7"),
        new("tag-deep", Rest + "tag=team:7", IsDeep: true),
        new("command-cluster", Rest + "command=load&cluster=cluster-3"),
        new("running", Rest + "status=RUNNING"),
        new("text", Rest + "text=nowhere-to-be-found"),
        new("page-first", Dashboard),
        new("page-deep", Dashboard, IsDeep: true),
        new("page-failed", Dashboard + "status=FAILED"),
    ];

    /// <summary>What a whole reply has near its end.</summary>
    public byte[] Mark => Path.StartsWith(Dashboard, StringComparison.Ordinal) ? "</html>"u8.ToArray() : "\"has_more\""u8.ToArray();
}
