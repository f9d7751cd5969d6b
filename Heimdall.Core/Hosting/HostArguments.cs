namespace Heimdall.Core.Hosting;

/// <summary>The arguments of both processes.</summary>
internal sealed record HostArguments(string ConfigPath, HostAction Action)
{
    /// <returns>Null when there is an argument that is none of ours.</returns>
    public static HostArguments? Parse(string[] args)
    {
        var result = new HostArguments("configs/local.yaml", HostAction.Run);
        for (var index = 0; index < args.Length; index++)
        {
            switch (args[index])
            {
                case "--check" when result.Action == HostAction.Run:
                    result = result with { Action = HostAction.Check };
                    break;
                case "--health" when result.Action == HostAction.Run:
                    result = result with { Action = HostAction.AskHealth };
                    break;
                case "--migrate" when result.Action == HostAction.Run:
                    result = result with { Action = HostAction.Migrate };
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
