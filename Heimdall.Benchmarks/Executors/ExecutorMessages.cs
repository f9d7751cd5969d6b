using System.Text.Json.Nodes;

namespace Heimdall.Benchmarks.Executors;

/// <summary>A job for the executor's process; one line of JSON on its stdin.</summary>
/// <param name="ConnectionString">Of the database that the job runs in.</param>
/// <param name="Context">The job's.</param>
/// <param name="IsRecorded">True to record the job in a store, as a worker does; false to forget all that it tells.</param>
/// <param name="IsTrimmed">True to give all memory back that earlier jobs have left behind, before the job.</param>
internal sealed record ExecutorRequest(string ConnectionString, JsonObject Context, bool IsRecorded = true, bool IsTrimmed = false);

/// <summary>How a job went; one line of JSON on its stdout.</summary>
/// <param name="Seconds">It took.</param>
/// <param name="IdleBytes">Memory of the process just before; null where the system does not say.</param>
/// <param name="PeakBytes">The most memory that the process had meanwhile.</param>
/// <param name="Error">Why it failed; null when it succeeded.</param>
internal sealed record ExecutorReply(double Seconds, long? IdleBytes, long? PeakBytes, string? Error);
