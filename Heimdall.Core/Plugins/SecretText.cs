using System.Text;

namespace Heimdall.Core.Plugins;

/// <summary>
/// Takes secrets out of texts that may repeat them, as messages of servers do. These cut off what is long, and fold
/// names to lower case: parts of a secret that are long enough to be told from words are found too.
/// </summary>
internal sealed class SecretText
{
    /// <summary>What stands in the place of a secret.</summary>
    public const string Mark = "[secret]";

    /// <summary>So many characters in a row that are those of a secret are taken for a part of it.</summary>
    private const int PartLength = 6;

    private readonly string[] _short;
    private readonly HashSet<string> _parts = new(StringComparer.OrdinalIgnoreCase);

    public SecretText(IEnumerable<string> secrets)
    {
        string[] all = [.. secrets];
        _short = [.. all.Where(secret => secret.Length is > 0 and < PartLength)];
        foreach (var secret in all)
        {
            for (var start = 0; start + PartLength <= secret.Length; start++)
            {
                _parts.Add(secret.Substring(start, PartLength));
            }
        }
    }

    public string Redact(string text)
    {
        var hidden = new bool[text.Length];
        var parts = _parts.GetAlternateLookup<ReadOnlySpan<char>>();
        for (var start = 0; start + PartLength <= text.Length; start++)
        {
            if (parts.Contains(text.AsSpan(start, PartLength)))
            {
                hidden.AsSpan(start, PartLength).Fill(true);
            }
        }
        foreach (var secret in _short)
        {
            for (var start = text.IndexOf(secret, StringComparison.OrdinalIgnoreCase); start >= 0;
                start = text.IndexOf(secret, start + 1, StringComparison.OrdinalIgnoreCase))
            {
                hidden.AsSpan(start, secret.Length).Fill(true);
            }
        }
        return Array.IndexOf(hidden, true) < 0 ? text : Write(text, hidden);
    }

    private static string Write(string text, bool[] hidden)
    {
        var shown = new StringBuilder(text.Length);
        for (var i = 0; i < text.Length; i++)
        {
            if (!hidden[i])
            {
                shown.Append(text[i]);
            }
            else if (i == 0 || !hidden[i - 1])
            {
                shown.Append(Mark);
            }
        }
        return shown.ToString();
    }
}
