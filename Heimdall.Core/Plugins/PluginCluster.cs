using System.Text.Json.Nodes;

namespace Heimdall.Core.Plugins;

/// <summary>A cluster as a plugin sees it.</summary>
/// <param name="Id">The cluster's id: a key for what the plugin keeps open for it.</param>
/// <param name="Context">The cluster's context with <c>${env:…}</c> and <c>${file:…}</c> resolved. Holds secrets: never log or show it.</param>
public sealed record PluginCluster(string Id, JsonObject Context)
{
    /// <summary>
    /// Whether somebody has sent the context: then nothing of this machine, such as a variable, a file or a login of
    /// the operating system's user, may stand in for what it lacks.
    /// </summary>
    public bool IsPut { get; init; }
}
