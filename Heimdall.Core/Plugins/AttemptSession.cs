namespace Heimdall.Core.Plugins;

/// <summary>Where in the database an attempt ran, for people to look for it.</summary>
/// <param name="Pid">The process id of its backend.</param>
/// <param name="Xid">The transaction that it was; null when it was not one.</param>
public sealed record AttemptSession(int? Pid, string? Xid);
