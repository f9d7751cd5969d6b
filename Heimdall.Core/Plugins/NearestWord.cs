namespace Heimdall.Core.Plugins;

/// <summary>Finds the word that somebody most likely meant: in another case or spelling, or with a slip or two.</summary>
public static class NearestWord
{
    private const int LongestWord = 100;
    private const int MostSlips = 2;
    private const int LettersOfSlip = 3; // so many letters of a word to a slip: short words are not like everything

    /// <returns>" Did you mean name?", or nothing where no word is near.</returns>
    public static string Ask(string given, IEnumerable<string> known) =>
        Find(given, known) is { } word ? $" Did you mean {word}?" : "";

    /// <returns>Null where no word is near, or it is the word itself.</returns>
    public static string? Find(string given, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(given);
        ArgumentNullException.ThrowIfNull(known);
        if (given.Length is 0 or > LongestWord)
        {
            return null;
        }
        var bare = Bare(given);
        var most = Math.Min(MostSlips, bare.Length / LettersOfSlip);
        string? nearest = null;
        foreach (var word in known)
        {
            if (word.Length > LongestWord || word == given || Math.Abs(LettersIn(word) - bare.Length) > most)
            {
                continue;
            }
            var slips = SlipsBetween(bare, Bare(word));
            if (slips <= most)
            {
                (nearest, most) = (word, slips - 1); // of several that are as near the first
            }
        }
        return nearest;
    }

    private static int LettersIn(string word)
    {
        var letters = 0;
        foreach (var sign in word)
        {
            letters += sign is '_' or '-' or ' ' ? 0 : 1;
        }
        return letters;
    }

    /// <summary>Without what only tells spellings apart: commandCriteria, command-criteria, command_criteria.</summary>
    private static string Bare(string word) =>
        string.Concat(word.Where(sign => sign is not ('_' or '-' or ' ')).Select(char.ToLowerInvariant));

    /// <summary>How many letters are to be added, left out, changed or swapped with the next one.</summary>
    private static int SlipsBetween(string one, string other)
    {
        var before = new int[other.Length + 1];
        var above = Enumerable.Range(0, other.Length + 1).ToArray();
        for (var i = 1; i <= one.Length; i++)
        {
            var row = new int[other.Length + 1];
            row[0] = i;
            for (var j = 1; j <= other.Length; j++)
            {
                var change = one[i - 1] == other[j - 1] ? 0 : 1;
                row[j] = Math.Min(Math.Min(above[j] + 1, row[j - 1] + 1), above[j - 1] + change);
                if (i > 1 && j > 1 && one[i - 1] == other[j - 2] && one[i - 2] == other[j - 1])
                {
                    row[j] = Math.Min(row[j], before[j - 2] + 1);
                }
            }
            (before, above) = (above, row);
        }
        return above[other.Length];
    }
}
