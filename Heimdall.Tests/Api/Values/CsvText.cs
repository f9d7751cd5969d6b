namespace Heimdall.Tests.Api.Values;

/// <summary>A strict reader of CSV (RFC 4180). What is empty and not quoted is NULL.</summary>
internal sealed class CsvText(string text)
{
    private int _position;

    public static List<string?[]> Read(string text)
    {
        var reader = new CsvText(text);
        var records = new List<string?[]>();
        while (reader._position < text.Length)
        {
            records.Add(reader.ReadRecord());
        }
        return records;
    }

    private string?[] ReadRecord()
    {
        var fields = new List<string?> { ReadField() };
        while (Next() == ',')
        {
            _position++;
            fields.Add(ReadField());
        }
        Take('\r');
        Take('\n');
        return [.. fields];
    }

    private string? ReadField() => Next() == '"' ? ReadQuoted() : ReadPlain();

    private string? ReadPlain()
    {
        var start = _position;
        while (Next() is not (null or ',' or '\r'))
        {
            if (Next() is '"' or '\n')
            {
                throw new FormatException($"A character that must be quoted is not, at {_position}.");
            }
            _position++;
        }
        return _position == start ? null : text[start.._position];
    }

    private string ReadQuoted()
    {
        var start = ++_position;
        while (true)
        {
            var quote = text.IndexOf('"', _position);
            _position = quote >= 0 ? quote + 1 : throw new FormatException($"The quote at {start - 1} is not closed.");
            if (Next() != '"')
            {
                return text[start..quote].Replace("\"\"", "\"", StringComparison.Ordinal);
            }
            _position++;
        }
    }

    private char? Next() => _position < text.Length ? text[_position] : null;

    private void Take(char character)
    {
        if (Next() != character)
        {
            throw new FormatException($"At {_position} is no {(int)character:x2}.");
        }
        _position++;
    }
}
