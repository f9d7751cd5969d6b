using System.Text.RegularExpressions;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Loading;
using Heimdall.Core.ConnectionStrings;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;
using YamlDotNet.RepresentationModel;

namespace Heimdall.Tests.Docs;

/// <summary>What can be known of the containers without an engine to run them.</summary>
[NonParallelizable] // it sets environment variables
public sealed partial class ComposeTests
{
    [Test]
    public void Every_file_that_compose_mounts_or_builds_from_exists()
    {
        var services = Mapping(Mapping(Load("compose.yaml"), "services"));
        var files = services.Values
            .SelectMany(service => Lists(service, "volumes").Select(volume => volume.Split(':')[0]).Where(path => path.StartsWith("./", StringComparison.Ordinal))
                .Concat(service.Children.TryGetValue("build", out var build) ? [((YamlMappingNode)build)["dockerfile"].ToString()] : []))
            .ToArray();

        Assert.That(services.Keys, Is.EquivalentTo(["postgres", "api", "worker"]));
        Assert.That(files, Is.Not.Empty);
        Assert.That(files.Where(file => !Path.Exists(Repository.PathOf(file))), Is.Empty);
    }

    [TestCase("Heimdall.Api")]
    [TestCase("Heimdall.Worker")]
    public void A_dockerfile_copies_what_exists_and_starts_what_it_built(string program)
    {
        var dockerfile = Repository.Read($"{program}/Dockerfile");
        var sources = Copies().Matches(dockerfile)
            .SelectMany(copy => copy.Groups["arguments"].Value.Split(' ', StringSplitOptions.RemoveEmptyEntries)[..^1])
            .ToArray();

        Assert.That(sources, Has.Length.GreaterThan(5));
        Assert.That(sources.Where(source => !Path.Exists(Repository.PathOf(source))), Is.Empty);
        Assert.That(dockerfile, Does.Contain($"ENTRYPOINT [\"dotnet\", \"{program}.dll\"]"));
        Assert.That(dockerfile, Does.Contain("USER $APP_UID"));
    }

    [Test]
    public void Each_password_is_its_own_and_in_the_example()
    {
        var server = (YamlMappingNode)Mapping(Mapping(Load("compose.yaml"), "services"))["postgres"]["environment"];
        var variables = server.Children.Where(child => child.Key.ToString().EndsWith("PASSWORD", StringComparison.Ordinal))
            .Select(child => Variable().Match(child.Value.ToString()).Groups["name"].Value).ToArray();
        var example = Repository.Read(".env.example").Split('\n').Where(line => line.EndsWith('=')).Select(line => line[..^1]);

        Assert.That(variables, Has.Length.EqualTo(3).And.Unique);
        Assert.That(example, Is.EquivalentTo(variables.Append("HEIMDALL_KEY").Append("HEIMDALL_KEY_HASH")));
    }

    [Test]
    public void Nothing_is_written_but_to_memory()
    {
        var services = Mapping(Mapping(Load("compose.yaml"), "services"));

        foreach (var program in new[] { services["api"], services["worker"] })
        {
            Assert.That(program["read_only"].ToString(), Is.EqualTo("true"));
            Assert.That(Lists(program, "tmpfs"), Is.EqualTo(["/tmp"]));
            Assert.That(Lists(program, "volumes"), Has.All.EndsWith(":ro"));
        }
    }

    [Test]
    public void A_worker_gets_the_time_it_takes_to_stop()
    {
        var worker = Mapping(Mapping(Load("compose.yaml"), "services"))["worker"];

        var grace = int.Parse(worker["stop_grace_period"].ToString().TrimEnd('s'), provider: null);

        Assert.That(TimeSpan.FromSeconds(grace), Is.GreaterThan(new WorkerConfig().DrainTimeout + TimeSpan.FromSeconds(8 + 2)));
    }

    [Test]
    public void Workers_can_be_scaled()
    {
        var worker = Mapping(Mapping(Load("compose.yaml"), "services"))["worker"];

        Assert.That(worker.Children.Keys.Select(key => key.ToString()), Has.None.EqualTo("container_name").And.None.EqualTo("ports"));
    }

    [Test]
    public async Task The_configuration_of_compose_has_no_problems()
    {
        Environment.SetEnvironmentVariable("HEIMDALL_DB_PASSWORD", "p@ss:word/1");
        Environment.SetEnvironmentVariable("HEIMDALL_DEMO_PASSWORD", "other");
        Environment.SetEnvironmentVariable("HEIMDALL_KEY_HASH", "sha256:MDEyMzQ1Njc4OWFiY2RlZg==:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=");
        await using var provider = new ServiceCollection().AddSingleton(new HeimdallConfig()).AddPostgresPlugin().BuildServiceProvider();

        var config = ConfigFile.Load(Repository.PathOf("configs/compose.yaml"), new PluginCatalog(provider.GetServices<IPlugin>()));

        Assert.That(config.Auth.IsConfigured, Is.True);
        Assert.That(ConnectionString.Parse(SecretReferences.Resolve(config.Database.ConnectionString)).Password, Is.EqualTo("p@ss:word/1"));
    }

    private static YamlMappingNode Load(string file)
    {
        var yaml = new YamlStream();
        using var text = new StringReader(Repository.Read(file));
        yaml.Load(text);
        return (YamlMappingNode)yaml.Documents[0].RootNode;
    }

    private static YamlMappingNode Mapping(YamlMappingNode node, string key) => (YamlMappingNode)node[key];

    /// <summary>The services by name, each with what it merges in (<c>&lt;&lt;: *heimdall</c>).</summary>
    private static Dictionary<string, YamlMappingNode> Mapping(YamlMappingNode services) =>
        services.Children.ToDictionary(service => service.Key.ToString(), service => Merge((YamlMappingNode)service.Value));

    private static YamlMappingNode Merge(YamlMappingNode service)
    {
        if (!service.Children.TryGetValue("<<", out var shared))
        {
            return service;
        }
        var own = service.Children.Where(child => child.Key.ToString() != "<<");
        return new YamlMappingNode(own.Concat(((YamlMappingNode)shared).Children.Where(child => !service.Children.ContainsKey(child.Key))));
    }

    private static IEnumerable<string> Lists(YamlMappingNode service, string key) =>
        service.Children.TryGetValue(key, out var list) && list is YamlSequenceNode items ? items.Select(item => item.ToString()) : [];

    [GeneratedRegex(@"^\$\{(?<name>\w+):\?")]
    private static partial Regex Variable();

    [GeneratedRegex(@"^COPY (?!--from)(?<arguments>.+)$", RegexOptions.Multiline)]
    private static partial Regex Copies();
}
