namespace Heimdall.Api.Document;

/// <summary>What the parameters in paths stand for.</summary>
internal static class PathParameters
{
    public static string Describe(string name, string path) => (name, path.Split('/')) switch
    {
        ("path", _) => "The path of the script below the directory of scripts. Its slashes stay as they are.",
        (_, ["api", "v1", var kind, ..]) => $"The id of the {kind}.",
        _ => name,
    };
}
