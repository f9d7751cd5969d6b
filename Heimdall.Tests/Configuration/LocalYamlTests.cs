using System.Text.RegularExpressions;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Loading;
using Heimdall.Core.Configuration.Yaml;
using Heimdall.Core.Plugins;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Configuration;

/// <summary>configs/local.yaml is the reference that users read: it must load, be complete and tell the truth.</summary>
public sealed class LocalYamlTests
{
    private static readonly string _file = Repository.PathOf("configs/local.yaml");

    private static readonly HeimdallConfig _config = ConfigFile.Load(_file, new PluginCatalog([new StubPlugin()]));

    [Test]
    public void Mentions_every_key_of_every_record()
    {
        var lines = File.ReadAllLines(_file);
        var records = typeof(HeimdallConfig).Assembly.GetTypes()
            .Where(type => type.Namespace == typeof(HeimdallConfig).Namespace && type.Name.EndsWith("Config", StringComparison.Ordinal));

        var missing = records.SelectMany(record => ConfigBinder.KeysOf(record).Keys)
            .Where(key => !lines.Any(line => Regex.IsMatch(line, $@"^[\s#-]*{key}:")));

        Assert.That(records.Count(), Is.GreaterThan(5));
        Assert.That(missing, Is.Empty);
    }

    [Test]
    public void Shows_the_defaults()
    {
        Assert.That(_config.Database with { ConnectionString = "" }, Is.EqualTo(new DatabaseConfig()));
        Assert.That(_config.Server, Is.EqualTo(new ServerConfig()));
        Assert.That(_config.Worker, Is.EqualTo(new WorkerConfig()));
        Assert.That(_config.Results, Is.EqualTo(new ResultsConfig()));
        Assert.That(_config.SqlUploads, Is.EqualTo(new SqlUploadsConfig()));
        Assert.That(_config.Retention, Is.EqualTo(new RetentionConfig()));
        Assert.That(_config.Tracing, Is.EqualTo(new TracingConfig()));
        Assert.That(_config.Otlp, Is.EqualTo(new OtlpConfig()));
        Assert.That(_config.Logging.Format, Is.EqualTo(new LoggingConfig().Format));
        Assert.That(_config.Auth.IsConfigured, Is.False);
    }

    [Test]
    public void The_keys_that_are_commented_out_are_right_too()
    {
        using var folder = new ConfigFolder();
        var yaml = Regex.Replace(File.ReadAllText(_file),
            "^( *)# (?=(  )?(hash|id|version|allowed_callers|context|directory):)", "$1", RegexOptions.Multiline);
        var auth = yaml.IndexOf("\nauth:", StringComparison.Ordinal);
        var worker = yaml.IndexOf("\nworker:", StringComparison.Ordinal);
        yaml = yaml[..auth] + Regex.Replace(yaml[auth..worker], "^  # (?= *(- )?[a-z_]+:)", "  ",
            RegexOptions.Multiline) + yaml[worker..];

        var config = folder.Load(yaml);

        Assert.That(config.Auth.Header, Is.EqualTo("X-Heimdall-User"));
        Assert.That(config.Auth.ApiKeys.Single().User, Is.EqualTo("alice"));
        Assert.That(config.Auth.ApiKeys.Single().Expires, Is.Not.Null);
        Assert.That(config.Auth.Jwt!.RolesClaim, Is.EqualTo("heimdall_roles"));
        Assert.That(config.Auth.Oidc!.ClientId, Is.EqualTo("heimdall"));
        Assert.That(
            config.Auth.Oidc with { Authority = "", ClientId = "", Scopes = [], RolesClaim = null },
            Is.EqualTo(new OidcConfig { Scopes = [] }), "the defaults");
        Assert.That(config.Auth.Oidc.Scopes, Is.EqualTo(new OidcConfig().Scopes));
        Assert.That(config.Auth.Roles.Select(entry => entry.Role), Is.EqualTo(new[] { "admin", "operator" }));
        Assert.That(config.Auth.Roles[1].Claims["groups"]!.GetValue<string>(), Is.EqualTo("dba"));
        Assert.That(config.Auth.DefaultRole, Is.EqualTo(new AuthConfig().DefaultRole));
        Assert.That(config.Commands.Single().AllowedCallers, Is.EqualTo(new[] { "alice", "team-.*" }));
        Assert.That(config.Clusters.Single().Version, Is.EqualTo("0.0.1"));
    }

    [Test]
    public void Its_command_runs_on_its_cluster()
    {
        Assert.That(_config.Commands.Single().ClusterTags, Is.SubsetOf(_config.Clusters.Single().Tags));
        Assert.That(
            Directory.GetFiles(_config.SqlDirectory).Select(Path.GetFileName),
            Is.SupersetOf(new[] { "create_employees.sql", "headcount.sql", "raise_salaries.sql" }));
    }
}
