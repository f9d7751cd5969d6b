using Heimdall.Core.Database;

namespace Heimdall.Core.Scripts;

/// <summary>
/// The <c>script</c> table: whose the scripts are that callers have put. A file without a row was put there by somebody
/// else, or by a version before this one: it belongs to operators.
/// </summary>
public sealed class ScriptOwners(StoreDatabase database)
{
    private const string FindSql = "select owner from script where path = $1";

    private const string FindAllSql = "select path, owner from script where path = any ($1)";

    private const string ListSql = """
        select path from script where owner = $1 and path > $2 and starts_with(path, $3) order by path limit $4
        """;

    private const string ClaimSql = """
        insert into script (path, owner) values ($1, $2) on conflict (path) do nothing
        """;

    private const string ReleaseSql = "delete from script where path = $1";

    // Blanks around a path do not count, whichever they are. A schedule that has left the file can come back.
    // The open jobs are found by three indexes, whose conditions are spelled as here.
    internal const string IsNamedByOthersSql = """
        select exists (select from schedule where "user" <> $2 and btrim(context ->> 'query', $3) = $1)
            or exists (select from job where status = 'ACCEPTED' and "user" <> $2
                and btrim(context ->> 'query', $3) = $1)
            or exists (select from job where status = 'WAITING_FOR_APPROVAL' and "user" <> $2
                and btrim(context ->> 'query', $3) = $1)
            or exists (select from job where status in ('NEW', 'RUNNING', 'CANCELING') and "user" <> $2
                and btrim(context ->> 'query', $3) = $1)
        """;

    private static readonly string Blanks =
        string.Concat(Enumerable.Range(1, char.MaxValue).Select(code => (char)code).Where(char.IsWhiteSpace));

    /// <param name="path">As a list of scripts shows it.</param>
    /// <param name="cancellationToken">Ends the question.</param>
    /// <returns>Null: it belongs to operators.</returns>
    public async Task<string?> FindAsync(string path, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(FindSql);
        command.Parameters.Add(new() { Value = path });
        return (string?)await command.ExecuteScalarAsync(cancellationToken);
    }

    /// <summary>The owners of these scripts, as far as they have one.</summary>
    public async Task<IReadOnlyDictionary<string, string>> FindAsync(
        IEnumerable<string> paths, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(FindAllSql);
        command.Parameters.Add(new() { Value = paths.ToArray() });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var owners = new Dictionary<string, string>(StringComparer.Ordinal);
        while (await row.ReadAsync(cancellationToken))
        {
            owners[row.GetString(0)] = row.GetString(1);
        }
        return owners;
    }

    /// <summary>The paths of a user's scripts in order, whether the files are still there or not.</summary>
    public async Task<IReadOnlyList<string>> ListAsync(
        string owner, string after, string prefix, int limit, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(ListSql);
        command.Parameters.Add(new() { Value = owner });
        command.Parameters.Add(new() { Value = after });
        command.Parameters.Add(new() { Value = prefix });
        command.Parameters.Add(new() { Value = limit });
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var paths = new List<string>();
        while (await row.ReadAsync(cancellationToken))
        {
            paths.Add(row.GetString(0));
        }
        return paths;
    }

    /// <summary>Makes a user the owner of a path that nobody owns.</summary>
    /// <returns>False when somebody owns it.</returns>
    public async Task<bool> TryClaimAsync(string path, string owner, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(ClaimSql);
        command.Parameters.Add(new() { Value = path });
        command.Parameters.Add(new() { Value = owner });
        return await command.ExecuteNonQueryAsync(cancellationToken) == 1;
    }

    /// <summary>The path is nobody's.</summary>
    public async Task ReleaseAsync(string path, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(ReleaseSql);
        command.Parameters.Add(new() { Value = path });
        await command.ExecuteNonQueryAsync(cancellationToken);
    }

    /// <summary>Whether a schedule or an open job of anybody else runs what is at a path.</summary>
    public async Task<bool> IsNamedByOthersAsync(string path, string user, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(IsNamedByOthersSql);
        command.Parameters.Add(new() { Value = path });
        command.Parameters.Add(new() { Value = user });
        command.Parameters.Add(new() { Value = Blanks });
        return (bool)(await command.ExecuteScalarAsync(cancellationToken))!;
    }
}
