using System.Collections.Concurrent;
using System.Collections.Frozen;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Protocol;
using Heimdall.Plugins.Postgres.Sessions;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>
/// Names the columns of a result with PostgreSQL's own names of their types. A domain shows as the type under it.
/// </summary>
internal static class ColumnTypes
{
    public const uint TimestampTz = 1184;

    public const uint Text = 25;

    /// <summary>A byte, written "char".</summary>
    public const uint Char = 18;

    public const uint CharArray = 1002;

    private const uint Int8 = 20;
    private const uint Numeric = 1700;

    // Those below are given by PostgreSQL's own sources, the same in every server; the others by the server.
    private const uint FirstOfServer = 10000;

    private const string TypeNames =
        """
        select t.oid, case when e.typarray = t.oid then e.typname || '[]' else t.typname::text end
        from pg_type t left join pg_type e on e.oid = t.typelem
        where t.oid = any($1)
        """;

    // OIDs of built-in types are fixed for ever; names are not a key, since a user can make a type "int4" in a schema
    // of his own.
    private static readonly FrozenDictionary<uint, string> BuiltIn = new Dictionary<uint, string>
    {
        [16] = "bool", [17] = "bytea", [Char] = "char", [19] = "name", [Int8] = "int8", [21] = "int2", [23] = "int4",
        [Text] = "text", [26] = "oid", [114] = "json", [142] = "xml", [650] = "cidr", [700] = "float4",
        [701] = "float8", [829] = "macaddr", [869] = "inet", [1042] = "bpchar", [1043] = "varchar", [1082] = "date",
        [1083] = "time", [1114] = "timestamp", [TimestampTz] = "timestamptz", [1186] = "interval", [1266] = "timetz",
        [Numeric] = "numeric", [2950] = "uuid", [3802] = "jsonb", [1000] = "bool[]", [1005] = "int2[]",
        [1007] = "int4[]", [1009] = "text[]", [1015] = "varchar[]", [1016] = "int8[]", [1021] = "float4[]",
        [1022] = "float8[]", [1115] = "timestamp[]", [1182] = "date[]", [1185] = "timestamptz[]", [1231] = "numeric[]",
        [2951] = "uuid[]", [3807] = "jsonb[]",
    }.ToFrozenDictionary();

    private static readonly ConcurrentDictionary<uint, string> _seen = new();

    /// <param name="columns">As the server describes them.</param>
    /// <param name="numbersAsText">True to have the numbers that a client may round, int8 and numeric, as
    /// strings.</param>
    /// <param name="session">Where they come from; it may be busy.</param>
    /// <param name="cancellationToken">Ends the wait for the cluster.</param>
    /// <exception cref="JobFailedException">The cluster cannot be asked for the name of a type.</exception>
    public static async ValueTask<IReadOnlyList<ResultColumn>> DescribeAsync(
        DescribedColumn[] columns,
        bool numbersAsText,
        ClusterSession session,
        CancellationToken cancellationToken)
    {
        // Those that are not built in are asked for each time: any session may rename a type.
        var unknown = columns.Select(column => column.Type).Where(type => FindBuiltIn(type) is null)
            .Distinct().ToArray();
        var names = unknown.Length == 0 ? [] : await LookUpAsync(unknown, session, cancellationToken);
        return
        [
            .. columns.Select(column => new ResultColumn(
                column.Name,
                FindBuiltIn(column.Type) ?? names.GetValueOrDefault(column.Type, "unknown"),
                KindOf(column.Type, numbersAsText))
            {
                Form = ColumnForms.Find(column.Type, column.Modifier, numbersAsText),
            }),
        ];
    }

    private static string? FindBuiltIn(uint type) =>
        BuiltIn.GetValueOrDefault(type) ?? _seen.GetValueOrDefault(type);

    private static ResultValueKind KindOf(uint type, bool numbersAsText) => type switch
    {
        Int8 or Numeric when numbersAsText => ResultValueKind.Text,
        Int8 or 21 or 23 or 26 or 700 or 701 or Numeric => ResultValueKind.Number,
        16 => ResultValueKind.Boolean,
        114 or 3802 => ResultValueKind.Json,
        _ => ResultValueKind.Text,
    };

    private static async Task<Dictionary<uint, string>> LookUpAsync(
        uint[] types, ClusterSession session, CancellationToken cancellationToken)
    {
        try
        {
            // The session itself is busy with the result.
            var names = await session.Control.AskAsync(
                control => AskAsync(types, control, cancellationToken), cancellationToken);
            foreach (var (type, name) in names.Where(name => name.Key < FirstOfServer))
            {
                _seen[type] = name;
            }

            return names;
        }
        catch (Exception e) when (PostgresErrors.IsConnectFault(e))
        {
            // Not the exception itself: it would pass for the end of the statement.
            throw new JobFailedException(PostgresErrors.CannotConnect(e), e);
        }
    }

    private static async Task<Dictionary<uint, string>> AskAsync(
        uint[] types, NpgsqlConnection control, CancellationToken cancellationToken)
    {
        await using var command = new NpgsqlCommand(TypeNames, control)
        {
            Parameters = { new() { Value = types, NpgsqlDbType = NpgsqlDbType.Array | NpgsqlDbType.Oid } },
        };
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var names = new Dictionary<uint, string>();
        while (await row.ReadAsync(cancellationToken))
        {
            names.Add(row.GetFieldValue<uint>(0), row.GetString(1));
        }

        return names;
    }
}
