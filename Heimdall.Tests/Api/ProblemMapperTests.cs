using System.Text.Json;
using System.Transactions;
using Heimdall.Api.Problems;
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

    [Test]
    public async Task A_store_that_is_away_has_recorded_nothing(CancellationToken cancellationToken)
    {
        var problem = await AnswerAsync(new NpgsqlException("gone", new IOException()), cancellationToken);

        Assert.That(problem.GetProperty("detail").GetString(), Does.Contain("Nothing was recorded"));
    }

    private static async Task<JsonElement> AnswerAsync(Exception exception, CancellationToken cancellationToken)
    {
        await using var services = new ServiceCollection().AddLogging().AddProblemDetails().BuildServiceProvider();
        var context = new DefaultHttpContext { RequestServices = services };
        context.Response.Body = new MemoryStream();

        Assert.That(await new ProblemMapper(NullLogger<ProblemMapper>.Instance).TryHandleAsync(context, exception, cancellationToken));

        context.Response.Body.Position = 0;
        return (await JsonDocument.ParseAsync(context.Response.Body, cancellationToken: cancellationToken)).RootElement;
    }
}
