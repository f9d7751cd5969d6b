using System.Text;

namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>psql's meta commands: which of them a dump may hold, and what to say about the others.</summary>
internal static class BackslashCommand
{
    /// <summary>The line that ends the data of a COPY.</summary>
    public const string EndOfData = @"\.";

    private const int LongestName = 32;

    /// <summary>
    /// The command at the start of <paramref name="text"/>, backslash included, as long as psql would read it.
    /// Null if more of the script is needed to tell.
    /// </summary>
    public static string? Read(ReadOnlySpan<byte> text, bool ended)
    {
        var length = 1;

        while (length < text.Length && length < LongestName && (char.IsAsciiLetter((char)text[length]) || text[length] == (byte)'_'))
        {
            length++;
        }

        if (length == text.Length && length < LongestName && !ended)
        {
            return null;
        }

        // A command of one sign: \. \; \! \? \:
        if (length == 1 && text.Length > 1 && text[1] is > (byte)' ' and < 0x7F)
        {
            length = 2;
        }

        return Encoding.UTF8.GetString(text[..length]);
    }

    /// <summary>
    /// pg_dump writes these two around its output, so that psql runs no other meta command while it loads it.
    /// Nothing runs one here, so there is nothing to do.
    /// </summary>
    public static bool IsHarmless(string command) => command is @"\restrict" or @"\unrestrict";

    public static string Refusal(string command) => command switch
    {
        EndOfData => @"\. ends the data of a COPY ... FROM STDIN, and there is none to end here: the COPY is missing, failed, or its data ended earlier.",
        @"\" => "A backslash outside quotes is no SQL: remove it.",
        _ => $"{command} is a command of psql, which is understood only in a batch with psql: true: remove it.",
    };
}
