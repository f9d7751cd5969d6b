using System.Text.Json.Nodes;
using Heimdall.Core.Configuration;
using NUnit.Framework;

namespace Heimdall.Tests.Configuration;

public sealed class SecretReferencesTests
{
    private const string Canary = "canary-7f3a91";

    [Test]
    public void Replaces_variables_and_files_anywhere_in_a_string()
    {
        using var folder = new ConfigFolder();
        using var user = new Variable("me");
        var password = folder.Write("password", Canary + "\n");

        var resolved = SecretReferences.Resolve($"postgresql://${{env:{user.Name}}}:${{file:{password}}}@host/${{env:{user.Name}}}");

        Assert.That(resolved, Is.EqualTo($"postgresql://me:{Canary}@host/me"));
    }

    [TestCase("line\n", "line")]
    [TestCase("line\r\n", "line")]
    [TestCase("line\n\n", "line\n")]
    [TestCase(" two\nlines ", " two\nlines ")]
    [TestCase("", "")]
    public void The_last_line_break_of_a_file_is_not_part_of_the_secret(string content, string expected)
    {
        using var folder = new ConfigFolder();

        Assert.That(SecretReferences.Resolve($"${{file:{folder.Write("secret", content)}}}"), Is.EqualTo(expected));
    }

    [TestCase("no reference", "no reference")]
    [TestCase("$ $$ {} $(x) $1", "$ $$ {} $(x) $1")]
    [TestCase("$${env:HOME}", "${env:HOME}")]
    [TestCase("a$${b}$${c}", "a${b}${c}")]
    public void What_is_not_a_reference_stays(string text, string expected)
    {
        Assert.That(SecretReferences.Resolve(text), Is.EqualTo(expected));
    }

    [Test]
    public void What_a_secret_holds_is_not_resolved_again()
    {
        using var variable = new Variable("${env:HOME}$${");

        Assert.That(SecretReferences.Resolve($"${{env:{variable.Name}}}"), Is.EqualTo("${env:HOME}$${"));
    }

    [Test]
    public void Rejects_what_does_not_exist_by_the_reference()
    {
        using var folder = new ConfigFolder();

        Assert.That(() => SecretReferences.Resolve("a:${env:HEIMDALL_UNSET}@b"), Throws.TypeOf<SecretReferenceException>()
            .With.Message.EqualTo("${env:HEIMDALL_UNSET}: the environment variable is not set"));
        Assert.That(() => SecretReferences.Resolve("${file:/nowhere/secret}"), Throws.TypeOf<SecretReferenceException>()
            .With.Message.EqualTo("${file:/nowhere/secret}: the file does not exist"));
        Assert.That(() => SecretReferences.Resolve($"${{file:{folder.Path}}}"), Throws.TypeOf<SecretReferenceException>()
            .With.Message.EqualTo($"${{file:{folder.Path}}}: the file cannot be read"));
    }

    [TestCase("${" + Canary + "}")]
    [TestCase("${env:" + Canary + "}")]
    [TestCase("${env:}")]
    [TestCase("${env:A" + Canary)]
    [TestCase("${file:" + Canary + "}")]
    [TestCase("password ${" + Canary)]
    public void Rejects_a_malformed_reference_without_showing_it(string text)
    {
        var exception = Assert.Throws<SecretReferenceException>(() => SecretReferences.Resolve(text));

        Assert.That(exception!.Message, Is.EqualTo("a ${ must begin ${env:NAME} or ${file:/path}; write $${ for a plain ${"));
    }

    [Test]
    public void A_context_is_copied_with_all_its_strings_resolved()
    {
        using var variable = new Variable(Canary);
        var reference = $"${{env:{variable.Name}}}";
        var context = new JsonObject { ["a"] = reference, ["b"] = new JsonArray(1, null, new JsonObject { ["c"] = reference }), ["d"] = true };
        var before = context.ToJsonString();

        var resolved = SecretReferences.ResolveAll(context);

        Assert.That(resolved.ToJsonString(), Is.EqualTo($$"""{"a":"{{Canary}}","b":[1,null,{"c":"{{Canary}}"}],"d":true}"""));
        Assert.That(context.ToJsonString(), Is.EqualTo(before));
    }

