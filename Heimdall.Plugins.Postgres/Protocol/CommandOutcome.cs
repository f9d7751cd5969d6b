using System.Buffers.Text;
using System.Text;

namespace Heimdall.Plugins.Postgres.Protocol;

/// <summary>
/// What the server says of a command that is done: its tag, and the rows it names. <c>INSERT 0 3</c> is INSERT with 3
/// rows.
/// </summary>
internal readonly record struct CommandOutcome(string Tag, long Rows)
{
    // The tags of what scripts are made of, so that a long one makes no garbage of them.
    private static readonly (byte[] Bytes, string Text)[] Common =
    [
        .. new[]
            {
                "INSERT", "UPDATE", "DELETE", "SELECT", "COPY",
                "CREATE TABLE", "CREATE INDEX", "ALTER TABLE", "SET", "BEGIN", "COMMIT",
            }
            .Select(tag => (Encoding.ASCII.GetBytes(tag), tag)),
    ];

    /// <summary>True of commands whose rows were changed, and not only read or moved over.</summary>
    public bool ChangesRows => Tag is "INSERT" or "UPDATE" or "DELETE" or "MERGE" or "COPY";

    /// <param name="body">Of a CommandComplete message: text that ends in a zero byte.</param>
    public static CommandOutcome Read(ReadOnlySpan<byte> body)
    {
        var text = body.TrimEnd((byte)0);
        var lastBlank = text.LastIndexOf((byte)' ');
        if (lastBlank < 0 || !Utf8Parser.TryParse(text[(lastBlank + 1)..], out long rows, out var digits)
            || digits != text.Length - lastBlank - 1)
        {
            return new(TagOf(text), 0);
        }

        var tag = text[..lastBlank];

        // Before the rows, INSERT has the OID of the row, which is 0 since rows have none.
        return new(tag.EndsWith(" 0"u8) ? TagOf(tag[..^2]) : TagOf(tag), rows);
    }

    private static string TagOf(ReadOnlySpan<byte> tag)
    {
        foreach (var (bytes, text) in Common)
        {
            if (tag.SequenceEqual(bytes))
            {
                return text;
            }
        }

        return Encoding.ASCII.GetString(tag);
    }
}
