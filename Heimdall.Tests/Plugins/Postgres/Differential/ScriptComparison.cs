namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>
/// Runs scripts with psql in one database and with Heimdall in another, each script in a schema of its own, and tells where the two
/// differ: in their errors and the lines of these, and in what they left behind, which is looked at once for a whole group.
/// </summary>
internal sealed class ScriptComparison(IScriptRunner psql, IScriptRunner heimdall) : IAsyncDisposable
{
    private readonly ComparedDatabase _left = new(psql.ConnectionString);
    private readonly ComparedDatabase _right = new(heimdall.ConnectionString);
    private int _schemas;

    /// <summary>How many scripts were compared so far, each time it was.</summary>
    public int Ran { get; private set; }

    /// <summary>How many of them failed with psql.</summary>
    public int Failed { get; private set; }

    public static async Task<ScriptComparison> StartAsync() => new(await PsqlRunner.StartAsync(), await HeimdallRunner.StartAsync());

    /// <returns>A complaint for each script that differs, with its text; empty if none does.</returns>
    public async Task<IReadOnlyList<ScriptComplaint>> RunAsync(IReadOnlyCollection<DifferentialScript> group, CancellationToken cancellationToken)
    {
        var complaints = new List<ScriptComplaint>();
        if (await DatabaseDump.IsPsqlTooOldForCsvAsync())
        {
            group = [.. group.Where(script => !MeantDifferences.ReadsCsv(script.Content))];
        }

        foreach (var script in group)
        {
            if (await CompareErrorsAsync(script, cancellationToken) is { } complaint)
            {
                complaints.Add(complaint);
            }
        }

        if (await CompareDumpsAsync(cancellationToken) is { } difference)
        {
            complaints.AddRange(await BlameAsync(group, difference, cancellationToken));
        }

        await ResetAsync(cancellationToken);
        return complaints;
    }

    public async ValueTask DisposeAsync()
    {
        await _left.DisposeAsync();
        await _right.DisposeAsync();
        await psql.DisposeAsync();
        await heimdall.DisposeAsync();
    }

    /// <summary>One by one, from the start: which of them is it? If it is none, then all of them again.</summary>
    private async Task<IReadOnlyList<ScriptComplaint>> BlameAsync(
        IReadOnlyCollection<DifferentialScript> group, string difference, CancellationToken cancellationToken)
    {
        var blamed = new List<ScriptComplaint>();
        foreach (var script in group)
        {
            if (await DifferenceAsync([script], cancellationToken) is { } own)
            {
                blamed.Add(new ScriptComplaint(script, $"leaves something else behind (- psql, + Heimdall):\n{own}"));
            }
        }

        return blamed.Count > 0 ? blamed : [new ScriptComplaint(
            group.First(),
            $"and those after it left something else behind together, though none does so alone:\n{difference}\nOnce more:\n{await DifferenceAsync(group, cancellationToken) ?? "no difference"}")];
    }

    private async Task<string?> DifferenceAsync(IReadOnlyCollection<DifferentialScript> scripts, CancellationToken cancellationToken)
    {
        await ResetAsync(cancellationToken);
        foreach (var script in scripts)
        {
            await CompareErrorsAsync(script, cancellationToken);
        }

        return await CompareDumpsAsync(cancellationToken);
    }

    private async Task<ScriptComplaint?> CompareErrorsAsync(DifferentialScript script, CancellationToken cancellationToken)
    {
        var schema = $"script_{++_schemas}";
        await Task.WhenAll(_left.PrepareAsync(schema, cancellationToken), _right.PrepareAsync(schema, cancellationToken));

        var leftTask = RunPsqlAsync(script, cancellationToken);
        if (script.IsAlone)
        {
            await leftTask;
            await _left.DropRolesAsync(cancellationToken);
        }

        var rightTask = heimdall.RunAsync(script, script.Content, cancellationToken);
        var (left, right) = (await leftTask, await rightTask);
        (Ran, Failed) = (Ran + 1, Failed + (left.Errors.Count > 0 ? 1 : 0));
        if (script.IsAlone)
        {
            await _right.DropRolesAsync(cancellationToken);
        }

        return ErrorComparison.Complaint(script, left, right) is { } complaint
            ? new ScriptComplaint(script, $"{complaint}\n{psql.Name}: {left}\n{left.Report}\n{heimdall.Name}: {right}\n{right.Report}")
            : null;
    }

    private async Task<ScriptOutcome> RunPsqlAsync(DifferentialScript script, CancellationToken cancellationToken) => script.RefusedAt is { } at
        ? MeantDifferences.AsRefused(
            await psql.RunAsync(script, MeantDifferences.Nothing, cancellationToken), script.Content, at)
        : await psql.RunAsync(script, script.Content, cancellationToken);

    private async Task<string?> CompareDumpsAsync(CancellationToken cancellationToken)
    {
        var dumps = await Task.WhenAll(
            DatabaseDump.TakeAsync(psql.ConnectionString, cancellationToken), DatabaseDump.TakeAsync(heimdall.ConnectionString, cancellationToken));
        return dumps[0] == dumps[1] ? null : DatabaseDump.Difference(dumps[0], dumps[1]);
    }

    private Task ResetAsync(CancellationToken cancellationToken)
    {
        _schemas = 0;
        return Task.WhenAll(_left.ResetAsync(cancellationToken), _right.ResetAsync(cancellationToken));
    }
}
