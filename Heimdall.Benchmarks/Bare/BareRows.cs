using System.Globalization;
using System.IO.Pipelines;
using System.Text.Encodings.Web;
using System.Text.Json;
using Npgsql;

namespace Heimdall.Benchmarks.Bare;

/// <summary>Writes rows as <c>{"columns":[…],"data":[[…]]}</c> while they come.</summary>
internal static class BareRows
{
    private const int FlushThreshold = 32 * 1024;
    private static readonly JsonWriterOptions _options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };

    private delegate void Writer(Utf8JsonWriter json, NpgsqlDataReader reader, int column);

    public static async Task WriteAsync(NpgsqlDataReader reader, PipeWriter output, CancellationToken cancellationToken)
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
                WriteValue(json, reader, column, writers[column]);
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

    private static void WriteValue(Utf8JsonWriter json, NpgsqlDataReader reader, int column, Writer write)
    {
        if (reader.IsDBNull(column))
        {
            json.WriteNullValue();
        }
        else
        {
            write(json, reader, column);
        }
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
        "date" => static (json, reader, column) => json.WriteStringValue(reader.GetFieldValue<DateOnly>(column).ToString("O", CultureInfo.InvariantCulture)),
        "jsonb" => static (json, reader, column) => json.WriteRawValue(reader.GetString(column), skipInputValidation: true),
        _ => static (json, reader, column) => json.WriteStringValue(reader.GetString(column)),
    };
}
