using System.Security.Cryptography;
using System.Text;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary>Puts the text of a script where jobs can name it, and names it there with its SHA-256.</summary>
internal static class ScriptUpload
{
    /// <summary>A longer script cannot be pinned: docs/guide/scripts.md has the rule.</summary>
    private const int LongestPinned = 64 * 1024 * 1024;

    private const int LongestName = 60;

    /// <summary>Puts it where the caller says.</summary>
    public static async Task<HeimdallSubmission> PutAsync(
        Terminal terminal, HeimdallClient client, HeimdallSubmission submission, string path,
        CancellationToken cancellationToken)
    {
        try
        {
            return await PutTextAsync(terminal, client, submission, path, cancellationToken);
        }
        catch (HeimdallException e) when (e.Status == 404)
        {
            throw new UsageException(
                $"{e.Message} Leave out --upload, and the text itself is sent; or have uploads enabled there.");
        }
    }

    /// <summary>
    /// Puts a text that is larger than a job may be under a path that is the same each time, and another one for each
    /// caller and each text: a job that waits keeps its script.
    /// </summary>
    public static async Task<HeimdallSubmission> PutLargeAsync(
        Terminal terminal, HeimdallClient client, HeimdallSubmission submission, HeimdallException tooLarge,
        CancellationToken cancellationToken)
    {
        try
        {
            var caller = await client.MeAsync(cancellationToken);
            var path = PathOf(caller.User, submission.Name, submission.Query);
            return await PutTextAsync(terminal, client, submission, path, cancellationToken);
        }
        catch (HeimdallException e) when (e.Status is 403 or 404)
        {
            throw new UsageException(
                $"{tooLarge.Message} Nor can it be put there as a script: {e.Message} "
                + "Split it, or have one of both allowed.");
        }
    }

    private static async Task<HeimdallSubmission> PutTextAsync(
        Terminal terminal, HeimdallClient client, HeimdallSubmission submission, string path,
        CancellationToken cancellationToken)
    {
        await using var text = new MemoryStream(Encoding.UTF8.GetBytes(submission.Query), writable: false);
        var script = await client.PutScriptAsync(path, text, cancellationToken: cancellationToken);
        terminal.Say($"The script is at {script.Path} ({script.Bytes} bytes, SHA-256 {script.Sha256}).");
        if (script.Bytes > LongestPinned)
        {
            terminal.Say("It is too long to be pinned by its SHA-256: the job runs what is there when it starts.");
        }
        return submission with
        {
            Query = script.Path,
            Sha256 = script.Bytes > LongestPinned ? null : script.Sha256,
        };
    }

    private static string PathOf(string user, string name, string text)
    {
        var hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{user}\n{text}")))[..24];
        var stem = name.EndsWith(".sql", StringComparison.OrdinalIgnoreCase) ? name[..^4] : name;
        var plain = stem.Take(LongestName).Select(sign => char.IsAsciiLetterOrDigit(sign) ? sign : '-');
        var file = string.Concat(plain).Trim('-');
        return $"cli/{hash}/{(file.Length > 0 ? file : "script")}.sql";
    }
}
