using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>Results in a directory, from the submission to the reply.</summary>
[CancelAfter(60_000)]
public sealed class ResultDirectoryTests
{
    private string _folder = null!;

    private string[] Files => Directory.Exists(_folder) ? Directory.GetFiles(_folder) : [];

    [SetUp]
    public void CreateFolder() => _folder = Directory.CreateTempSubdirectory("heimdall-results-").FullName;

    [TearDown]
    public void DeleteFolder() => Directory.Delete(_folder, recursive: true);

    [Test]
    public async Task Rows_are_in_the_directory_until_their_time_is_over(CancellationToken cancellationToken)
    {
        await using var heimdall = await StartAsync(", retention: 2s");
        var query = (await heimdall.SubmitAsync("select n from generate_series(1, 5000) as n", returnResult: true, cancellationToken, prefer: "respond-async, wait=30")).AssertStatus(200);
        var result = await heimdall.GetAsync($"/api/v1/job/{query.Id}/result?offset=4998", cancellationToken);
        var batch = (await heimdall.SubmitAsync("select 1", returnResult: false, cancellationToken, prefer: "wait=30")).AssertStatus(200);

        Assert.That(result.AssertStatus(200)["data"], Is.EqualTo("[[4999],[5000]]"));
        Assert.That((await heimdall.GetAsync($"/api/v1/job/{batch.Id}/result", cancellationToken))["row_count"], Is.EqualTo("1"));
        Assert.That(await heimdall.Store.ScalarAsync<long>("select count(*) from heimdall.job_result_chunk where job_id = $1", cancellationToken, query.Id), Is.Zero);
        await Eventually.Is(() => Task.FromResult(Files.Length == 0), cancellationToken);
        (await heimdall.GetAsync($"/api/v1/job/{query.Id}/result", cancellationToken)).AssertProblem(410, "was kept until");
    }

    [Test]
    public async Task A_file_that_is_missing_is_told_and_one_that_is_nobodys_is_deleted(CancellationToken cancellationToken)
    {
        var orphan = Path.Combine(_folder, $"{Guid.CreateVersion7():N}-1.rows");
        await File.WriteAllTextAsync(orphan, "x", cancellationToken);
        await using var heimdall = await StartAsync();
        await Eventually.Is(() => Task.FromResult(!File.Exists(orphan)), cancellationToken);
        var job = (await heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, prefer: "respond-async, wait=30")).AssertStatus(200);

        File.Delete(Files.Single());
        var result = await heimdall.GetAsync($"/api/v1/job/{job.Id}/result", cancellationToken);

        result.AssertProblem(500, "missing or damaged");
    }

    [Test]
    public async Task A_result_that_cannot_be_stored_fails_its_job(CancellationToken cancellationToken)
    {
        await using var heimdall = await StartAsync();
        Directory.Delete(_folder);
        await File.WriteAllTextAsync(_folder, "in the way", cancellationToken);

        var job = (await heimdall.SubmitAsync("select 1", returnResult: true, cancellationToken, prefer: "respond-async, wait=30")).AssertStatus(200);
        var result = await heimdall.GetAsync($"/api/v1/job/{job.Id}/result", cancellationToken);

        File.Delete(_folder);
        Directory.CreateDirectory(_folder);
        Assert.That(job["status"], Is.EqualTo("FAILED"), job.Text);
        Assert.That(job["error"], Does.Contain("results.directory"));
        result.AssertProblem(404, "ended FAILED");
    }

    private Task<HeimdallInstance> StartAsync(string more = "") =>
        HeimdallInstance.StartAsync(config => config with { Results = $"directory: {_folder}{more}" });
}
