using System.Text;

namespace Heimdall.Plugins.Postgres.Scripts;

// What stands for a variable: its value takes its place before it is read.
internal sealed partial class StatementLexer
{
    private LexerStop? Variable(ScriptVariables variables)
    {
        var rest = buffer.Kept[_position..];
        if (variables.Find(rest, buffer.Ended) is not { } use)
        {
            return LexerStop.NeedsMore;
        }

        classifier.Symbol((byte)':', _parentheses);
        if (use.Value is null || !TryExpand(use, rest[..use.Length]))
        {
            _position += use.Length;
        }

        // A letter before the colon is neither part of a name that goes on in the value nor the prefix of a string there.
        _floor = _position;
        return null;
    }

    /// <returns>False for a variable in its own value: psql leaves it as it is, and so ends.</returns>
    private bool TryExpand(VariableUse use, ReadOnlySpan<byte> text)
    {
        var position = buffer.Discarded + _position;
        _expansions.RemoveAll(expansion => expansion.End <= position);
        var name = Encoding.UTF8.GetString(text[1..]);
        if (use.IsCode && _expansions.Exists(expansion => expansion.Name == name))
        {
            return false;
        }

        var value = Encoding.UTF8.GetBytes(use.Value!);
        buffer.Replace(_position, use.Length, value);
        for (var outer = 0; outer < _expansions.Count; outer++)
        {
            _expansions[outer] = _expansions[outer] with { End = _expansions[outer].End + value.Length - use.Length };
        }

        if (use.IsCode)
        {
            _expansions.Add((name, position + value.Length));
        }
        else
        {
            classifier.Literal(_parentheses);
            _position += value.Length;
        }

        return true;
    }
}
