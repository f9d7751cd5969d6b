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
    private const string Superuser = "superuser";
    private const string BecomesSuperuser = "becomes superuser";
    private const string CreatesRoles = "creates roles";

    // Of the login, whatever role it begins with: a script can go back to it, and on to each role whose member it is. A
    // member of a superuser is no member of what the superuser may use. Before PostgreSQL 16 a role with CREATEROLE
    // makes any role but a superuser its own.
    private const string Sql =
        $"""
        with login as (select oid, rolsuper from pg_catalog.pg_roles where rolname = session_user),
        reached as (
            select granted.* from login
            join pg_catalog.pg_roles as granted on pg_catalog.pg_has_role(login.oid, granted.oid, 'MEMBER')
            where not login.rolsuper)
        select array(
            select '{Superuser}' from login where rolsuper
            union
            select '{BecomesSuperuser}' from reached where rolsuper
            union
            select '{CreatesRoles}' from reached
            where rolcreaterole and not rolsuper
              and pg_catalog.current_setting('server_version_num')::int < 160000
            union
            select rolname::text from reached
            where rolname in ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files')
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
        Superuser => "The login of this cluster is a superuser: its jobs may do everything on the server, "
            + "read and write its files and run programs there, also with read_only.",
        BecomesSuperuser => "The login of this cluster is a member of a superuser's role: its jobs may SET ROLE to it, "
            + "and then do everything on the server.",
        CreatesRoles => "The login of this cluster has CREATEROLE, or is a member of a role that has it: before "
            + "PostgreSQL 16 its jobs may grant it the roles that reach the server's files and programs.",
        "pg_execute_server_program" => Describe(power, "run programs on the server"),
        "pg_read_server_files" => Describe(power, "read the server's files"),
        _ => Describe(power, "write the server's files"),
    };

    private static string Describe(string power, string what) =>
        $"The login of this cluster is a member of {power}: its jobs may {what}.";
}
