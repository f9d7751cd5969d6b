using System.Text.RegularExpressions;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Loading;
using Heimdall.Core.ConnectionStrings;
using Heimdall.Core.Hosting;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres;
using Heimdall.Tests.Support;
using Heimdall.Worker;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;
using YamlDotNet.RepresentationModel;

namespace Heimdall.Tests.Delivery;

/// <summary>What can be known of the containers without an engine to run them.</summary>
[NonParallelizable] // it sets environment variables
public sealed partial class ComposeTests
{
    [Test]
    public void Every_file_that_compose_mounts_exists()
    {
        var files = ComposeFile.Services.Values.SelectMany(service => ComposeFile.List(service, "volumes"))
            .Select(volume => volume.Split(':')[0])
            .Where(path => path.StartsWith("./", StringComparison.Ordinal)).ToArray();

        Assert.That(ComposeFile.Services.Keys, Is.EquivalentTo(["postgres", "api", "worker"]));
        Assert.That(files, Is.Not.Empty);
        Assert.That(files.Where(file => !Path.Exists(Repository.PathOf(file))), Is.Empty);
    }

    [Test]
    public void Each_image_is_of_one_version()
    {
        var images = Froms().Matches(Repository.Read("Dockerfile")).Select(from => from.Groups["image"].Value)
            .Append(ComposeFile.Services["postgres"]["image"].ToString()).ToArray();

        Assert.That(images, Has.Length.EqualTo(3));
        Assert.That(images, Has.All.Match(@":\d+\.\d+(\.\d+)?-\w+"));
    }

    [Test]
    public void The_image_runs_as_no_root_and_has_time_zones()
    {
        var image = Repository.Read("Dockerfile").Split("\nFROM ")[^1];

        Assert.That(image, Does.Contain("\nUSER $APP_UID\n"));
        Assert.That(image.Split('\n')[0], Does.EndWith("-chiseled-extra"), "without -extra there are no time zones");
    }

    [Test]
    public void Each_password_is_its_own_and_in_the_example()
    {
        var server = (YamlMappingNode)ComposeFile.Services["postgres"]["environment"];
        var variables = server.Children.Where(child => child.Key.ToString().EndsWith("PASSWORD", StringComparison.Ordinal))
            .Select(child => ComposeFile.VariableIn(child.Value.ToString())).ToArray();
        var example = Repository.Read(".env.example").Split('\n').Where(line => line.EndsWith('=')).Select(line => line[..^1]);

        Assert.That(variables, Has.Length.EqualTo(3).And.Unique);
        Assert.That(example, Is.EquivalentTo(variables.Append("HEIMDALL_KEY").Append("HEIMDALL_KEY_HASH")));
    }

    [Test]
    public void Nothing_is_written_but_to_memory()
    {
        foreach (var program in new[] { ComposeFile.Services["api"], ComposeFile.Services["worker"] })
        {
            Assert.That(program["read_only"].ToString(), Is.EqualTo("true"));
            Assert.That(ComposeFile.List(program, "tmpfs"), Is.EqualTo(["/tmp"]));
            Assert.That(ComposeFile.List(program, "volumes"), Has.All.EndsWith(":ro"));
        }
    }

    [Test]
    public void A_worker_gets_the_time_it_takes_to_stop()
    {
        var longest = WorkerHost.StopTimeOf(new WorkerConfig()) + HostProgram.LastResort;
        var onTop = longest - new WorkerConfig().DrainTimeout;

        Assert.Multiple(() =>
        {
            Assert.That(SecondsIn("compose.yaml", @"stop_grace_period: (\d+)s"), Has.All.GreaterThan(longest));
            Assert.That(SecondsIn("run.sh", @"drain_seconds=(\d+)"), Has.All.GreaterThan(longest));
            Assert.That(SecondsIn("docs/operate/deploy.md", @"plus (\d+) s"), Has.All.GreaterThan(onTop));
            Assert.That(SecondsIn("docs/operate/deploy.md", @"latest (\d+) s after"), Is.EqualTo(new[] { onTop }));
        });
    }

    [Test]
    public void Workers_can_be_scaled()
    {
        var worker = ComposeFile.Services["worker"];

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

    private static TimeSpan[] SecondsIn(string file, string pattern)
    {
        var found = Regex.Matches(Repository.Read(file), pattern);
        Assert.That(found, Is.Not.Empty, file);
        return [.. found.Select(match => TimeSpan.FromSeconds(int.Parse(match.Groups[1].Value, provider: null)))];
    }

    [GeneratedRegex("^FROM (--platform=\\S+ )?(?<image>\\S+)", RegexOptions.Multiline)]
    private static partial Regex Froms();
}
