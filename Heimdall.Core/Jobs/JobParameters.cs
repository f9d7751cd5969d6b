using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Core.Jobs;

/// <summary>Values of statements about jobs, each with a type that the server is told, also of null.</summary>
internal static class JobParameters
{
    public interface IValue
    {
        NpgsqlParameter ToParameter();
    }

    public static NpgsqlBatchCommand ToStatement(string sql, params ReadOnlySpan<object> values)
    {
        var command = new NpgsqlBatchCommand(sql);
        foreach (var value in values)
        {
            command.Parameters.Add(Of(value));
        }
        return command;
    }

    public static NpgsqlParameter Of(object value) => value is IValue typed ? typed.ToParameter() : new NpgsqlParameter { Value = value };

    public static string[] ToArray(IReadOnlyList<string> texts) => texts as string[] ?? [.. texts];

    /// <summary>A value that may be null.</summary>
    public sealed record OrNull<T>(T? Value) : IValue
    {
        private static readonly NpgsqlDbType Type = default(T) switch
        {
            _ when typeof(T) == typeof(string) => NpgsqlDbType.Text,
            _ when typeof(T) == typeof(bool?) => NpgsqlDbType.Boolean,
            _ when typeof(T) == typeof(Guid?) => NpgsqlDbType.Uuid,
            _ when typeof(T) == typeof(TimeSpan?) => NpgsqlDbType.Interval,
            _ when typeof(T) == typeof(DateTime?) => NpgsqlDbType.TimestampTz,
            _ => NpgsqlDbType.Bigint,
        };

        public NpgsqlParameter ToParameter() => new() { NpgsqlDbType = Type, Value = Value is null ? DBNull.Value : Value };
    }

    public sealed record JsonText(string? Text) : IValue
    {
        public NpgsqlParameter ToParameter() => new() { NpgsqlDbType = NpgsqlDbType.Json, Value = Text is null ? DBNull.Value : Text };
    }
}
