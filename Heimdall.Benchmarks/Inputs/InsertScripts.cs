using System.Globalization;

namespace Heimdall.Benchmarks.Inputs;

/// <summary>Scripts of INSERT statements. The values are drawn, always the same: rows that are all alike would be parsed and logged faster.</summary>
internal static class InsertScripts
{
    private const string Setup = "create table entry (id bigint primary key, account int not null, amount numeric(12, 2), at timestamptz, note text)";
    private const string CountSql = "select count(*) from entry";
    private const int Seed = 42;
    private static readonly string[] _words = ["ash", "birch", "cedar", "elm's", "fir", "hazel", "juniper", "larch", "maple", "oak", "rowan", "willow"];
    private static readonly DateTime _start = new(2024, 1, 1, 0, 0, 0, DateTimeKind.Utc);

    public static Input OneRowEach(int statements) => new()
    {
        File = $"inserts_{statements}.sql",
        Setup = Setup,
        CountSql = CountSql,
        WriteAsync = (path, cancellationToken) => WriteAsync(path, rowsPerStatement: 1, isEnough: (done, _) => done == statements, cancellationToken),
    };

    public static Input ManyRowsEach(int megabytes, int rowsPerStatement = 500) => new()
    {
        File = $"inserts_{megabytes}mb.sql",
        Setup = Setup,
        CountSql = CountSql,
        WriteAsync = (path, cancellationToken) =>
            WriteAsync(path, rowsPerStatement, isEnough: (_, bytes) => bytes >= megabytes * 1_000_000L, cancellationToken),
    };

    private static async Task WriteAsync(string path, int rowsPerStatement, Func<int, long, bool> isEnough, CancellationToken cancellationToken)
    {
        await using var file = new StreamWriter(path);
        var random = new Random(Seed);
        var (id, bytes) = (0L, 0L);
        for (var done = 0; !isEnough(done, bytes); done++)
        {
            var rows = Enumerable.Range(0, rowsPerStatement).Select(_ => RowOfValues(++id, random));
            var statement = $"insert into entry (id, account, amount, at, note) values {string.Join(", ", rows)};\n";
            await file.WriteAsync(statement.AsMemory(), cancellationToken);
            bytes += statement.Length; // all of it is ASCII
        }
    }

    private static string RowOfValues(long id, Random random)
    {
        var note = string.Join(' ', Enumerable.Range(0, 5).Select(_ => _words[random.Next(_words.Length)])).Replace("'", "''", StringComparison.Ordinal);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"({id}, {random.Next(1_000_000)}, {random.Next(10_000_000) / 100m:0.00}, '{_start.AddSeconds(id):yyyy-MM-dd HH:mm:ss}+00', '{note}')");
    }
}
