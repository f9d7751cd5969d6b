namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>
/// Remembers which stretches of a text stand there instead of something else that the script has (the value of a variable instead of
/// its name), so that lines, columns and offsets go on counting as in the script.
/// </summary>
internal sealed class SpliceList
{
    private readonly List<Splice> _splices = [];

    public bool IsEmpty => _splices.Count == 0;

    /// <summary>Notes that what stands at a position now took the place of something of the script, or of a part of an earlier splice.</summary>
    /// <param name="position">Where both begin.</param>
    /// <param name="length">Bytes of what was there.</param>
    /// <param name="characters">Characters of what was there.</param>
    /// <param name="newLength">Bytes of what is there now.</param>
    public void Add(int position, int length, int characters, int newLength)
    {
        // Searched from the end, where a script that is read forward has its next one.
        var at = _splices.Count;
        while (at > 0 && _splices[at - 1].End > position)
        {
            at--;
        }

        var growth = newLength - length;
        if (at < _splices.Count && _splices[at].Start <= position)
        {
            _splices[at] = _splices[at] with { Length = _splices[at].Length + growth };
        }
        else
        {
            _splices.Insert(at, new Splice(position, newLength, length, characters));
        }

        for (var later = at + 1; later < _splices.Count; later++)
        {
            _splices[later] = _splices[later] with { Start = _splices[later].Start + growth };
        }
    }

    /// <summary>The place in the script of the end of <paramref name="text"/>, which begins at <paramref name="start"/>. Within a splice: where it begins.</summary>
    public ScriptLocation Locate(ScriptLocation start, ReadOnlySpan<byte> text, bool isUtf8)
    {
        var from = 0;
        foreach (var splice in _splices)
        {
            if (splice.Start > text.Length || (splice.Start == text.Length && splice.Length > 0))
            {
                break;
            }

            start = start.After(text[from..splice.Start], isUtf8);
            if (splice.End > text.Length)
            {
                return start;
            }

            start = start.Plus(splice.Characters);
            from = splice.End;
        }

        return start.After(text[from..], isUtf8);
    }

    /// <summary>How many bytes more than here the script has in what corresponds to the first <paramref name="count"/>.</summary>
    public int Difference(int count)
    {
        var difference = 0;
        foreach (var splice in _splices)
        {
            difference += splice.End <= count ? splice.OriginalLength - splice.Length : splice.Start < count ? splice.Start - count : 0;
        }

        return difference;
    }

    /// <summary>Whether a token of the text may reach over an end of what stands for something else.</summary>
    public bool MayJoinTokens(ReadOnlySpan<byte> text)
    {
        foreach (var splice in _splices)
        {
            if (MayJoinAt(text, splice.Start) || MayJoinAt(text, splice.End))
            {
                return true;
            }
        }

        return false;
    }

    private static bool MayJoinAt(ReadOnlySpan<byte> text, int position) =>
        position > 0 && position < text.Length && SqlCharacters.MayJoin(text[position - 1], text[position]);

    /// <summary>Forgets what lies before a position, from which on positions count anew.</summary>
    public void Discard(int count)
    {
        var kept = 0;
        for (var at = 0; at < _splices.Count; at++)
        {
            var splice = _splices[at];
            if (splice.End > count)
            {
                // Of one that is cut, the rest still stands for the whole of what it replaced.
                var start = Math.Max(0, splice.Start - count);
                _splices[kept++] = splice with { Start = start, Length = splice.End - count - start };
            }
        }

        _splices.RemoveRange(kept, _splices.Count - kept);
    }

    /// <summary>Those of the first bytes, to keep when the text moves on; null if there are none.</summary>
    public SpliceList? Of(int length)
    {
        if (IsEmpty)
        {
            return null;
        }

        var some = new SpliceList();
        some._splices.AddRange(_splices.Where(splice => splice.End <= length));
        return some;
    }

    private readonly record struct Splice(int Start, int Length, int OriginalLength, int Characters)
    {
        public int End => Start + Length;
    }
}
