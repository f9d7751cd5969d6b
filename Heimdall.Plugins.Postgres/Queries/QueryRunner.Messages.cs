using System.Text;
using Heimdall.Plugins.Postgres.Connections;

namespace Heimdall.Plugins.Postgres.Queries;

// What is sent for a query.
internal sealed partial class QueryRunner
{
    private static readonly byte[] Begin = "begin"u8.ToArray();
    private static readonly byte[] BeginReadOnly = "begin read only"u8.ToArray();
    private static readonly byte[] Commit = "commit"u8.ToArray();
    private static readonly byte[] Durably =
        "select pg_catalog.set_config('synchronous_commit', 'local', true) where pg_catalog.current_setting('synchronous_commit') = 'off'"u8.ToArray();
    private static readonly byte[] Wipe = "discard all"u8.ToArray();

    // In the order of the arrays: the role comes last, for it may not be allowed to set the others.
    private static readonly byte[] SetUp = "select set_config(name, value, false) from unnest($1::text[], $2::text[]) as setting (name, value)"u8.ToArray();

    private static readonly KeyValuePair<string, string>[] CheckClient = [new("client_connection_check_interval", "1s")];

    private void AddOpening(QueryExchange exchange)
    {
        if (!CommitsByItself)
        {
            exchange.Outgoing.Run(_context.ReadOnly ? BeginReadOnly : Begin);
            exchange.Expect(QueryStep.Begin);
        }

        KeyValuePair<string, string>[] values =
        [
            .. _session.ChecksClient ? CheckClient : [],
            .. _session.HasSettingsOfQueries ? [] : SessionSettings.OfAllQueries,
            .. _settings.Values,
        ];

        // Short commands are several times cheaper for the server than a query. But in a read-only transaction it must be a query: after one,
        // nothing makes it writable again.
        if (_settings.IsPlain && !_context.ReadOnly)
        {
            foreach (var (name, value) in values)
            {
                exchange.Outgoing.Run(Encoding.UTF8.GetBytes($"set {name} = '{value}'"));
                exchange.Expect(QueryStep.SetUp);
            }

            return;
        }

        exchange.Outgoing.Parse(SetUp);
        exchange.Outgoing.Bind([ParameterText.WriteArray(values.Select(value => value.Key)), ParameterText.WriteArray(values.Select(value => value.Value))]);
        exchange.Outgoing.Execute();
        exchange.Expect(QueryStep.SetUp);
    }

    private void AddDescription(QueryExchange exchange, uint[] types)
    {
        // A type that is declared makes a parameter, even one that the query does not use: the server is told of those only that have one.
        exchange.Outgoing.Parse(Encoding.UTF8.GetBytes(_query.Sql), types.AsSpan().TrimEnd(ParameterTypes.Inferred));
        exchange.Outgoing.Describe();
        exchange.Expect(QueryStep.Description);
    }

    /// <param name="exchange">Where to.</param>
    /// <param name="types">As the parameters declare them.</param>
    /// <param name="told">As the server has inferred them, where it was asked.</param>
    private void AddExecution(QueryExchange exchange, uint[] types, uint[] told)
    {
        exchange.Outgoing.Bind([.. _query.Parameters.Select((parameter, i) => ParameterText.Write(parameter.Value, TypeOf(i, types, told)))]);
        exchange.Outgoing.Execute();
        exchange.Expect(QueryStep.Statement);
    }

    // Only a value whose text depends on it goes by what was told: the others must not change with the parameters beside them.
    private uint TypeOf(int parameter, uint[] types, uint[] told) =>
        types[parameter] == ParameterTypes.Inferred && parameter < told.Length && ParameterText.DependsOnType(_query.Parameters[parameter].Value)
            ? told[parameter]
            : types[parameter];

    /// <summary>Of a query that may have written: a commit that is recorded must not be lost in a crash of the server.</summary>
    private static void AddDurability(QueryExchange exchange)
    {
        exchange.Outgoing.Parse(Durably);
        exchange.Outgoing.Bind([]);
        exchange.Outgoing.Execute();
        exchange.Expect(QueryStep.SetUp);
    }

    private static void AddCommit(QueryExchange exchange)
    {
        exchange.Outgoing.Run(Commit);
        exchange.Expect(QueryStep.Commit);
    }

    private static void AddSync(QueryExchange exchange)
    {
        exchange.Outgoing.Sync();
        exchange.Expect(QueryStep.Sync);
    }

    private static void AddWipe(QueryExchange exchange)
    {
        exchange.Outgoing.Query(Wipe);
        exchange.Expect(QueryStep.Wipe);
    }
}
