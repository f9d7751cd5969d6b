namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>What is asked of a server process once in the life of a connection.</summary>
/// <param name="Backend">The process.</param>
/// <param name="ChecksClient">Whether the server can notice during a statement that its client is gone. Windows
/// servers cannot.</param>
/// <param name="HasSettingsOfQueries">
/// Whether it has <see cref="SessionSettings.AtStartOfQueries"/> from its start, and so after each reset too: a pooler
/// in between may not pass them on.
/// </param>
/// <param name="HasIsoDates">Whether it shows dates in ISO form from its start, likewise.</param>
/// <param name="NamesCatalog">Whether its search path may name pg_catalog, which otherwise comes first.</param>
/// <param name="IsStandby">Whether the server was a standby when the connection began.</param>
/// <param name="SharesBackends">Whether a pooler may give each transaction another backend.</param>
/// <param name="EndsIdleSessions">Whether it ends a session that waits for a command outside a transaction.</param>
/// <param name="HidesTransactions">
/// Whether pg_stat_activity does not show when a transaction of it began. Then a batch is known by the whole session.
/// </param>
internal sealed record ServerTraits(
    Backend Backend,
    bool ChecksClient,
    bool HasSettingsOfQueries,
    bool HasIsoDates,
    bool NamesCatalog,
    bool IsStandby,
    bool SharesBackends,
    bool EndsIdleSessions,
    bool HidesTransactions)
{
    /// <summary>What a job's session is set to because the server is as it is.</summary>
    public IEnumerable<KeyValuePair<string, string>> Settings =>
    [
        .. ChecksClient ? SessionSettings.OfClientCheck : [],
        .. EndsIdleSessions ? SessionSettings.OfIdleSession : [],
    ];
}
