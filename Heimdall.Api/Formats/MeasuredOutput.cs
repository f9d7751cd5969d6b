using System.Security.Cryptography;

namespace Heimdall.Api.Formats;

/// <summary>Sends nothing, and tells how much that would have been.</summary>
/// <param name="isHashed">Whether <see cref="ReadHash"/> is asked for.</param>
internal sealed class MeasuredOutput(bool isHashed = true) : IResultOutput, IDisposable
{
    private readonly IncrementalHash _hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

    public long Length { get; private set; }

    /// <summary>The SHA-256 of what would have been sent, in hex.</summary>
    public string ReadHash() => Convert.ToHexStringLower(_hash.GetHashAndReset());

    public ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        Length += bytes.Length;
        if (isHashed)
        {
            _hash.AppendData(bytes.Span);
        }
        return ValueTask.CompletedTask;
    }

    public void Abort()
    {
    }

    public void Dispose() => _hash.Dispose();
}
