using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Connections;
using Heimdall.Plugins.Postgres.Errors;
using Npgsql;
using Npgsql.PostgresTypes;
using NpgsqlTypes;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>Names the columns of a result with PostgreSQL's own names of their types. A domain shows as the type under it.</summary>
internal static class ColumnTypes
{
    public const uint TimestampTz = 1184;

    private const string TypeName =
        """
        select case when e.typarray = t.oid then e.typname || '[]' else t.typname::text end
        from pg_type t left join pg_type e on e.oid = t.typelem
        where t.oid = $1
        """;

    public static async Task<IReadOnlyList<ResultColumn>> DescribeAsync(NpgsqlDataReader reader, Session session, CancellationToken cancellationToken)
    {
        var columns = new ResultColumn[reader.FieldCount];
        for (var i = 0; i < columns.Length; i++)
        {
            var oid = reader.GetDataTypeOID(i);
            var name = NameOf(reader.GetPostgresType(i)) ?? await LookUpAsync(oid, session, cancellationToken);
            columns[i] = new ResultColumn(reader.GetName(i), name, KindOf(oid));
        }

        return columns;
    }

    // OIDs of built-in types are fixed for ever; names are not a key, since a user can make a type "int4" in a schema of his own.
    private static ResultValueKind KindOf(uint oid) => oid switch
    {
        20 or 21 or 23 or 26 or 700 or 701 or 1700 => ResultValueKind.Number,
        16 => ResultValueKind.Boolean,
        114 or 3802 => ResultValueKind.Json,
        _ => ResultValueKind.Text,
    };

    private static string? NameOf(PostgresType type) => type switch
    {
        UnknownBackendType => null,
        PostgresArrayType array => $"{array.Element.InternalName}[]",
        _ => type.InternalName,
    };

    /// <summary>Types made after the pool first connected, and those of tables, are not in Npgsql's list.</summary>
    private static async Task<string> LookUpAsync(uint oid, Session session, CancellationToken cancellationToken)
    {
        var names = session.Pool.TypeNames;
        if (names.TryGetValue(oid, out var known))
        {
            return known;
        }

        try
        {
            // The session itself is busy with the result.
            await using var control = await session.OpenControlAsync(cancellationToken);
            await using var command = new NpgsqlCommand(TypeName, control)
            {
                Parameters = { new() { Value = oid, NpgsqlDbType = NpgsqlDbType.Oid } },
            };
            var name = (string?)await command.ExecuteScalarAsync(cancellationToken) ?? "unknown";
            names.TryAdd(oid, name);
            return name;
        }
        catch (Exception e) when (PostgresErrors.IsConnectFault(e))
        {
            // Not the exception itself: it would pass for the end of the statement.
            throw new JobFailedException(PostgresErrors.CannotConnect(e), e);
        }
        catch (OperationCanceledException e) when (e.InnerException is not null)
        {
            throw new OperationCanceledException(e.Message, cancellationToken);
        }
    }
}
