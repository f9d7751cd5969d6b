using System.Text.RegularExpressions;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Loading;
using Heimdall.Core.Hosting;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres;
using Heimdall.Tests.Support;
using Heimdall.Worker;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;
using YamlDotNet.RepresentationModel;

namespace Heimdall.Tests.Delivery;

/// <summary>What can be known of the manifests in configs/kubernetes without a cluster.</summary>
public sealed partial class KubernetesTests
{
    private const string Folder = "configs/kubernetes";

    /// <summary>
    /// All that the manifests use, as the API of Kubernetes spells it: an unknown field is ignored there, or refused.
    /// </summary>
    private static readonly HashSet<string> _fields =
    [
        "activeDeadlineSeconds", "allowPrivilegeEscalation", "apiVersion", "args", "automountServiceAccountToken",
        "backoffLimit", "capabilities", "command", "configMap", "containerPort", "containers", "cpu", "drop",
        "emptyDir", "enableServiceLinks", "env", "envFrom", "exec",
        "failureThreshold", "httpGet", "image", "kind", "labels", "lifecycle", "limits", "livenessProbe", "matchLabels",
        "maxSurge", "maxUnavailable", "medium", "memory", "metadata", "mountPath", "name", "path", "periodSeconds",
        "port", "ports", "preStop", "readOnly", "readOnlyRootFilesystem", "readinessProbe", "replicas", "requests",
        "resources", "restartPolicy", "rollingUpdate", "runAsNonRoot", "seccompProfile", "seconds",
        "secretRef", "securityContext",
        "selector", "sizeLimit", "sleep", "spec", "startupProbe", "strategy", "targetPort", "template",
        "terminationGracePeriodSeconds", "timeoutSeconds", "ttlSecondsAfterFinished", "type", "value", "volumeMounts",
        "volumes",
        "app.kubernetes.io/name",
    ];

    private static readonly YamlMappingNode _kustomization = Load("kustomization.yaml").Single();

    private static readonly YamlMappingNode[] _objects = [.. Texts(_kustomization["resources"]).SelectMany(Load)];

    private static IEnumerable<YamlMappingNode> WithPods => _objects.Where(one => Kind(one) is "Deployment" or "Job");

    [Test]
    public void There_are_an_API_workers_a_migration_and_budgets()
    {
        var names = _objects.Select(one => $"{Kind(one)} {one["metadata"]["name"]}");

        Assert.That(names, Is.EquivalentTo(new[]
        {
            "Job heimdall-migrate", "Deployment heimdall-api", "Deployment heimdall-worker", "Service heimdall-api",
            "PodDisruptionBudget heimdall-api", "PodDisruptionBudget heimdall-worker",
        }));
        Assert.That(
            Directory.GetFiles(Repository.PathOf(Folder)).Select(Path.GetFileName),
            Is.EquivalentTo([.. Texts(_kustomization["resources"]), "kustomization.yaml", "heimdall.yaml"]));
    }

    [Test]
    public void Every_field_has_a_name_of_the_API()
    {
        var unknown = _objects.SelectMany(Keys).Distinct().Except(_fields);

        Assert.That(unknown, Is.Empty);
        Assert.That(
            _objects.Select(one => $"{Kind(one)} {one["apiVersion"]}").Distinct(),
            Is.EquivalentTo(["Job batch/v1", "Deployment apps/v1", "Service v1", "PodDisruptionBudget policy/v1"]));
    }

    [Test]
    public void The_page_applies_the_migration_alone_and_waits_for_it()
    {
        var page = Repository.Read("docs/operate/deploy.md");
        var others = _objects.Where(one => Kind(one) != "Job")
            .Select(one => one["metadata"]["labels"]["app.kubernetes.io/name"].ToString()).Distinct();

        Assert.That(page, Does.Contain($"--selector 'app.kubernetes.io/name notin ({string.Join(", ", others)})'"));
        Assert.That(page, Does.Contain("kubectl wait --for=condition=complete job/heimdall-migrate "));
    }

    [Test]
    public void What_selects_pods_finds_them()
    {
        var pods = WithPods.Where(one => Kind(one) == "Deployment")
            .Select(one => one["spec"]["template"]["metadata"]["labels"].ToString()).ToArray();
        var selected = _objects.Where(one => Kind(one) != "Job").Select(one =>
            (Kind(one) == "Service" ? one["spec"]["selector"] : one["spec"]["selector"]["matchLabels"]).ToString());

        var job = Pod(WithPods.Single(one => Kind(one) == "Job"))["metadata"]["labels"].ToString();
        Assert.That(selected, Is.All.AnyOf(pods));
        Assert.That(pods, Is.Unique.And.None.EqualTo(job));
    }

