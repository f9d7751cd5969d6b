using System.Text.Json;
using Heimdall.Api.Serialization;

namespace Heimdall.Api.Callers;

/// <summary><c>Heimdall.Api --new-key USER</c>: makes an API key and the lines for the configuration.</summary>
internal static class NewKey
{
    public static int Print(string user)
    {
        var quoted = JsonSerializer.Serialize(user, ApiJson.Options); // as YAML quotes too
        var (key, hash) = ApiKeyRing.Create();
        Console.WriteLine($"""
            The key, shown this once and stored nowhere; give it to {user}:

              {key}

            For the configuration file:

            auth:
              api_keys:
                - user: {quoted}
                  hash: {hash}
            """);
        return 0;
    }
}
