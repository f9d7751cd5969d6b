namespace Heimdall.Api.Formats;

/// <summary>The body of a reply. A client that does not read is given up after a time: it holds a session of the cluster.</summary>
internal sealed class ReplyOutput(HttpContext context, TimeSpan patience) : IResultOutput
{
    private static readonly TimeSpan EndPatience = TimeSpan.FromSeconds(1);

    public async ValueTask SendAsync(ReadOnlyMemory<byte> bytes, CancellationToken cancellationToken)
    {
        var sending = context.Response.BodyWriter.WriteAsync(bytes, cancellationToken);
        var flushed = sending.IsCompleted ? await sending : await WithPatienceAsync(sending.AsTask());
        if (flushed.IsCompleted || flushed.IsCanceled || context.RequestAborted.IsCancellationRequested) // a compressed body says only the last
        {
            throw new OperationCanceledException("The reader of the result is gone.");
        }
    }

    public void Abort() => context.Abort();

    private async Task<System.IO.Pipelines.FlushResult> WithPatienceAsync(Task<System.IO.Pipelines.FlushResult> sending)
    {
        try
        {
            return await sending.WaitAsync(patience);
        }
        catch (TimeoutException)
        {
            context.Abort();
            await Task.WhenAny(sending, Task.Delay(EndPatience)); // whatever compresses the body is not to be closed in the middle of a write
            throw new OperationCanceledException($"The reader of the result has not read for {patience.TotalSeconds:0.###} s.");
        }
    }
}
