using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Loading;
using Heimdall.Core.Plugins;
using NUnit.Framework;

namespace Heimdall.Tests.Configuration;

/// <summary>A folder of its own for one test, with a <c>sql</c> folder in it, as a configuration expects.</summary>
internal sealed class ConfigFolder : IDisposable
{
    public ConfigFolder() => Directory.CreateDirectory(System.IO.Path.Combine(Path, "sql"));

    public string Path { get; } = Directory.CreateTempSubdirectory("heimdall-config-").FullName;

    public string Write(string name, string content)
    {
        var file = System.IO.Path.Combine(Path, name);
        File.WriteAllText(file, content);
        return file;
    }

    public HeimdallConfig Load(string yaml, params IPlugin[] plugins) =>
        ConfigFile.Load(Write("test.yaml", yaml), new PluginCatalog(plugins.Length > 0 ? plugins : [new StubPlugin()]));

    /// <summary>The problems of a configuration, printed without the folder: <c>test.yaml:3: server.listen: …</c>.</summary>
    public string[] ProblemsOf(string yaml, params IPlugin[] plugins)
    {
        var exception = Assert.Throws<ConfigException>(() => Load(yaml, plugins));

        return [.. exception!.Problems.Select(problem => problem.ToString().Replace(Path + System.IO.Path.DirectorySeparatorChar, "", StringComparison.Ordinal))];
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
