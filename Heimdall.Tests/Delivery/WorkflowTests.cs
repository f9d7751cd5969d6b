using System.Text.RegularExpressions;
using Heimdall.Tests.Support;
using NUnit.Framework;
using YamlDotNet.RepresentationModel;

namespace Heimdall.Tests.Delivery;

/// <summary>What can be known of the workflows and templates of the repository's host without it.</summary>
public sealed partial class WorkflowTests
{
    [Test]
    public void Every_file_that_a_workflow_names_exists()
    {
        var named = Files("workflows").SelectMany(JobsOf).SelectMany(Steps).SelectMany(NamedFiles).ToArray();

        Assert.That(named, Does.Contain(".ci/run").And.Contain("global.json"));
        Assert.That(named.Where(file => !File.Exists(Repository.PathOf(file))), Is.Empty);
        Assert.That(named.Where(file => file.EndsWith(".sh", StringComparison.Ordinal) || file == ".ci/run")
            .Where(file => !IsExecutable(Repository.PathOf(file))), Is.Empty);
    }

    [Test]
    public void Each_action_is_one_commit_with_its_version_beside_it()
    {
        var actions = Files("workflows").SelectMany(File.ReadAllLines)
            .Where(line => line.Contains("uses:", StringComparison.Ordinal)).ToArray();

        Assert.That(actions, Has.Length.AtLeast(5).And.All.Match(@"uses: [a-z-]+/[a-z-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$"));
    }

    [Test]
    public void A_release_is_made_public_after_all_that_may_fail()
    {
        var jobs = ((YamlMappingNode)Load(Repository.PathOf(".github/workflows/release.yml"))["jobs"]).Children;
        var last = jobs.Single(job => Steps((YamlMappingNode)job.Value)
            .Any(step => Text(step, "run")?.Contains("gh release create", StringComparison.Ordinal) is true));

        var needed = ((YamlSequenceNode)last.Value["needs"]).Select(name => name.ToString());

        Assert.That(needed, Is.EquivalentTo(jobs.Keys.Select(name => name.ToString()).Except([last.Key.ToString()])));
    }

    [Test]
    public void A_workflow_gets_no_more_rights_than_it_names()
    {
        foreach (var file in Files("workflows"))
        {
            Assert.That(Load(file).Children, Does.ContainKey(new YamlScalarNode("permissions")), file);
        }
    }

    [Test]
    public void The_fields_of_an_issue_have_labels_and_names_of_their_own()
    {
        var templates = Files("ISSUE_TEMPLATE").Where(file => Path.GetFileName(file) != "config.yml");
        foreach (var file in templates)
        {
            var template = Load(file);
            var fields = ((YamlSequenceNode)template["body"]).Cast<YamlMappingNode>()
                .Where(field => Text(field, "type") != "markdown").ToArray();
            var labels = fields.Select(field => Text((YamlMappingNode)field["attributes"], "label"));

            Assert.That(new[] { Text(template, "name"), Text(template, "description") }, Has.None.Null, file);
            Assert.That(fields.Select(field => Text(field, "id")), Is.Not.Empty.And.Unique.And.None.Null, file);
            Assert.That(labels, Is.Unique.And.None.Null, file);
        }
    }

    /// <summary>Files of the repository: what a step runs, and the values of its inputs that are paths.</summary>
    private static IEnumerable<string> NamedFiles(YamlMappingNode step)
    {
        var commands = Paths().Matches(Text(step, "run") ?? "").Select(match => match.Value);
        var inputs = step.Children.TryGetValue("with", out var with) ? (YamlMappingNode)with : new YamlMappingNode();
        string?[] paths = [Text(inputs, "file"), Text(inputs, "global-json-file")];
        return commands.Concat(paths.OfType<string>());
    }

    private static IEnumerable<YamlMappingNode> JobsOf(string file) =>
        ((YamlMappingNode)Load(file)["jobs"]).Children.Values.Cast<YamlMappingNode>();

    private static IEnumerable<YamlMappingNode> Steps(YamlMappingNode job) =>
        ((YamlSequenceNode)job["steps"]).Cast<YamlMappingNode>();

    private static string[] Files(string folder) => Directory.GetFiles(Repository.PathOf($".github/{folder}"), "*.yml");

    private static string? Text(YamlMappingNode node, string key) =>
        node.Children.TryGetValue(key, out var value) ? value.ToString() : null;

    private static bool IsExecutable(string file) =>
        OperatingSystem.IsWindows() || File.GetUnixFileMode(file).HasFlag(UnixFileMode.UserExecute);

    private static YamlMappingNode Load(string file)
    {
        var yaml = new YamlStream();
        using var text = File.OpenText(file);
        yaml.Load(text);
        return (YamlMappingNode)yaml.Documents.Single().RootNode;
    }

    [GeneratedRegex(@"(?<![\w/.])(\.ci|scripts|configs)/[\w./-]+", RegexOptions.Multiline)]
    private static partial Regex Paths();
}
