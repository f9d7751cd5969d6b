namespace Heimdall.Core.Plugins;

/// <summary>The plugins of this process, by name.</summary>
public sealed class PluginCatalog(IEnumerable<IPlugin> plugins)
{
    private readonly Dictionary<string, IPlugin> _byName = plugins.ToDictionary(plugin => plugin.Name, StringComparer.Ordinal);

    public IReadOnlyCollection<string> Names => _byName.Keys;

    public IPlugin? Find(string name) => _byName.GetValueOrDefault(name);
}
