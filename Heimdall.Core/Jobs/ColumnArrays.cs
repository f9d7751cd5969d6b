using System.Text;
using Npgsql;
using NpgsqlTypes;

namespace Heimdall.Core.Jobs;

/// <summary>The columns of many rows as arrays: parameters of one statement that writes all of them.</summary>
internal readonly struct ColumnArrays<TRow>(TRow[] rows)
{
    private readonly TRow[] _rows = rows;

    /// <summary>One column of all rows.</summary>
    public NpgsqlParameter<T[]> Take<T>(NpgsqlDbType type, Func<TRow, T> read) =>
        new() { NpgsqlDbType = type | NpgsqlDbType.Array, TypedValue = Array.ConvertAll(_rows, row => read(row)) };

    /// <summary>
    /// A column of arrays, each in PostgreSQL's own text form: arrays of arrays would all need one length.
    /// </summary>
    public NpgsqlParameter<string[]> TakeArrays(Func<TRow, IReadOnlyList<string>> read) =>
        Take(NpgsqlDbType.Text, row => ToLiteral(read(row)));

    private static string ToLiteral(IReadOnlyList<string> texts)
    {
        var literal = new StringBuilder("{");
        foreach (var text in texts)
        {
            var escaped = text.Replace("\\", "\\\\").Replace("\"", "\\\"");
            literal.Append(literal.Length == 1 ? "\"" : ",\"").Append(escaped).Append('"');
        }
        return literal.Append('}').ToString();
    }
}