    [Test]
    public void Each_container_is_confined_and_finds_its_files()
    {
        foreach (var one in WithPods)
        {
            var spec = Pod(one)["spec"];
            var container = ((YamlSequenceNode)spec["containers"]).Single();
            var volumes = ((YamlSequenceNode)spec["volumes"]).Select(volume => volume["name"].ToString());
            var mounts = ((YamlSequenceNode)container["volumeMounts"]).ToArray();

            Assert.That(spec["securityContext"]["runAsNonRoot"].ToString(), Is.EqualTo("true"));
            Assert.That(container["securityContext"]["readOnlyRootFilesystem"].ToString(), Is.EqualTo("true"));
            Assert.That(Texts(container["securityContext"]["capabilities"]["drop"]), Is.EqualTo(new[] { "ALL" }));
            Assert.That(mounts.Select(mount => mount["name"].ToString()), Is.EquivalentTo(volumes));
            Assert.That(
                mounts.Select(mount => mount["mountPath"].ToString()), Is.EquivalentTo(["/etc/heimdall", "/tmp"]));
            Assert.That(Texts(container["args"])[^1], Is.EqualTo("/etc/heimdall/heimdall.yaml"));
            Assert.That(
                ((YamlSequenceNode)_kustomization["images"]).Select(image => image["name"].ToString()),
                Does.Contain(container["image"].ToString()));
        }
        Assert.That(
            Texts(_kustomization["configMapGenerator"][0]["files"]).Where(file => !File.Exists(PathOf(file))),
            Is.Empty);
    }

    [Test]
    public void A_pod_gets_the_time_it_takes_to_stop()
    {
        var longest = WorkerHost.StopTimeOf(new WorkerConfig()) + HostProgram.LastResort;
        foreach (var spec in WithPods.Where(one => Kind(one) == "Deployment").Select(one => Pod(one)["spec"]))
        {
            var grace = Seconds(spec["terminationGracePeriodSeconds"]);
            var container = (YamlMappingNode)spec["containers"][0];
            var pause = container.Children.TryGetValue("lifecycle", out var lifecycle)
                ? Seconds(lifecycle["preStop"]["sleep"]["seconds"])
                : TimeSpan.Zero;

            Assert.That(grace, Is.GreaterThan(longest + pause));
        }
    }

    [Test]
    public async Task The_configuration_has_no_problems()
    {
        const string Hash = "sha256:MDEyMzQ1Njc4OWFiY2RlZg==:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=";
        await using var provider = new ServiceCollection().AddSingleton(new HeimdallConfig()).AddPostgresPlugin()
            .BuildServiceProvider();
        var text = await File.ReadAllTextAsync(PathOf("heimdall.yaml"));
        var page = Repository.Read("docs/operate/deploy.md");
        var file = Path.GetTempFileName();
        await File.WriteAllTextAsync(
            file,
            Variables().Replace(text, variable => variable.Groups[1].Value.EndsWith("HASH", StringComparison.Ordinal)
                ? Hash
                : "host=db dbname=heimdall user=heimdall"));

        var config = ConfigFile.Load(file, new PluginCatalog(provider.GetServices<IPlugin>()));

        File.Delete(file);
        Assert.That(config.Auth.IsConfigured, Is.True);
        Assert.That(
            Variables().Matches(text).Select(match => $"--from-literal={match.Groups[1].Value}=")
                .Where(option => !page.Contains(option, StringComparison.Ordinal)),
            Is.Empty,
            "the page says how to make the secret");
    }

    private static string PathOf(string file) => Repository.PathOf(Path.Combine(Folder, file));

    private static YamlMappingNode[] Load(string file)
    {
        var yaml = new YamlStream();
        using var text = File.OpenText(PathOf(file));
        yaml.Load(text);
        return [.. yaml.Documents.Select(document => (YamlMappingNode)document.RootNode)];
    }

    private static string Kind(YamlMappingNode one) => one["kind"].ToString();

    private static YamlNode Pod(YamlMappingNode one) => one["spec"]["template"];

    private static string[] Texts(YamlNode list) => [.. ((YamlSequenceNode)list).Select(item => item.ToString())];

    private static TimeSpan Seconds(YamlNode value) =>
        TimeSpan.FromSeconds(int.Parse(value.ToString(), provider: null));

    private static IEnumerable<string> Keys(YamlNode node) => node switch
    {
        YamlMappingNode mapping =>
            mapping.Children.SelectMany(child => Keys(child.Value).Prepend(child.Key.ToString())),
        YamlSequenceNode list => list.SelectMany(Keys),
        _ => [],
    };

    [GeneratedRegex(@"\$\{env:(\w+)\}")]
    private static partial Regex Variables();
}
