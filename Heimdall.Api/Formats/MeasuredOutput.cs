using System.Security.Cryptography;

namespace Heimdall.Api.Formats;

/// <summary>Sends nothing, and tells how much that would have been.</summary>
internal sealed class MeasuredOutput : IResultOutput, IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public long Length { get; private set; }

    /// <summary>The SHA-256 of what would have been sent, in hex.</summary>
    public string ReadHash() => Convert.ToHexStringLower(_hash.GetHashAndReset());

    public ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Length += bytes.Length;
        _hash.AppendData(bytes.Span);
        return ValueTask.CompletedTask;
    }

    public void Abort()
    {
    }

    public void Dispose() => _hash.Dispose();
}
