using Heimdall.Tests.Support;

namespace Heimdall.Tests.Jobs;

/// <summary>A batch of two effects that waits between them until its gate is opened.</summary>
internal static class GatedBatch
{
    public static Task PrepareAsync(HeimdallInstance heimdall) =>
        heimdall.Target.ExecuteAsync("create table effect (name text, step int)", CancellationToken.None);

    /// <returns>The job, once it has had its first effect and waits.</returns>
    public static async Task<Guid> StartAsync(HeimdallInstance heimdall, string name, CancellationToken cancellationToken, string transaction = "single")
    {
        await heimdall.CloseGateAsync(name, cancellationToken);
        var id = (await heimdall.SubmitAsync(
            $"insert into effect values ('{name}', 1); {HeimdallInstance.WaitAt(name)}; insert into effect values ('{name}', 2)",
            returnResult: false, cancellationToken, name, more: new { transaction })).AssertStatus(202).Id;
        await Eventually.Is(async () => (await heimdall.JobAsync(id, cancellationToken))["statements"] == "1", cancellationToken);
        return id;
    }

    /// <summary>The effects that there are.</summary>
    public static Task<List<int>> StepsAsync(HeimdallInstance heimdall, string name, CancellationToken cancellationToken) =>
        heimdall.Target.ColumnAsync<int>("select step from effect where name = $1 order by step", cancellationToken, name);
}
