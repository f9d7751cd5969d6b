namespace Heimdall.Core.Hosting;

/// <summary>A process cannot start, for a reason that its operator can mend. The message says how.</summary>
public sealed class HostStartException(string message) : Exception(message);
