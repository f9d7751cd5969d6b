using Heimdall.Core.Scripts;

namespace Heimdall.Api.Scripts;

/// <summary>A script that has been put there. Its <c>sha256</c> is that of a job that runs it.</summary>
internal sealed record ScriptView(string Path, long Bytes, string Sha256);

/// <summary>A page of scripts; the next one is read with <c>after=</c> the last path.</summary>
internal sealed record ScriptListView(IReadOnlyList<ScriptEntry> Data, bool HasMore, string? NextAfter);
