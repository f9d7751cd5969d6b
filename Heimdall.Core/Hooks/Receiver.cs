using System.Text.RegularExpressions;
using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;

namespace Heimdall.Core.Hooks;

/// <summary>A receiver of the configuration file, ready for use.</summary>
public sealed class Receiver
{
    private readonly Regex[] _callers;

    internal Receiver(HookConfig config)
    {
        Config = config;
        _callers = [.. config.AllowedCallers.Select(CallerPattern.Compile)];
    }

    public string Id => Config.Id;

    public HookConfig Config { get; }

    /// <summary>
    /// Where it leads, for operators. The path of a URL may be a secret, and is not shown. Empty where the URL refers to
    /// a secret that is gone.
    /// </summary>
    public string Target
    {
        get
        {
            try
            {
                var url = new Uri(SecretReferences.Resolve(Config.Url));
                return $"{url.Scheme}://{url.Authority}";
            }
            catch (Exception exception) when (exception is SecretReferenceException or UriFormatException)
            {
                return "";
            }
        }
    }

    /// <summary>Whether jobs and schedules of a user may name it.</summary>
    public bool Allows(string user) => _callers.Length == 0 || _callers.Any(pattern => pattern.IsMatch(user));

    /// <summary>
    /// Whether it is notified of each such job, without being named. One for some clusters is not notified of a job
    /// that also runs on others.
    /// </summary>
    internal bool SubscribesTo(Command command, IReadOnlyList<Cluster> clusters) =>
        Config.Events.Contains(HookEvents.JobEnded)
        && (Config.Commands.Length == 0 || Config.Commands.Contains(command.Id))
        && Config.ClusterTags.All(tag => clusters.All(cluster => cluster.Carries(tag)));

    internal bool Subscribes(string beginning) => Config.Events.Contains(beginning);
}
