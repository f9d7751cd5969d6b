namespace Heimdall.Plugins.Postgres.Errors;

/// <summary>What an error means also depends on the session it happened in.</summary>
/// <param name="IsAlive">False once the server or Npgsql has given the session up.</param>
/// <param name="IsTimeUp">True once the session has lasted as long as its job may run.</param>
internal sealed record SessionState(bool IsAlive, bool IsTimeUp);
