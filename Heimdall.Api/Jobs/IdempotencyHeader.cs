using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Heimdall.Api.Callers;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Secrets;

namespace Heimdall.Api.Jobs;

/// <summary>The header <c>Idempotency-Key</c> (draft-ietf-httpapi-idempotency-key-header): a string in quotes, or bare, as most clients send it.</summary>
internal static class IdempotencyHeader
{
    public const string Name = "Idempotency-Key";

    private const int MaxLength = 255;

    /// <returns>The key, or null where there is none; and what is wrong with it.</returns>
    public static async Task<(IdempotencyKey? Key, ContextProblem? Problem)> ReadAsync(
        HttpContext context, JsonElement body, SecretFingerprints fingerprints, CancellationToken cancellationToken)
    {
        var (text, problem) = Read(context);
        if (text is null)
        {
            return (null, problem);
        }
        // From a hash without a key, a short secret is found by trying all of them.
        var fingerprint = JobSecrets.AreIn(body)
            ? await fingerprints.OfAsync(JsonMarshal.GetRawUtf8Value(body).ToArray(), cancellationToken)
            : SHA256.HashData(JsonMarshal.GetRawUtf8Value(body));
        return (new IdempotencyKey(context.CallerName(), text, fingerprint), null);
    }

    /// <returns>The key's text, or null where there is none; and what is wrong with it.</returns>
    public static (string? Text, ContextProblem? Problem) Read(HttpContext context)
    {
        if (!context.Request.Headers.TryGetValue(Name, out var values))
        {
            return (null, null);
        }
        return values is [{ } value] && Unquote(value) is { Length: >= 1 and <= MaxLength } text
            ? (text, null)
            : (null, new ContextProblem(Name, $"Must be one text of 1 to {MaxLength} printable ASCII characters, such as a UUID."));
    }

    /// <returns>The text without its quotes, or null when it is not printable or its quotes do not match.</returns>
    private static string? Unquote(string value)
    {
        if (value.AsSpan().ContainsAnyExceptInRange(' ', '~'))
        {
            return null;
        }
        if (!value.StartsWith('"'))
        {
            return value;
        }
        var text = new StringBuilder(value.Length);
        for (var i = 1; i < value.Length; i++)
        {
            if (value[i] == '"')
            {
                return i == value.Length - 1 ? text.ToString() : null;
            }
            if (value[i] == '\\' && (++i == value.Length || value[i] is not ('"' or '\\')))
            {
                return null;
            }
            text.Append(value[i]);
        }
        return null;
    }
}
