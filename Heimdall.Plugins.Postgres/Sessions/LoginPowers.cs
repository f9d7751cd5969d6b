using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Errors;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>
/// What a cluster's login may do beyond its database: no grant, no read-only transaction and no role of a job keeps its
/// jobs from it.
/// </summary>
internal static class LoginPowers
{
    // Of the login, whatever role it begins with: a script can go back to it. A superuser is a member of every role.
    private const string Sql =
        """
        select array(
            select case when rolsuper then 'superuser' else name end
            from pg_catalog.pg_roles
            cross join lateral (
                select rolname::text from pg_catalog.pg_roles as granted
                where not pg_roles.rolsuper
                  and rolname in ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
                  and pg_catalog.pg_has_role(pg_roles.oid, granted.oid, 'MEMBER')
                union all
                select null where pg_roles.rolsuper) as power (name)
            where rolname = session_user
            order by 1)
        """;

    /// <summary>Asks the cluster now: grants change.</summary>
    /// <returns>A sentence for each, safe to show; none for a login that has no such power.</returns>
    /// <exception cref="JobFailedException">The cluster cannot be asked.</exception>
    public static async Task<IReadOnlyList<string>> FindAsync(ClusterPool pool, CancellationToken cancellationToken)
    {
        try
        {
            var found = await ControlQuestion.AskAsync(
                pool.OpenControlAsync,
                pool.RenewControl,
                async control =>
                {
                    pool.RequireSupported(control);
                    await using var command = new NpgsqlCommand(Sql, control);
                    return (string[])(await command.ExecuteScalarAsync(cancellationToken))!;
                },
                cancellationToken);
            return [.. found.Select(Describe)];
        }
        catch (Exception e) when (PostgresErrors.IsConnectFault(e))
        {
            throw new JobFailedException(PostgresErrors.CannotConnect(e), e);
        }
    }

    /// <summary>Refuses a job of a cluster that allows no such login.</summary>
    /// <exception cref="JobFailedException">The login has such a power, or the cluster cannot be asked.</exception>
    public static async Task RefuseAsync(
        PluginCluster cluster, ClusterPool pool, CancellationToken cancellationToken)
    {
        if (!ClusterSettings.AllowsSuperuser(cluster.Context)
            && await FindAsync(pool, cancellationToken) is [var first, ..])
        {
            throw new JobFailedException(new JobFailure
            {
                Kind = JobFailureKind.Refused,
                Message = $"{first} The cluster takes no jobs with such a login (allow_superuser: false): "
                    + "give it one without these rights.",
                IsUndone = true,
            });
        }
    }

    private static string Describe(string power) => power switch
    {
        "superuser" => "The login of this cluster is a superuser: its jobs may do everything on the server, "
            + "read and write its files and run programs there, also with read_only.",
        "pg_execute_server_program" => Describe(power, "run programs on the server"),
        "pg_read_server_files" => Describe(power, "read the server's files"),
        _ => Describe(power, "write the server's files"),
    };

    private static string Describe(string power, string what) =>
        $"The login of this cluster is a member of {power}: its jobs may {what}.";
}
