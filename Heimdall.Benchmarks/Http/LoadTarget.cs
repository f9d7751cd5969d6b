namespace Heimdall.Benchmarks.Http;

/// <summary>What is asked of whom, again and again.</summary>
/// <param name="Name">As in the report.</param>
/// <param name="Address">The server's.</param>
/// <param name="Requests">Sent one after the other, from the first again after the last.</param>
/// <param name="Mark">What a good reply has near its end.</param>
/// <param name="ProcessId">The server's.</param>
internal sealed record LoadTarget(string Name, Uri Address, IReadOnlyList<byte[]> Requests, byte[] Mark, int ProcessId);
