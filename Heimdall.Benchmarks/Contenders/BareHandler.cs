using System.Globalization;
using System.IO.Pipelines;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Heimdall.Benchmarks.Processes;
using Heimdall.Benchmarks.Servers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Benchmarks.Contenders;

/// <summary>
/// What one would write to have SQL over HTTP and nothing else: a minimal API and Npgsql as they come, with a pool. It finds nobody's
/// cluster, records nothing, limits nothing, and no one can cancel what it runs.
/// </summary>
internal sealed partial class BareHandler : IAsyncDisposable
{
    /// <summary>Not for people: <see cref="StartAsync"/> calls it.</summary>
    public const string Word = "bare";

    private const int FlushThreshold = 32 * 1024;
    private static readonly JsonWriterOptions _options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };
    private readonly InnerProgram _program;

    private BareHandler(InnerProgram program, Uri address) => (_program, Address) = (program, address);

    private delegate void Writer(Utf8JsonWriter json, NpgsqlDataReader reader, int column);

    public Uri Address { get; }

    public int ProcessId => _program.ProcessId;

    /// <param name="database">That it asks.</param>
    /// <param name="lookup">The SQL of a lookup by id.</param>
    /// <param name="cancellationToken">Ends the wait for it.</param>
    public static async Task<BareHandler> StartAsync(BenchDatabase database, string lookup, CancellationToken cancellationToken)
    {
        var program = InnerProgram.Start(database.ConnectionString, Word, lookup);
        return new BareHandler(program, new Uri(await program.ReadLineAsync(cancellationToken)));
    }

    public ValueTask DisposeAsync() => _program.DisposeAsync();

    /// <summary>Is the handler, until stdin is closed.</summary>
    public static async Task<int> ServeAsync(string lookup, CancellationToken cancellationToken)
    {
        await using var database = NpgsqlDataSource.Create(InnerProgram.Database);
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
            await using var command = database.CreateCommand(lookup);
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
        await WriteAsync(reader, context.Response.BodyWriter, context.RequestAborted);
    }

    /// <summary>Writes rows as <c>{"columns":[…],"data":[[…]]}</c> while they come.</summary>
    private static async Task WriteAsync(NpgsqlDataReader reader, PipeWriter output, CancellationToken cancellationToken)
    {
        await using var json = new Utf8JsonWriter(output, _options);
        json.WriteStartObject();
        json.WriteStartArray("columns");
        for (var column = 0; column < reader.FieldCount; column++)
        {
            json.WriteStringValue(reader.GetName(column));
        }
        json.WriteEndArray();
        json.WriteStartArray("data");
        var writers = Enumerable.Range(0, reader.FieldCount).Select(column => WriterOf(reader.GetPostgresType(column).Name)).ToArray();
        while (await reader.ReadAsync(cancellationToken))
        {
            json.WriteStartArray();
            for (var column = 0; column < reader.FieldCount; column++)
            {
                if (reader.IsDBNull(column))
                {
                    json.WriteNullValue();
                }
                else
                {
                    writers[column](json, reader, column);
                }
            }
            json.WriteEndArray();
            if (json.BytesPending + output.UnflushedBytes > FlushThreshold)
            {
                json.Flush();
                await output.FlushAsync(cancellationToken);
            }
        }
        json.WriteEndArray();
        json.WriteEndObject();
        await json.FlushAsync(cancellationToken);
        await output.FlushAsync(cancellationToken);
    }

    private static Writer WriterOf(string type) => type switch
    {
        "integer" => static (json, reader, column) => json.WriteNumberValue(reader.GetInt32(column)),
        "bigint" => static (json, reader, column) => json.WriteNumberValue(reader.GetInt64(column)),
        "numeric" => static (json, reader, column) => json.WriteNumberValue(reader.GetDecimal(column)),
        "double precision" => static (json, reader, column) => json.WriteNumberValue(reader.GetDouble(column)),
        "boolean" => static (json, reader, column) => json.WriteBooleanValue(reader.GetBoolean(column)),
        "uuid" => static (json, reader, column) => json.WriteStringValue(reader.GetGuid(column)),
        "timestamp with time zone" => static (json, reader, column) => json.WriteStringValue(reader.GetDateTime(column)),
        "date" => static (json, reader, column) =>
            json.WriteStringValue(reader.GetFieldValue<DateOnly>(column).ToString("O", CultureInfo.InvariantCulture)),
        "jsonb" => static (json, reader, column) => json.WriteRawValue(reader.GetString(column), skipInputValidation: true),
        _ => static (json, reader, column) => json.WriteStringValue(reader.GetString(column)),
    };

    /// <summary>The body of <c>POST /query</c>.</summary>
    private sealed record BareQuery(string Query);

    /// <summary>Reads it without reflection.</summary>
    [JsonSourceGenerationOptions(PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase)]
    [JsonSerializable(typeof(BareQuery))]
    private sealed partial class BareJson : JsonSerializerContext;
}
