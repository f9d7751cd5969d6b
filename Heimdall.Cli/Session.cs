using System.CommandLine;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary>What all commands share: the terminal, and which Heimdall they speak to.</summary>
internal sealed class Session(Terminal terminal)
{
    private const string LocalAddress = "http://127.0.0.1:9090";

    /// <summary>For the first answer. A wrong address is noticed soon, and a restart is waited for.</summary>
    private static readonly TimeSpan RetryFor = TimeSpan.FromSeconds(3);

    public Terminal Terminal => terminal;

    public Option<string?> Profile { get; } = new("--profile")
    {
        Description = "A profile that `heimdall login` has stored.",
        HelpName = "NAME",
        Recursive = true,
    };

    public Option<string?> Url { get; } = new("--url")
    {
        Description = "The address of Heimdall. Default: HEIMDALL_URL, the profile, http://127.0.0.1:9090.",
        HelpName = "URL",
        Recursive = true,
    };

    /// <summary>The text that the command sends, for errors that have a place in it.</summary>
    public string? Sql { get; set; }

    /// <summary>Where to find profiles.</summary>
    public ProfileStore Profiles => new(terminal);

    /// <summary>A client for where the options say, else the environment, else the profile.</summary>
    public HeimdallClient Connect(ParseResult result, TimeSpan? retryFor = null)
    {
        var (address, key, _) = FindTarget(result);
        var options = new HeimdallOptions { Address = ToAddress(address), Key = key, RetryFor = retryFor ?? RetryFor };
        return new HeimdallClient(options);
    }

    /// <summary>Tags of the clusters that the caller says, or the usual one.</summary>
    public string[] FindClusters(ParseResult result, string[] said) => said switch
    {
        { Length: > 0 } => [.. said.Select(ToTag)],
        _ => FindTarget(result).Cluster is { } usual
            ? [ToTag(usual)]
            : throw new UsageException(
                "Which cluster? Say --cluster TAG, or set HEIMDALL_CLUSTER. `heimdall clusters` lists them."),
    };

    public static string[] ToCommands(string[] said) => said.Length > 0 ? [.. said.Select(ToTag)] : ["type:postgres"];

    /// <summary>A word without a colon is an id.</summary>
    public static string ToTag(string said) => said.Contains(':', StringComparison.Ordinal) ? said : $"_id:{said}";

    public static Uri ToAddress(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? address!
            : throw new UsageException($"'{text}' is no address: it must be such as https://heimdall.example.com.");

    private StoredProfile FindTarget(ParseResult result)
    {
        var (named, said) = (result.GetValue(Profile), result.GetValue(Url));
        if (named is not null && said is not null)
        {
            throw new UsageException(
                "Say --profile or --url, not both: a stored key goes only to the address that it was stored with.");
        }
        var (key, cluster) = (terminal.Variable("HEIMDALL_KEY"), terminal.Variable("HEIMDALL_CLUSTER"));
        if (named is null && (said ?? terminal.Variable("HEIMDALL_URL")) is { } url)
        {
            return new StoredProfile(url, key, cluster);
        }
        var stored = Profiles.Find(named) ?? new StoredProfile(LocalAddress, Key: null, Cluster: null);
        return stored with
        {
            Key = named is null ? key ?? stored.Key : stored.Key,
            Cluster = cluster ?? stored.Cluster,
        };
    }
}
