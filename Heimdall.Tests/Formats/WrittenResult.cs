using System.Text;
using Heimdall.Api.Formats;
using Heimdall.Core.Plugins;

namespace Heimdall.Tests.Formats;

/// <summary>What a writer has sent.</summary>
internal sealed class WrittenResult : IResultOutput
{
    private readonly MemoryStream _bytes = new();

    public string Text => Encoding.UTF8.GetString(_bytes.ToArray());

    public bool IsAborted { get; private set; }

    public static async Task<WrittenResult> OfAsync(ResultFormat format, ResultColumn[] columns, Action<FormatWriter> write, ResultEnding ending)
    {
        var written = new WrittenResult();
        using var writer = format.CreateWriter(written, new ResultOpening { IsNested = false });
        await writer.StartAsync(columns, CancellationToken.None);
        write(writer);
        await writer.EndAsync(ending, CancellationToken.None);
        return written;
    }

    public ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        _bytes.Write(bytes.Span);
        return ValueTask.CompletedTask;
    }

    public void Abort() => IsAborted = true;
}
