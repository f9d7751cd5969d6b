namespace Heimdall.Plugins.Postgres.Contexts;

/// <summary>What both a command and a job may say about how SQL runs. Absent means: not said here.</summary>
internal sealed record RunOptions
{
    public bool? ReturnResult { get; init; }

    public TransactionMode? Transaction { get; init; }

    public OnError? OnError { get; init; }

    /// <summary>Whether psql's own commands and variables are understood.</summary>
    public bool? Psql { get; init; }

    public TimeSpan? Timeout { get; init; }

    public TimeSpan? LockTimeout { get; init; }

    public long? RowLimit { get; init; }

    /// <summary>Bytes of the values, as the server sends them.</summary>
    public long? ByteLimit { get; init; }

    public NumberForm? Numbers { get; init; }

    public bool? ReadOnly { get; init; }

    public string? Role { get; init; }

    /// <summary>As it would stand after <c>set search_path to</c>.</summary>
    public string? SearchPath { get; init; }

    /// <summary>The fields as they are spelled.</summary>
    public static IReadOnlyCollection<string> Names { get; } = FindNames();

    public static RunOptions Read(ContextReader reader)
    {
        return new RunOptions
        {
            ReturnResult = reader.Flag("return_result"),
            Transaction = reader.OneOf<TransactionMode>("transaction"),
            OnError = reader.OneOf<OnError>("on_error"),
            Psql = reader.Flag("psql"),
            Timeout = reader.Seconds("timeout_seconds"),
            LockTimeout = reader.Seconds("lock_timeout_seconds"),
            RowLimit = reader.Count("row_limit"),
            ByteLimit = reader.Count("byte_limit"),
            Numbers = reader.OneOf<NumberForm>("numbers"),
            ReadOnly = reader.Flag("read_only"),
            Role = reader.Text("role"),
            SearchPath = ReadSearchPath(reader),
        };
    }

    private static IReadOnlyCollection<string> FindNames()
    {
        var reader = new ContextReader([]);
        _ = Read(reader);
        return reader.Known;
    }

    private static string? ReadSearchPath(ContextReader reader)
    {
        const string Field = "search_path";
        var path = reader.Text(Field);
        if (path is not null && SearchPathNames.Read(path) is null)
        {
            reader.Report(
                Field, "must be names of schemas with commas between them, as they stand after SET search_path TO.");
            return null;
        }

        return path;
    }
}
