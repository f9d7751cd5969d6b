using System.Collections.Concurrent;
using System.Text;
using NUnit.Framework;

namespace Heimdall.Tests.Support;

/// <summary>
/// Batches that are submitted without a pause, each under an idempotency key and again until it is taken, as a careful client does. Each
/// leaves its name in the target.
/// </summary>
internal sealed class SteadyLoad : IAsyncDisposable
{
    /// <summary>What it runs against has been taken away for a while.</summary>
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(30);

    private readonly HeimdallInstance _heimdall;
    private readonly CancellationTokenSource _enough;
    private readonly ConcurrentQueue<Guid> _taken = new();
    private readonly Task _submitting;

    private SteadyLoad(HeimdallInstance heimdall, CancellationToken cancellationToken)
    {
        _heimdall = heimdall;
        _enough = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        _submitting = SubmitAsync(cancellationToken);
    }

    public static async Task<SteadyLoad> StartAsync(HeimdallInstance heimdall, CancellationToken cancellationToken)
    {
        await heimdall.Target.ExecuteAsync("create table load_effect (name text)", cancellationToken);
        return new SteadyLoad(heimdall, cancellationToken);
    }

    /// <summary>Waits until some more have been taken.</summary>
    public async Task WaitForMoreAsync(int more, CancellationToken cancellationToken)
    {
        var enough = _taken.Count + more;
        await Eventually.Is(() => Task.FromResult(_submitting.IsCompleted || _taken.Count >= enough), cancellationToken, Patience);
    }

    /// <summary>Submits no more, and checks that all have succeeded and taken effect once.</summary>
    public async Task AssertNoneLostAsync(CancellationToken cancellationToken)
    {
        await _enough.CancelAsync();
        await _submitting;
        foreach (var id in _taken)
        {
            var job = await _heimdall.WaitForEndAsync(id, cancellationToken, Patience);
            Assert.That(job["status"], Is.EqualTo("SUCCEEDED"), job.Text);
        }
        Assert.That(
            await _heimdall.Target.ColumnAsync<string>("select name from load_effect", cancellationToken),
            Is.EquivalentTo(Enumerable.Range(0, _taken.Count).Select(number => $"load-{number}")), "each took effect, once");
        Assert.That(
            await _heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where name like 'load-%'", cancellationToken),
            Is.EqualTo(_taken.Count), "no job was made twice");
    }

    public async ValueTask DisposeAsync()
    {
        await _enough.CancelAsync();
        await _submitting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _enough.Dispose();
    }

    private async Task SubmitAsync(CancellationToken cancellationToken)
    {
        for (var number = 0; !_enough.IsCancellationRequested; number++)
        {
            _taken.Enqueue(await SubmitAsync($"load-{number}", cancellationToken));
            await Task.Delay(Pause, _enough.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task<Guid> SubmitAsync(string name, CancellationToken cancellationToken)
    {
        var body = $$$"""
            {"name": "{{{name}}}", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:postgres"],
             "context": {"query": "insert into load_effect values ('{{{name}}}'); select pg_sleep(0.02)"}}
            """;
        while (true)
        {
            var reply = await _heimdall.SendAsync(
                HttpMethod.Post, "/api/v1/job", cancellationToken, new StringContent(body, Encoding.UTF8, "application/json"), ("Idempotency-Key", name));
            if ((int)reply.Status == 202)
            {
                return reply.Id;
            }
            Assert.That((int)reply.Status, Is.EqualTo(503).Or.EqualTo(409), reply.Text);
            await Task.Delay(Pause, cancellationToken);
        }
    }
}
