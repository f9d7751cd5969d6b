using System.Collections.Frozen;
using System.Globalization;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Sessions;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Protocol;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Queries;

/// <summary>Finds the types that parameters name.</summary>
internal static class ParameterTypes
{
    public const uint Inferred = 0;
    public const uint Json = 114;
    public const uint Jsonb = 3802;

    // As the job's own search path has it; what the server does not know it answers with NULL.
    private const string Find =
        "select coalesce(to_regtype($1)::oid, 0) from set_config('search_path', coalesce(nullif($2, ''), "
        + "current_setting('search_path')), true)";

    // Names of built-in types, which nobody has to be asked for where pg_catalog is searched first:
    // https://www.postgresql.org/docs/current/datatype.html
    private static readonly FrozenDictionary<string, uint> BuiltIn = new Dictionary<string, uint>
    {
        ["bool"] = 16, ["boolean"] = 16, ["bytea"] = 17, ["int8"] = 20, ["bigint"] = 20, ["int2"] = 21,
        ["smallint"] = 21, ["int4"] = 23, ["int"] = 23, ["integer"] = 23, ["text"] = 25, ["oid"] = 26, ["json"] = Json,
        ["xml"] = 142, ["cidr"] = 650, ["float4"] = 700, ["real"] = 700, ["float8"] = 701, ["double precision"] = 701,
        ["inet"] = 869, ["bpchar"] = 1042, ["varchar"] = 1043, ["character varying"] = 1043, ["date"] = 1082,
        ["time"] = 1083, ["timestamp"] = 1114, ["timestamptz"] = 1184, ["timestamp with time zone"] = 1184,
        ["interval"] = 1186, ["timetz"] = 1266, ["numeric"] = 1700, ["decimal"] = 1700, ["uuid"] = 2950,
        ["jsonb"] = Jsonb, ["bool[]"] = 1000, ["int2[]"] = 1005, ["int4[]"] = 1007, ["int[]"] = 1007,
        ["integer[]"] = 1007, ["text[]"] = 1009, ["varchar[]"] = 1015, ["int8[]"] = 1016, ["bigint[]"] = 1016,
        ["float4[]"] = 1021, ["float8[]"] = 1022, ["timestamp[]"] = 1115, ["date[]"] = 1182, ["timestamptz[]"] = 1185,
        ["numeric[]"] = 1231, ["uuid[]"] = 2951, ["jsonb[]"] = 3807, ["json[]"] = 199,
    }.ToFrozenDictionary(StringComparer.OrdinalIgnoreCase);

    // Those that are words of the grammar, and so mean the same in every search path.
    private static readonly FrozenSet<string> Reserved = new[]
    {
        "boolean", "bigint", "smallint", "int", "integer", "real", "double precision", "varchar", "character varying",
        "time", "timestamp", "timestamp with time zone", "interval", "numeric", "decimal", "int[]", "integer[]",
        "varchar[]", "bigint[]", "timestamp[]", "numeric[]",
    }.ToFrozenSet(StringComparer.OrdinalIgnoreCase);

    /// <returns>An OID for each parameter; <see cref="Inferred"/> for one that names no type.</returns>
    /// <exception cref="JobFailedException">There is no type of that name.</exception>
    public static async ValueTask<uint[]> ResolveAsync(
        IReadOnlyList<QueryParameter> parameters,
        string? searchPath,
        ClusterSession session,
        CancellationToken cancellationToken)
    {
        var types = new uint[parameters.Count];
        var isCatalogFirst = searchPath is null
            ? !session.Traits.NamesCatalog
            : !searchPath.Contains("pg_catalog", StringComparison.Ordinal);
        for (var i = 0; i < types.Length; i++)
        {
            if (parameters[i].Type is { } name)
            {
                types[i] = (isCatalogFirst || Reserved.Contains(name)) && BuiltIn.TryGetValue(name, out var known)
                    ? known
                    : await AskAsync(parameters[i], name, searchPath, session, cancellationToken);
            }
        }

        return types;
    }

    private static async Task<uint> AskAsync(
        QueryParameter parameter,
        string name,
        string? searchPath,
        ClusterSession session,
        CancellationToken cancellationToken)
    {
        JobFailedException NotFound(Exception? cause = null) =>
            new(JobFailureKind.Refused, $"{parameter.Path}.type: the cluster has no type \"{name}\".", cause);

        try
        {
            var row = (await session.AskAsync(cancellationToken, new Question(Find, name, searchPath ?? "")))[0];
            return uint.Parse(row[0]!, CultureInfo.InvariantCulture) is not Inferred and var type
                ? type
                : throw NotFound();
        }
        catch (PostgresException e) when (e.InvariantSeverity == "ERROR" && !PostgresErrors.IsCanceled(e))
        {
            throw NotFound(e); // no name of a type by its grammar
        }
    }
}
