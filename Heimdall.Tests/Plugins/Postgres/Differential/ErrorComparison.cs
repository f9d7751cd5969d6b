namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>Compares what the two said. psql gives the line where a statement ended, Heimdall one within it.</summary>
internal static class ErrorComparison
{
    /// <returns>What is wrong, or null.</returns>
    public static string? Complaint(DifferentialScript script, ScriptOutcome psql, ScriptOutcome heimdall)
    {
        if (psql.Errors.Any(error => error.State == MeantDifferences.StrayEndOfData))
        {
            // Data that were read as SQL run into the statement after them.
            script = script with { StatementLines = null };
        }

        psql = psql with { Errors = [.. MeantDifferences.Shared(psql, script.Mode)] };
        if (psql.Errors.Any(error => error.State is MeantDifferences.PsqlsOwn))
        {
            return "has something that only psql understands:";
        }

        if (psql.Errors.Count != heimdall.Errors.Count || !psql.Errors.Zip(heimdall.Errors).All(pair => MeantDifferences.IsSame(pair.First, pair.Second)))
        {
            return "fails differently:";
        }

        return Unexpected(script, psql, heimdall) ?? WrongLine(script, psql, heimdall);
    }

    private static string? Unexpected(DifferentialScript script, ScriptOutcome psql, ScriptOutcome heimdall) => script.Errors switch
    {
        null => null,
        { } expected when !expected.Select(error => error.State).SequenceEqual(psql.Errors.Select(error => error.State)) =>
            $"should fail with {string.Join(' ', expected)}:",
        { } expected when !expected.Select(error => error.Line).SequenceEqual(heimdall.Errors.Select(error => error.Line)) =>
            $"should fail in other lines, with {string.Join(' ', expected)}:",
        _ => null,
    };

    private static string? WrongLine(DifferentialScript script, ScriptOutcome psql, ScriptOutcome heimdall)
    {
        long least = 1;
        foreach (var (left, right) in psql.Errors.Zip(heimdall.Errors))
        {
            // Neither has a line for the commit of the one transaction. What is refused may stand behind space.
            var most = left.State == MeantDifferences.Refused ? long.MaxValue : left.Line + (IsLastLine(script, left) ? 1 : 0);
            least = Math.Max(least, FirstLine(script, left));
            if (most is null ? right.Line is not null : right.Line is not { } line || line < least || line > most)
            {
                return $"gives the wrong line for {right}, which is in {least} to {most?.ToString() ?? "none"}:";
            }

            least = left.Line ?? least;
        }

        return null;
    }

    // psql counts the end of copy data only where it is also the end of a line.
    private static bool IsLastLine(DifferentialScript script, ScriptError error) => error.Line == script.Content.AsSpan().Count((byte)'\n');

    private static long FirstLine(DifferentialScript script, ScriptError error) => error switch
    {
        { State: MeantDifferences.Refused } when script.RefusedAt is { } at => 1 + script.Content.AsSpan(0, at).Count((byte)'\n'),
        _ => script.StatementLines?.Where(statement => statement.Last == error.Line).Select(statement => statement.First).DefaultIfEmpty(1).Min() ?? 1,
    };
}
