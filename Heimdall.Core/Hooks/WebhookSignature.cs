using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Validation;

namespace Heimdall.Core.Hooks;

/// <summary>Signatures as Standard Webhooks 1.0 has them: https://www.standardwebhooks.com</summary>
internal static class WebhookSignature
{
    /// <summary>The value of <c>webhook-signature</c>: one signature for each secret.</summary>
    /// <param name="secrets">As configured; references are resolved here, and forgotten.</param>
    /// <param name="id">The message's.</param>
    /// <param name="sentAt">The value of <c>webhook-timestamp</c>.</param>
    /// <param name="body">As it is sent.</param>
    public static string Sign(IEnumerable<string> secrets, string id, DateTimeOffset sentAt, ReadOnlySpan<byte> body)
    {
        var head = Encoding.UTF8.GetBytes($"{id}.{TimestampOf(sentAt)}.");
        var signed = new byte[head.Length + body.Length];
        head.CopyTo(signed, 0);
        body.CopyTo(signed.AsSpan(head.Length));
        return string.Join(' ', secrets.Select(secret => Sign(secret, signed)));
    }

    public static string TimestampOf(DateTimeOffset sentAt) =>
        sentAt.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture);

    private static string Sign(string secret, byte[] signed)
    {
        var key = HookConfigValidator.ReadSecret(SecretReferences.Resolve(secret))
            ?? throw new SecretReferenceException("A secret of the hook is no longer whsec_ and base64.");
        return $"v1,{Convert.ToBase64String(HMACSHA256.HashData(key, signed))}";
    }
}
