using Hangfire.Server;

namespace Heimdall.Core.Queue;

/// <summary>Leaves Hangfire's entry as it is: the job belongs to a newer attempt, whose runner changes the entry.</summary>
public sealed class JobBelongsToAnotherException : JobAbortedException;
