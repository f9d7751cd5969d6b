namespace Heimdall.Core.Results.Chunks;

/// <summary>Names what one attempt has stored. An attempt that has lost its job writes under its own number, where nobody looks.</summary>
internal readonly record struct ResultKey(Guid JobId, int Attempt);
