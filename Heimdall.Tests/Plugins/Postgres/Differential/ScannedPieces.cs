using System.Text;
using Heimdall.Plugins.Postgres.Scripts;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>The bytes of a statement, or of copy data, as the scanner gave them.</summary>
internal sealed record ScannedPiece(byte[] Bytes, bool IsCopy);

/// <summary>What became of a script in the scanner, which is used nowhere else in these tests, and whether it is all there.</summary>
internal sealed record ScannedPieces(IReadOnlyList<ScannedPiece> Pieces, string? Refusal)
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(60);

    public static async Task<ScannedPieces> ReadAsync(
        byte[] script, int readSize, bool standardConformingStrings, CancellationToken cancellationToken, IReadOnlyDictionary<string, string>? variables = null)
    {
        var pieces = new List<ScannedPiece>();
        await using var scanner = new ScriptScanner(new PiecewiseStream(script, readSize), variables is null ? null : new ScriptVariables(variables, long.MaxValue)) { StandardConformingStrings = standardConformingStrings };
        try
        {
            // On a thread of its own: a scanner that goes round in circles asks for no token.
            await Task.Run(() => ReadAsync(scanner, pieces, cancellationToken), cancellationToken).WaitAsync(Patience, cancellationToken);
            return new ScannedPieces(pieces, Refusal: null);
        }
        catch (ScriptException e)
        {
            return new ScannedPieces(pieces, $"{e.Line}:{e.Column} {e.Message}");
        }
    }

    /// <returns>What of the input is neither a statement nor something that may stand between two, or null.</returns>
    public static string? Complaint(byte[] script, IReadOnlyList<ScannedPiece> pieces, bool isWhole)
    {
        ReadOnlySpan<byte> rest = script.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? script[3..] : script;
        ReadOnlySpan<byte> behindCopy = [];
        foreach (var piece in pieces)
        {
            if (piece.IsCopy)
            {
                // The data begin on the next line; what stands behind the COPY on its own comes after them.
                var line = LengthOfLine(rest);
                behindCopy = rest[..line];
                rest = rest[line..];
            }
            else
            {
                rest = rest[LengthOfGap(rest)..];
            }

            if (!rest.StartsWith(piece.Bytes))
            {
                return $"gap before {Encoding.UTF8.GetString(piece.Bytes)}: {Encoding.UTF8.GetString(rest)}";
            }

            rest = rest[piece.Bytes.Length..];
            if (piece.IsCopy)
            {
                rest = (byte[])[.. behindCopy, .. rest[(rest.StartsWith("\\."u8) ? LengthOfLine(rest) : 0)..]];
            }
            else if (rest.TrimStart(" \t\n\r\f\v"u8) is [(byte)';', .. var next])
            {
                rest = next;
            }
        }

        return isWhole && LengthOfGap(rest) < rest.Length ? $"gap at the end: {Encoding.UTF8.GetString(rest)}" : null;
    }

    public override string ToString() =>
        string.Join('\n', Pieces.Select(piece => $"{(piece.IsCopy ? "data" : "statement")} {Convert.ToHexString(piece.Bytes)}").Append(Refusal));

    private static async Task ReadAsync(ScriptScanner scanner, List<ScannedPiece> pieces, CancellationToken cancellationToken)
    {
        while (await scanner.ReadAsync(cancellationToken) is { } statement)
        {
            pieces.Add(new ScannedPiece(scanner.Text.ToArray(), IsCopy: false));
            if (statement.Kind == ScriptStatementKind.CopyFromStdin)
            {
                var data = new MemoryStream();
                await scanner.BeginCopyDataAsync(cancellationToken);
                await scanner.CopyDataAsync((piece, token) => data.WriteAsync(piece, token), cancellationToken);
                pieces.Add(new ScannedPiece(data.ToArray(), IsCopy: true));
            }
        }
    }

    private static int LengthOfLine(ReadOnlySpan<byte> text) => text.IndexOf((byte)'\n') is >= 0 and var end ? end + 1 : text.Length;

    /// <summary>Space, semicolons, comments, and lines that begin with a backslash command a dump may hold.</summary>
    private static int LengthOfGap(ReadOnlySpan<byte> text)
    {
        var at = 0;
        while (at < text.Length)
        {
            var rest = text[at..];
            var length = rest switch
            {
                [(byte)' ' or (byte)'\t' or (byte)'\n' or (byte)'\r' or (byte)'\f' or (byte)'\v' or (byte)';', ..] => 1,
                _ when rest.StartsWith("--"u8) || rest.StartsWith(@"\restrict"u8) || rest.StartsWith(@"\unrestrict"u8) => rest.IndexOfAny((byte)'\n', (byte)'\r') is >= 0 and var end ? end : rest.Length,
                [(byte)'/', (byte)'*', ..] => LengthOfComment(rest),
                _ => 0,
            };
            if (length == 0)
            {
                break;
            }

            at += length;
        }

        return at;
    }

    private static int LengthOfComment(ReadOnlySpan<byte> text)
    {
        var (at, depth) = (2, 1);
        while (depth > 0 && at < text.Length)
        {
            var change = text[at..].StartsWith("/*"u8) ? 1 : text[at..].StartsWith("*/"u8) ? -1 : 0;
            depth += change;
            at += change == 0 ? 1 : 2;
        }

        return at;
    }
}
