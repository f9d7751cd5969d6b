using System.Text.Json;
using System.Transactions;
using Heimdall.Api.Problems;
using Heimdall.Core.Scripts;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>What is said of failures that are hard to provoke from outside.</summary>
[CancelAfter(10_000)]
public sealed class ProblemMapperTests
{
    [Test]
    public async Task A_lost_answer_to_a_commit_is_not_told_as_nothing_recorded(CancellationToken cancellationToken)
    {
        var lost = new InvalidOperationException("queue", new TransactionInDoubtException("in doubt", new NpgsqlException("gone", new IOException())));

        var problem = await AnswerAsync(lost, cancellationToken);

        Assert.That(problem.GetProperty("status").GetInt32(), Is.EqualTo(503));
        Assert.That(problem.GetProperty("detail").GetString(), Does.Contain("may have been recorded").And.Contain("GET /api/v1/jobs"));
    }

    [TestCase("PUT", "/api/v1/schedule/nightly")]
    [TestCase("DELETE", "/api/v1/schedule/nightly")]
    [TestCase("POST", "/api/v1/job/7/cancel")]
    [TestCase("POST", "/api/v1/queue/pause")]
    [TestCase("POST", "/api/v1/cluster/x/pause")]
    [TestCase("POST", "/api/v1/command/x/resume")]
    [TestCase("POST", "/api/v1/schedule/nightly/resume")]
    public async Task A_change_that_commits_by_itself_may_be_recorded_although_the_store_is_away(string method, string path, CancellationToken cancellationToken)
    {
        var problem = await AnswerAsync(new NpgsqlException("gone", new IOException()), cancellationToken, method, path);

        Assert.That(problem.GetProperty("detail").GetString(), Does.Contain("Whether it was recorded is not known"));
    }

    [TestCase("POST", "/api/v1/jobs")]
    [TestCase("POST", "/api/v1/job/7/retry")]
    [TestCase("POST", "/api/v1/schedule/nightly/trigger")]
    [TestCase("GET", "/api/v1/sql/pause")]
    public async Task A_store_that_is_away_has_recorded_nothing_of_any_other_request(string method, string path, CancellationToken cancellationToken)
    {
        var problem = await AnswerAsync(new NpgsqlException("gone", new IOException()), cancellationToken, method, path);

        Assert.That(problem.GetProperty("detail").GetString(), Does.Contain("Nothing was recorded"));
    }

    [TestCase(28, 507, "full")]
    [TestCase(122, 507, "full")]
    [TestCase(13, 503, "its log says why")]
    public async Task A_directory_of_scripts_that_does_not_work_is_told_without_its_path(int errno, int status, string words, CancellationToken cancellationToken)
    {
        var problem = await AnswerAsync(new ScriptStorageException(new IOException("No: '/srv/scripts'", errno)), cancellationToken);

        Assert.That(problem.GetProperty("status").GetInt32(), Is.EqualTo(status));
        Assert.That(problem.GetProperty("detail").GetString(), Does.Contain(words));
        Assert.That(problem.GetRawText(), Does.Not.Contain("/srv"));
    }

    private static async Task<JsonElement> AnswerAsync(
        Exception exception, CancellationToken cancellationToken, string method = "POST", string path = "/api/v1/job")
    {
        await using var services = new ServiceCollection().AddLogging().AddProblemDetails().BuildServiceProvider();
        var context = new DefaultHttpContext { RequestServices = services, Request = { Method = method, Path = path } };
        context.Response.Body = new MemoryStream();

        Assert.That(await new ProblemMapper(NullLogger<ProblemMapper>.Instance).TryHandleAsync(context, exception, cancellationToken));

        context.Response.Body.Position = 0;
        return (await JsonDocument.ParseAsync(context.Response.Body, cancellationToken: cancellationToken)).RootElement;
    }
}
