using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Benchmarks.Bare;

/// <summary>
/// What one would write to have SQL over HTTP and nothing else: a minimal API and Npgsql as they come, with a pool. It finds nobody's
/// cluster, records nothing, limits nothing, and no one can cancel what it runs.
/// </summary>
internal static class BareHost
{
    /// <summary>Not for people: <see cref="BareProcess"/> calls it.</summary>
    public const string Word = "bare";

    /// <summary>The environment variable with the connection string of the database.</summary>
    public const string DatabaseVariable = "HEIMDALL_BENCH_DATABASE";

    /// <param name="args">The SQL of a lookup by id.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<int> RunAsync(string[] args, CancellationToken cancellationToken)
    {
        await using var database = NpgsqlDataSource.Create(Environment.GetEnvironmentVariable(DatabaseVariable)!);
        var builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.ConfigureHttpJsonOptions(options => options.SerializerOptions.TypeInfoResolverChain.Insert(0, BareJson.Default));
        await using var app = builder.Build();
        app.MapPost("/query", async (BareQuery query, HttpContext context) =>
        {
            await using var command = database.CreateCommand(query.Query);
            await AnswerAsync(command, context);
        });
        app.MapGet("/lookup/{id:int}", async (int id, HttpContext context) =>
        {
            await using var command = database.CreateCommand(args[0]);
            command.Parameters.Add(new NpgsqlParameter<int> { TypedValue = id, NpgsqlDbType = NpgsqlDbType.Integer });
            await AnswerAsync(command, context);
        });
        await app.StartAsync(cancellationToken);
        Console.WriteLine(app.Urls.First());
        await Console.In.ReadToEndAsync(cancellationToken);
        await app.StopAsync(CancellationToken.None);
        return 0;
    }

    private static async Task AnswerAsync(NpgsqlCommand command, HttpContext context)
    {
        await using var reader = await command.ExecuteReaderAsync(context.RequestAborted);
        context.Response.ContentType = "application/json; charset=utf-8";
        await BareRows.WriteAsync(reader, context.Response.BodyWriter, context.RequestAborted);
    }
}
