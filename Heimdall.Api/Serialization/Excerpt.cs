namespace Heimdall.Api.Serialization;

/// <summary>What a reply quotes of a request is cut, so that no reply is much longer than what it answers.</summary>
internal static class Excerpt
{
    /// <summary>Characters of a name that a reply shows.</summary>
    public const int LongestName = 100;

    /// <summary>Characters of a sentence, which may hold such a name.</summary>
    public const int LongestSentence = 1000;

    public static string Cut(string text, int most = LongestName)
    {
        if (text.Length <= most)
        {
            return text;
        }
        var end = char.IsHighSurrogate(text[most - 1]) ? most - 1 : most; // no half of a character
        return $"{text.AsSpan(0, end)}…";
    }
}
