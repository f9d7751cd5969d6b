namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>A server process. The time it started tells it from a later one that was given the same pid.</summary>
/// <param name="Pid">As in pg_stat_activity.</param>
/// <param name="Started">Microseconds since 1970.</param>
/// <param name="ServerStarted">
/// When its server started, likewise: the same address may lead to several servers. Null where it was not recorded.
/// </param>
/// <param name="TransactionStarted">
/// When the transaction began that alone is meant, likewise: a backend that is used again serves others before and
/// after it. Null where the whole session is meant.
/// </param>
/// <param name="IsOnStandby">Whether its server was a standby when the session began.</param>
internal sealed record Backend(
    int Pid, long Started, long? ServerStarted = null, long? TransactionStarted = null, bool IsOnStandby = false);
