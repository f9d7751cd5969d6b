namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>A server process. The time it started tells it from a later one that was given the same pid.</summary>
/// <param name="Pid">As in pg_stat_activity.</param>
/// <param name="Started">Microseconds since 1970.</param>
internal sealed record Backend(int Pid, long Started);
