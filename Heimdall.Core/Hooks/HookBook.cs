using Heimdall.Core.Catalog;
using Heimdall.Core.Configuration;

namespace Heimdall.Core.Hooks;

/// <summary>The hooks of this process's configuration file.</summary>
public sealed class HookBook(HeimdallConfig config)
{
    private readonly Dictionary<string, Receiver> _hooks =
        config.Hooks.Receivers.ToDictionary(hook => hook.Id, hook => new Receiver(hook), StringComparer.Ordinal);

    public IReadOnlyCollection<Receiver> All => _hooks.Values;

    public IReadOnlyCollection<string> Ids => _hooks.Keys;

    /// <summary>Those that a caller may name, in order.</summary>
    public IReadOnlyList<string> IdsFor(string user) =>
        [.. All.Where(hook => hook.Allows(user)).Select(hook => hook.Id).Order(StringComparer.Ordinal)];

    public Receiver? Find(string id) => _hooks.GetValueOrDefault(id);

    /// <summary>
    /// The hooks that are notified when a new job ends: it carries them from now on, whatever a file says later.
    /// </summary>
    /// <param name="named">By the job, or by its schedule.</param>
    /// <param name="command">Its command, which may name some.</param>
    /// <param name="clusters">Where it runs: more than one for the parent of a fan-out.</param>
    public IReadOnlyList<EndHook> OfJob(
        IReadOnlyList<EndHook> named, Command command, params IReadOnlyList<Cluster> clusters)
    {
        var subscribed = _hooks.Values.Where(hook => hook.SubscribesTo(command, clusters))
            .Select(hook => new EndHook(hook.Id, hook.Config.Statuses));
        return EndHook.Merge([.. named, .. command.OnEnd ?? [], .. subscribed]);
    }

    /// <summary>Those that are notified of a state, by the name of its beginning.</summary>
    internal IEnumerable<Receiver> SubscribersOf(string beginning) =>
        _hooks.Values.Where(hook => hook.Subscribes(beginning));
}