    [Test]
    public void Every_string_that_cannot_be_resolved_is_found()
    {
        var context = JsonNode.Parse("""{"a": "${env:HEIMDALL_UNSET}", "b": [{"c": "fine"}, {"c": "${file:/nowhere}"}]}""")!.AsObject();

        Assert.That(SecretReferences.Check(context).Select(problem => problem.Path), Is.EqualTo(new[] { "a", "b[1].c" }));
    }

    [Test]
    public void No_problem_of_a_configuration_shows_a_secret()
    {
        using var folder = new ConfigFolder();
        using var variable = new Variable(Canary);
        var file = folder.Write("secret", Canary);

        var problems = folder.ProblemsOf($$"""
            database:
              connection_string: host=x password=${env:{{variable.Name}}} ${env:HEIMDALL_UNSET}
            auth: {{Canary}}
            worker: {lease:{{Canary}}}
            server:
              listen: {{Canary}}
              health_timeout: {{Canary}}
              max_body_bytes: {{Canary}}
            clusters:
              - name: first
                context: {connection_string:postgresql://me:{{Canary}}@host/db}
              - name: second
                context:
                  connection_string: postgresql://me:${file:{{file}}}@host:${env:HEIMDALL_UNSET}/db
              - name: third
                context:
                  connection_string: postgresql://me:{{Canary}}${@host/db
              - name: fourth
                context:
                  password: ${file:{{file}}}
              - name: fifth
                context: {{Canary}}
            """);

        Assert.That(problems, Has.Length.EqualTo(13));
        Assert.That(problems, Has.None.Contains(Canary));
        Assert.That(problems, Has.One.Contains("clusters[1].context.connection_string: ${env:HEIMDALL_UNSET}: the environment variable is not set"));
    }

    [TestCase("a: 'CANARY")]
    [TestCase("a: [CANARY")]
    [TestCase("a: b: CANARY")]
    [TestCase("a: @CANARY")]
    [TestCase("a: *CANARY")]
    [TestCase("a: !CANARY b")]
    [TestCase("a: !CANARY!x b")]
    [TestCase("a: \"\\CANARY\"")]
    [TestCase("a: b\nCANARY")]
    [TestCase("a: |CANARY")]
    public void No_problem_of_a_file_that_is_not_YAML_shows_a_secret(string yaml)
    {
        using var folder = new ConfigFolder();

        var problems = folder.ProblemsOf(yaml.Replace("CANARY", Canary, StringComparison.Ordinal));

        Assert.That(problems.Single(), Does.Contain("the file is not a YAML document").And.Not.Contains(Canary));
    }

    [Test]
    public void The_plugin_sees_the_secret_and_the_configuration_keeps_the_reference()
    {
        using var folder = new ConfigFolder();
        using var variable = new Variable(Canary);
        var plugin = new StubPlugin();
        var yaml = $$"""
            database: { connection_string: "host=store password=${env:{{variable.Name}}}" }
            clusters:
              - name: one
                context: { connection_string: "${env:{{variable.Name}}}" }
            """;

        var config = folder.Load(yaml, plugin);

        Assert.That(plugin.CheckedClusters.Single()["connection_string"]!.GetValue<string>(), Is.EqualTo(Canary));
        Assert.That(config.Clusters.Single().Context["connection_string"]!.GetValue<string>(), Is.EqualTo($"${{env:{variable.Name}}}"));
        Assert.That(config.Database.ConnectionString, Is.EqualTo($"host=store password=${{env:{variable.Name}}}"));
    }

    private sealed class Variable : IDisposable
    {
        public Variable(string value) => Environment.SetEnvironmentVariable(Name, value);

        public string Name { get; } = $"HEIMDALL_TEST_{Guid.NewGuid():N}";

        public void Dispose() => Environment.SetEnvironmentVariable(Name, null);
    }
}
