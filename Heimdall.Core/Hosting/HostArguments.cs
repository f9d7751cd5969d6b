namespace Heimdall.Core.Hosting;

/// <summary>The arguments of both processes.</summary>
internal sealed record HostArguments(string ConfigPath, bool CheckOnly)
{
    /// <returns>Null when there is an argument that is none of ours.</returns>
    public static HostArguments? Parse(string[] args)
    {
        var result = new HostArguments("configs/local.yaml", CheckOnly: false);
        for (var index = 0; index < args.Length; index++)
        {
            switch (args[index])
            {
                case "--check":
                    result = result with { CheckOnly = true };
                    break;
                case "--config" when index + 1 < args.Length:
                    result = result with { ConfigPath = args[++index] };
                    break;
                default:
                    return null;
            }
        }
        return result;
    }
}
