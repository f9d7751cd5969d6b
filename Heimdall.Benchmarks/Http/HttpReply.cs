namespace Heimdall.Benchmarks.Http;

/// <summary>A reply that was read to its end.</summary>
/// <param name="Status">200 is good.</param>
/// <param name="Bytes">Of the body.</param>
/// <param name="Lines">Line feeds in the body.</param>
/// <param name="FirstByteAt">The timestamp at which the body's first byte was there; 0 of a body without any.</param>
internal readonly record struct HttpReply(int Status, long Bytes, long Lines, long FirstByteAt);
