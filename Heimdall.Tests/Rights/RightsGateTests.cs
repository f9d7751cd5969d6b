using Heimdall.Api.Rights;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;

namespace Heimdall.Tests.Rights;

/// <summary>What is not in the table of rights cannot be reached.</summary>
public sealed class RightsGateTests
{
    [Test]
    public async Task An_endpoint_without_an_entry_keeps_the_process_from_starting()
    {
        await using var app = Build();
        app.WithRights().MapGet("/api/v1/secret", () => "");

        Assert.That(app.RequireRights,
            Throws.InvalidOperationException.With.Message.Contains("GET /api/v1/secret has no entry"));
    }

    [Test]
    public async Task An_endpoint_beside_the_table_keeps_the_process_from_starting()
    {
        await using var app = Build();
        app.MapGet("/api/v1/me", () => "");

        Assert.That(app.RequireRights,
            Throws.InvalidOperationException.With.Message.Contains("/api/v1/me has no entry"));
    }

    [Test]
    public async Task An_endpoint_for_several_methods_keeps_the_process_from_starting()
    {
        await using var app = Build();
        app.WithRights().MapMethods("/api/v1/me", ["GET", "HEAD", "DELETE"], () => "");

        Assert.That(app.RequireRights,
            Throws.InvalidOperationException.With.Message.Contains("each method has a right of its own"));
    }

    [Test]
    public async Task An_endpoint_with_an_entry_is_mapped()
    {
        await using var app = Build();
        app.WithRights().MapGroup("/api/v1").MapGet("/me", () => "");

        app.RequireRights();

        var endpoint = ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints).Single();
        Assert.That(endpoint.Metadata.GetMetadata<NeededRight>()!.Right, Is.EqualTo(Right.Known));
    }

    [Test]
    public void A_page_without_an_entry_is_refused() =>
        Assert.That(() => AccessTable.PatternOf("GET", "/sql/secrets"),
            Throws.InvalidOperationException.With.Message.Contains("has no entry"));

    [TestCase("GET", "", Right.SeeEngine)]
    [TestCase("GET", "/", Right.SeeEngine)]
    [TestCase("GET", "/sql/jobs/", Right.SeeEngine)]
    [TestCase("GET", "/sql/jobs\n", Right.SeeEngine)]
    [TestCase("GET", "/SQL/JOBS", Right.SeeJobs)]
    [TestCase("GET", "/css18", Right.Known)]
    [TestCase("GET", "/css18/../jobs", Right.SeeEngine)]
    [TestCase("POST", "/jobs/failed/requeue", Right.ChangeEngine)]
    [TestCase("PUT", "/sql/jobs", Right.ChangeEngine)]
    [TestCase("POST", "/sql/jobs", Right.ChangeEngine)]
    [TestCase("POST", "/sql/schedules/a b/trigger", Right.ChangeSchedules)]
    [TestCase("POST", "/sql/schedules/a/b/trigger", Right.ChangeEngine)]
    public void A_page_that_is_not_quite_ours_needs_as_much_as_Hangfires(string method, string path, object right) =>
        Assert.That(AccessTable.OfPage(method, path), Is.EqualTo(right));

    private static WebApplication Build()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore();
        builder.Services.AddRouting();
        return builder.Build();
    }
}
