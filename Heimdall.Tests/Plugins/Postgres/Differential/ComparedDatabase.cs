using Npgsql;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>One of the two databases. Scripts find their schema without naming it: it is the database's own default search path.</summary>
internal sealed class ComparedDatabase(string connectionString) : IAsyncDisposable
{
    /// <summary>Roles are the server's: those of a script are gone before the same script runs in the other database.</summary>
    private const string DropRoles =
        """
        do $$
        declare
            name text;
        begin
            for name in select rolname from pg_roles where rolname like 'differential\_%' loop
                execute format('drop owned by %I cascade', name);
                execute format('drop role %I', name);
            end loop;
        end $$
        """;

    private const string Clear =
        """
        do $$
        declare
            name text;
        begin
            for name in select nspname from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema', 'public') loop
                execute format('drop schema %I cascade', name);
            end loop;
            perform lo_unlink(oid) from pg_largeobject_metadata;
        end $$
        """;

    private readonly NpgsqlDataSource _sql = NpgsqlDataSource.Create(connectionString);

    /// <summary>Makes the schema for the next script, anew if it is there.</summary>
    public Task PrepareAsync(string schema, CancellationToken cancellationToken) => ExecuteAsync(
        $"""
        set client_min_messages = warning;
        drop schema if exists {schema} cascade;
        create schema {schema};
        alter database {new NpgsqlConnectionStringBuilder(connectionString).Database} set search_path = {schema};
        """,
        cancellationToken);

    public Task DropRolesAsync(CancellationToken cancellationToken) => ExecuteAsync(DropRoles, cancellationToken);

    public Task ResetAsync(CancellationToken cancellationToken) => ExecuteAsync(Clear, cancellationToken);

    public ValueTask DisposeAsync() => _sql.DisposeAsync();

    private async Task ExecuteAsync(string sql, CancellationToken cancellationToken)
    {
        await using var command = _sql.CreateCommand(sql);
        await command.ExecuteNonQueryAsync(cancellationToken);
    }
}
