namespace Heimdall.Core.Plugins;

/// <summary>The plugins of this process, by name.</summary>
public sealed class PluginCatalog(IEnumerable<IPlugin> plugins)
{
    private readonly Dictionary<string, IPlugin> _byName = plugins.ToDictionary(plugin => plugin.Name, StringComparer.Ordinal);

    public IReadOnlyCollection<string> Names => _byName.Keys;

    public IReadOnlyCollection<IPlugin> All => _byName.Values;

    /// <exception cref="UnknownPluginException">There is none: a process of another version has edited the command.</exception>
    public IPlugin Get(string name) => Find(name) ?? throw new UnknownPluginException(name);

    public IPlugin? Find(string name) => _byName.GetValueOrDefault(name);
}

/// <summary>A command names a plugin that this process does not have.</summary>
public sealed class UnknownPluginException(string name) : Exception($"Plugin '{name}' is not part of this process.");
