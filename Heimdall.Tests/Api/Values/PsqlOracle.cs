using System.Globalization;
using System.Text;
using Heimdall.Tests.Plugins.Postgres.Differential;
using Heimdall.Tests.Support;

namespace Heimdall.Tests.Api.Values;

/// <summary>What psql shows of queries, in the session settings that results of Heimdall have.</summary>
internal sealed class PsqlOracle
{
    private const string Settings = """
        set TimeZone = 'UTC';
        set DateStyle = 'ISO';
        set IntervalStyle = 'postgres';
        set bytea_output = 'hex';
        set extra_float_digits = 1;

        """;

    private const string TypesSql = """
        select concat_ws(' ', t.oid, case when e.typarray = t.oid then e.typname || '[]' else t.typname end)
        from unnest($1) with ordinality as wanted (name, n)
        left join pg_type t on t.oid = wanted.name::regtype
        left join pg_type e on e.oid = t.typelem
        order by n
        """;

    // No value has them, and so values may hold whatever else they like.
    private readonly string _field = NewMark("field");
    private readonly string _record = NewMark("record");
    private readonly string _null = NewMark("null");
    private readonly string _next = NewMark("next");

    private readonly Dictionary<string, PsqlRows> _shown = [];
    private readonly Dictionary<string, string> _failed = [];

    /// <summary>Asks all at once: a psql for each would take its time.</summary>
    public static async Task<PsqlOracle> AskAsync(TestDatabase database, IReadOnlyList<ValueCase> cases, CancellationToken cancellationToken)
    {
        var oracle = new PsqlOracle();
        var parts = (await oracle.RunAsync(database, cases, cancellationToken)).Split($"{oracle._next}\n");
        var described = cases.ToDictionary(one => one.Name, _ => Array.Empty<string?[]>());
        for (var i = 0; i < cases.Count; i++)
        {
            var ending = parts[(3 * i) + 3].Split('\n')[0].Split(' ', 3);
            if (ending[0] == "00000")
            {
                var description = parts[(3 * i) + 1];
                described[cases[i].Name] = description.Contains(oracle._field, StringComparison.Ordinal) ? oracle.ReadRows(description) : [];
                var rows = oracle.ReadRows(parts[(3 * i) + 2], int.Parse(ending[1], CultureInfo.InvariantCulture), described[cases[i].Name].Length);
                oracle._shown[cases[i].Name] = new PsqlRows([], rows);
            }
            else
            {
                oracle._failed[cases[i].Name] = ending[2];
            }
        }
        await oracle.NameTypesAsync(database, described, cancellationToken);
        return oracle;
    }

    public IEnumerable<PsqlRows> All => _shown.Values;

    public PsqlRows Of(ValueCase one) =>
        _shown.TryGetValue(one.Name, out var rows) ? rows : throw new InvalidOperationException($"psql cannot show {one.Name}: {_failed[one.Name]}\n{one.Query}");

    private static string NewMark(string name) => $"<{name} {Guid.NewGuid():N}>";

    private async Task<string> RunAsync(TestDatabase database, IEnumerable<ValueCase> cases, CancellationToken cancellationToken)
    {
        var script = new StringBuilder(Settings);
        foreach (var one in cases)
        {
            script.Append(CultureInfo.InvariantCulture, $"\\echo '{_next}'\n{one.Query} \\gdesc\n\\echo '{_next}'\n{one.Query};\n\\echo '{_next}'\n");
            script.Append("\\echo :SQLSTATE :ROW_COUNT :LAST_ERROR_MESSAGE\n");
        }
        var file = Path.GetTempFileName();
        try
        {
            await File.WriteAllTextAsync(file, script.ToString(), cancellationToken);
            var (_, output, _) = await PostgresProgram.RunAsync(
                "psql",
                database.ConnectionString,
                ["-X", "-q", "-A", "-t", "-F", _field, "-R", _record, "-P", $"null={_null}", "-f", file],
                cancellationToken);
            return new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(Encoding.Latin1.GetBytes(output));
        }
        finally
        {
            File.Delete(file);
        }
    }

    /// <summary>psql prints nothing for a row without columns.</summary>
    private string?[][] ReadRows(string text, int count, int columns) =>
        columns == 0 ? [.. Enumerable.Repeat(Array.Empty<string?>(), count)] : text.Length == 0 ? [] : ReadRows(text);

    private string?[][] ReadRows(string text) =>
        [.. text[..^1].Split(_record).Select(row => row.Split(_field).Select(value => value == _null ? null : value).ToArray())];

    /// <summary>\gdesc has the names of SQL, <c>double precision</c> for <c>float8</c>.</summary>
    private async Task NameTypesAsync(TestDatabase database, Dictionary<string, string?[][]> described, CancellationToken cancellationToken)
    {
        var names = described.Values.SelectMany(columns => columns).Select(column => column[1]!).Distinct().ToArray();
        var found = await database.ColumnAsync<string>(TypesSql, cancellationToken, [names]);
        var types = names.Zip(found).ToDictionary(pair => pair.First, pair => pair.Second.Split(' ', 2));
        foreach (var (name, rows) in _shown.ToArray())
        {
            _shown[name] = rows with
            {
                Columns = [.. described[name].Select(column => new PsqlColumn(column[0]!, uint.Parse(types[column[1]!][0], CultureInfo.InvariantCulture), types[column[1]!][1]))],
            };
        }
    }
}
