using System.CommandLine;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary>What all commands share: the terminal, and which Heimdall they speak to.</summary>
internal sealed class CliSession(Terminal terminal)
{
    private const string LocalAddress = "http://127.0.0.1:9090";

    /// <summary>For the first answer. A wrong address is noticed soon, and a restart is waited for.</summary>
    private static readonly TimeSpan RetryFor = TimeSpan.FromSeconds(3);

    private bool _hasWarned;

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

    /// <summary>A client for the address of the options, else of the environment, else of the profile.</summary>
    public HeimdallClient Connect(ParseResult result, TimeSpan? retryFor = null)
    {
        var (url, key, _) = FindTarget(result);
        var address = ToAddress(url);
        if (key is not null && IsReadableByOthers(address) && !_hasWarned)
        {
            _hasWarned = true;
            terminal.Say($"The key is sent unencrypted to {address}: use https.");
        }
        var options = new HeimdallOptions { Address = address, Key = key, RetryFor = retryFor ?? RetryFor };
        return new HeimdallClient(options);
    }

    /// <summary>Tags of the given clusters, or the usual one.</summary>
    public string[] FindClusters(ParseResult result, string[] given) => given switch
    {
        { Length: > 0 } => [.. given.Select(ToTag)],
        _ => FindTarget(result).Cluster is { } usual
            ? [ToTag(usual)]
            : throw new UsageException(
                "Which cluster? Give --cluster TAG, or set HEIMDALL_CLUSTER. `heimdall clusters` lists them."),
    };

    public static string[] ToCommands(string[] given) =>
        given.Length > 0 ? [.. given.Select(ToTag)] : ["type:postgres"];

    /// <summary>A word without a colon is an id.</summary>
    public static string ToTag(string word) => word.Contains(':', StringComparison.Ordinal) ? word : $"_id:{word}";

    /// <summary>Whether what is sent there leaves this machine in the clear.</summary>
    public static bool IsReadableByOthers(Uri address) => address.Scheme == "http" && !address.IsLoopback;

    public static Uri ToAddress(string text) =>
        Uri.TryCreate(text, UriKind.Absolute, out var address) && address.Scheme is "http" or "https"
            ? address!
            : throw new UsageException($"'{text}' is no address: it must be such as https://heimdall.example.com.");

    private StoredProfile FindTarget(ParseResult result)
    {
        var (named, given) = (result.GetValue(Profile), result.GetValue(Url));
        if (named is not null && given is not null)
        {
            throw new UsageException(
                "Give --profile or --url, not both: a stored key goes only to the address that it was stored with.");
        }
        var (key, cluster) = (Variable("HEIMDALL_KEY"), Variable("HEIMDALL_CLUSTER"));
        if (key?.AsSpan().ContainsAnyExceptInRange('!', '~') == true)
        {
            throw new UsageException(
                "HEIMDALL_KEY must be printable ASCII without blanks. Often there is a line break at its end.");
        }
        if (named is null && (given ?? Variable("HEIMDALL_URL")) is { } url)
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

    /// <summary>A variable of the environment. An empty one is not set.</summary>
    private string? Variable(string name) => terminal.Variable(name) is { Length: > 0 } value ? value : null;
}
