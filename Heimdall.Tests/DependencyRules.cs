using System.Text.RegularExpressions;
using System.Xml.Linq;
using NUnit.Framework;

namespace Heimdall.Tests;

/// <summary>Who may know whom. ARCHITECTURE.md has the table and the reasons.</summary>
public sealed partial class DependencyRules
{
    private static readonly string _root = FindRoot();

    [TestCase("Heimdall.Core")]
    [TestCase("Heimdall.Plugins.Postgres", "Heimdall.Core")]
    [TestCase("Heimdall.Console")]
    [TestCase("Heimdall.Api", "Heimdall.Console", "Heimdall.Core", "Heimdall.Plugins.Postgres")]
    [TestCase("Heimdall.Worker", "Heimdall.Core", "Heimdall.Plugins.Postgres")]
    [TestCase("Heimdall.Client")]
    [TestCase("Heimdall.Cli", "Heimdall.Client")]
    [TestCase("Heimdall.Benchmarks", "Heimdall.Core", "Heimdall.Api", "Heimdall.Worker")]
    public void A_project_references_only_what_it_may(string project, params string[] references)
    {
        var file = XDocument.Load(Path.Combine(_root, project, $"{project}.csproj"));

        var found = file.Descendants("ProjectReference").Select(reference => Path.GetFileNameWithoutExtension(reference.Attribute("Include")!.Value.Replace('\\', '/')));

        Assert.That(found, Is.EquivalentTo(references));
    }

    [Test]
    public void Hangfire_is_known_only_to_the_queue_the_dashboard_and_the_hosts()
    {
        var knowing = Sources().Where(source => HangfireName().IsMatch(source.Text)).Select(source => source.Path);

        Assert.That(knowing.Where(path => !path.StartsWith("Heimdall.Core/Queue/", StringComparison.Ordinal)
            && !path.StartsWith("Heimdall.Api/Dashboard/", StringComparison.Ordinal)
            && path is not "Heimdall.Benchmarks/Contenders/StockHangfire.cs" // a rival of the queue
            && path is not "Heimdall.Api/ApiHost.cs" and not "Heimdall.Worker/WorkerHost.cs"), Is.Empty);
    }

    [Test]
    public void The_plugin_knows_nothing_of_http()
    {
        var knowing = Sources().Where(source => !source.Path.StartsWith("Heimdall.Api/", StringComparison.Ordinal)
            && source.Path is not "Heimdall.Benchmarks/Contenders/BareHandler.cs" // a rival of the API
            && source.Path is not "Heimdall.Core/Monitoring/MetricsListener.cs" // serves /metrics, in the worker too
            && source.Text.Contains("using Microsoft.AspNetCore.Http", StringComparison.Ordinal));

        Assert.That(knowing.Select(source => source.Path), Is.Empty);
    }

    [Test]
    public void Both_hosts_register_the_plugins_in_the_same_words()
    {
        var lines = Sources().Where(source => source.Path is "Heimdall.Api/ApiHost.cs" or "Heimdall.Worker/WorkerHost.cs")
            .Select(source => source.Text.Split('\n').Single(line => line.Contains(" AddPlugins(IServiceCollection", StringComparison.Ordinal)).Trim())
            .ToArray();

        Assert.That(lines, Has.Length.EqualTo(2));
        Assert.That(lines[0], Is.EqualTo(lines[1]));
    }

    [TestCase("Heimdall.Core")]
    [TestCase("Heimdall.Plugins.Postgres")]
    [TestCase("Heimdall.Console")]
    [TestCase("Heimdall.Api")]
    [TestCase("Heimdall.Worker")]
    [TestCase("Heimdall.Client")]
    [TestCase("Heimdall.Cli")]
    [TestCase("Heimdall.Benchmarks")]
    public void Folders_know_each_other_without_circles(string project)
    {
        var known = Sources().Where(source => source.Path.StartsWith($"{project}/", StringComparison.Ordinal))
            .SelectMany(source => Usings().Matches(source.Text).Select(match => (From: Folder(source.Path, project), To: match.Groups["name"].Value)))
            .Where(pair => pair.To.StartsWith($"{project}.", StringComparison.Ordinal))
            .Select(pair => (pair.From, To: pair.To[(project.Length + 1)..]))
            .ToLookup(pair => pair.From, pair => pair.To);

        foreach (var folder in known.Select(group => group.Key))
        {
            Assert.That(Reachable(folder, known), Does.Not.Contain(folder), $"{project}.{folder} reaches itself");
        }
    }

    private static HashSet<string> Reachable(string folder, ILookup<string, string> known)
    {
        var reached = new HashSet<string>(StringComparer.Ordinal);
        var open = new Stack<string>(known[folder]);
        while (open.TryPop(out var next))
        {
            if (reached.Add(next))
            {
                foreach (var further in known[next])
                {
                    open.Push(further);
                }
            }
        }
        return reached;
    }

    private static string Folder(string path, string project) =>
        Path.GetDirectoryName(path)!.Replace('/', '.') is var full && full.Length > project.Length ? full[(project.Length + 1)..] : "";

    /// <summary>All of our code but the tests, by its path from the root.</summary>
    private static IEnumerable<(string Path, string Text)> Sources() =>
        from project in new[]
        {
            "Heimdall.Core", "Heimdall.Plugins.Postgres", "Heimdall.Console", "Heimdall.Api", "Heimdall.Worker",
            "Heimdall.Client", "Heimdall.Cli", "Heimdall.Benchmarks",
        }
        from file in Directory.EnumerateFiles(Path.Combine(_root, project), "*.cs", SearchOption.AllDirectories)
        let path = Path.GetRelativePath(_root, file)
        where !path.Contains("/obj/", StringComparison.Ordinal) && !path.Contains("/bin/", StringComparison.Ordinal)
        select (path, File.ReadAllText(file));

    private static string FindRoot()
    {
        var folder = new DirectoryInfo(TestContext.CurrentContext.TestDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Heimdall.sln")))
        {
            folder = folder.Parent ?? throw new InvalidOperationException("The tests read the sources: run them from the repository.");
        }
        return folder.FullName;
    }

    [GeneratedRegex(@"^using (\w+ = )?Hangfire\b|[^\w.""]Hangfire\.\w", RegexOptions.Multiline)]
    private static partial Regex HangfireName();

    [GeneratedRegex(@"^using (static |\w+ = )?(?<name>[\w.]+);", RegexOptions.Multiline)]
    private static partial Regex Usings();
}
