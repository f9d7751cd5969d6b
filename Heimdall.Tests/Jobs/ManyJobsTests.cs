using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Jobs;

[CancelAfter(240_000)]
public sealed class ManyJobsTests() : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync();
        _heimdall.StartWorkerProcess();
        await _heimdall.Target.ExecuteAsync("create table effect (id int)", CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task Two_hundred_jobs_of_eight_callers_all_take_effect_exactly_once(CancellationToken cancellationToken)
    {
        const int Callers = 8;
        const int JobsEach = 25;
        await _heimdall.CloseGateAsync("many", cancellationToken); // or one worker has them all before the other is up

        await Task.WhenAll(Enumerable.Range(0, Callers).Select(async caller =>
        {
            for (var i = 0; i < JobsEach; i++)
            {
                var query = $"{HeimdallInstance.WaitAt("many")}; insert into effect values ({(caller * JobsEach) + i})";
                await _heimdall.EnqueueAsync(query, cancellationToken, name: "one-of-many");
            }
        }));
        await Eventually.Is(
            () => _heimdall.Store.ScalarAsync<bool>(
                "select count(distinct worker) = 2 from heimdall.job_attempt", cancellationToken),
            cancellationToken);
        await _heimdall.OpenGateAsync("many", cancellationToken);

        await Eventually.Becomes(
            () => _heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job where status = 'SUCCEEDED' and attempt = 1", cancellationToken),
            () => Is.EqualTo(Callers * JobsEach),
            cancellationToken);
        Assert.That(
            await _heimdall.Target.ColumnAsync<int>("select id from effect order by id", cancellationToken),
            Is.EqualTo(Enumerable.Range(0, Callers * JobsEach)));
        await Eventually.Becomes(
            () => _heimdall.Store.ColumnAsync<string>("select distinct statename from hangfire.job", cancellationToken),
            () => Is.EqualTo(new[] { "Succeeded" }),
            cancellationToken);
        Assert.That(
            await _heimdall.Store.ScalarAsync<long>("select count(distinct worker) from heimdall.job_attempt", cancellationToken),
            Is.EqualTo(2), "both workers had some of them");
    }
}
