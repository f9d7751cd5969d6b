using System.Globalization;
using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Heimdall.Api.Jobs;
using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Validation;
using Heimdall.Core.Configuration.Yaml;
using Heimdall.Core.Database;
using Heimdall.Core.Hosting;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Errors;
using Heimdall.Plugins.Postgres.Sessions;
using Heimdall.Tests.Support;
using Microsoft.Extensions.DependencyInjection;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Docs;

/// <summary>The tables of the reference are those of the code.</summary>
public sealed partial class DocTableTests
{
    private const string Unknown = "no_such_field";

    /// <summary>The program's own code, without the line breaks of long texts.</summary>
    private static readonly Lazy<string> Sources = new(() => string.Concat(
        new[] { "Heimdall.Core", "Heimdall.Api", "Heimdall.Worker", "Heimdall.Plugins.Postgres" }
            .Select(Repository.PathOf)
            .SelectMany(project => Directory.EnumerateFiles(project, "*.cs", SearchOption.AllDirectories))
            .Where(file => !file.Contains("/obj/", StringComparison.Ordinal))
            .Select(file => TextBreak().Replace(File.ReadAllText(file), ""))));

    private static readonly DocPage Fields = DocPage.Read("docs/reference/job-fields.md");
    private static readonly DocPage Keys = DocPage.Read("docs/reference/configuration.md");
    private static readonly DocPage Errors = DocPage.Read("docs/reference/errors.md");

    [Test]
    public void A_submission_has_the_fields_of_the_reference() =>
        Assert.That(NamesIn(Fields.Rows("Submission")), Is.EquivalentTo(NamesOf(typeof(SubmitJobRequest))));

    [Test]
    public void A_context_has_the_fields_of_the_reference() => Assert.That(NamesIn(Fields.Rows("Context")), Is.EquivalentTo(KnownToJobs()));

    [Test]
    public void Fields_that_a_command_may_not_set_are_marked()
    {
        var marked = Fields.Rows("Context").Where(row => row[^1].Contains("*job only*", StringComparison.Ordinal));

        Assert.That(NamesIn(marked), Is.EquivalentTo(KnownToJobs().Except(KnownToCommands())));
    }

    [Test]
    public void A_reply_has_the_fields_of_the_reference()
    {
        string[] fields = [.. NamesOf(typeof(JobView)), "result", .. NamesOf(typeof(StatementErrorView))];

        Assert.That(NamesIn(Fields.Rows("Reply")), Is.EquivalentTo(fields));
    }

    [Test]
    public void An_attempt_has_the_fields_of_the_reference() =>
        Assert.That(NamesIn(Fields.Rows("Attempts").Where(row => row[0].StartsWith('`'))), Is.EquivalentTo(NamesOf(typeof(AttemptView))));

    [Test]
    public void A_job_has_the_states_of_the_reference() =>
        Assert.That(Fields.Rows("States").Select(row => row[0]), Is.EquivalentTo(JobStatusNames.All));

    [Test]
    public async Task The_configuration_has_the_keys_of_the_reference()
    {
        var required = await FindRequiredKeysAsync();
        string[] sections =
        [
            "database", "server", "auth", "worker", "queue", "Scripts", "results", "retention", "metrics", "tracing",
            "otlp", "logging", "secrets", "hooks", "commands", "clusters", "schedules",
        ];
        var documented = sections.SelectMany(Keys.Rows).ToArray();
        var keys = KeysOf(typeof(HeimdallConfig), new HeimdallConfig(), "").ToArray();

        Assert.That(NamesIn(documented), Is.EquivalentTo(keys.Select(key => key.Name)));
        Assert.Multiple(() =>
        {
            foreach (var row in documented)
            {
                var (name, value) = keys.Single(key => key.Name == DocPage.Codes(row[0]).Single());
                Assert.That(row[1], Is.EqualTo(value is null ? NameOfNone(name) : $"`{value}`"), name);
            }
        });

        string NameOfNone(string key) => key switch
        {
            _ when required.Any(other => $"{other}.".StartsWith($"{key}.", StringComparison.Ordinal)) => "required",
            "commands[].allowed_callers" => "everyone",
            _ when key.EndsWith("[].id", StringComparison.Ordinal) => "the name",
            _ => "none",
        };
    }

    [Test]
    public void Who_has_which_right_is_as_in_the_table_of_access()
    {
        var documented = DocPage.Read("docs/operate/access.md").Rows("What is refused, and how")
            .Select(row =>
                (Own: string.Join(' ', DocPage.Codes(row[1])), Any: string.Join(' ', DocPage.Codes(row[2]))));
        var held = Enum.GetValues<Right>().Where(right => right is not (Right.None or Right.Known))
            .Select(AccessTable.HoldersOf)
            .Select(holders => (Own: Names(holders.Own), Any: Names(holders.Any)));

        Assert.That(documented, Is.EqualTo(held));

        static string Names(Role[] roles) => string.Join(' ', roles.Select(role => role.ToName()));
    }

    [Test]
    public void Each_type_of_problem_is_in_the_reference()
    {
        var made = Made().Matches(Sources.Value)
            .GroupBy(match => match.Groups["type"].Value, match => match.Groups["status"].Value)
            .Select(type => (type.Key, string.Join(' ', type.Where(status => status.Length > 0).Distinct())))
            .ToArray();
        var documented = Errors.Rows("By type")
            .Select(row => (DocPage.Codes(row[0]).Single(), row[1] == "see below" ? "" : row[1]));

        Assert.That(made, Has.Length.GreaterThan(30));
        Assert.That(documented, Is.EquivalentTo(made));
    }

    [Test]
    public void Each_status_is_in_the_reference()
    {
        const string ClosedRequest = "499"; // the caller is gone and sees none
        var used = StatusName().Matches(Sources.Value).Select(match => match.Groups["status"].Value).Distinct();
        var documented = DocPage.Read("docs/reference/endpoints.md").Rows("Statuses")
            .SelectMany(row => row[0].Split(", ")).Distinct();

        Assert.That(documented, Is.EquivalentTo(used.Where(status => status != ClosedRequest)));
    }

    [TestCase("docs/operate/troubleshooting.md", "The job is FAILED")]
    [TestCase("docs/explain/retries.md", "Is it safe to retry?")]
    [TestCase("docs/reference/errors.md", "After a 503")]
    public void Errors_are_quoted_as_they_are_in_the_sources(string page, string heading)
    {
        var quoted = DocPage.Read(page).Rows(heading).SelectMany(row => DocPage.Codes(row[0]))
            .Where(text => text.Contains(' ') && !text.Contains(':'))
            .ToArray();

        Assert.That(quoted, Has.Length.AtLeast(3));
        Assert.That(quoted.Where(text => !Sources.Value.Contains(text, StringComparison.Ordinal)), Is.Empty);
    }

    [Test]
    public void A_command_has_the_ceilings_of_the_reference() =>
        Assert.That(NamesIn(Keys.Rows("Context of a command")), Is.EquivalentTo(KnownToCommands().Except(KnownToJobs())));

    [Test]
    public void A_cluster_has_the_context_of_the_reference() =>
        Assert.That(NamesIn(Keys.Rows("Context of a cluster")), Is.EquivalentTo(KnownIn(ClusterSettings.Check(new JsonObject { [Unknown] = 1 }))));

    [Test]
    public void A_process_takes_the_arguments_of_the_reference()
    {
        var usages = string.Concat(Usage().Matches(Sources.Value).Select(usage => usage.Value));
        var rows = Keys.Rows("Command line").Where(row => row[0].StartsWith('`')).ToDictionary(row => DocPage.Codes(row[0]).Single(), row => row[1]);

        Assert.That(rows.Keys, Is.EquivalentTo(Argument().Matches(usages).Select(argument => argument.Value)));
        Assert.That(rows["--config FILE"], Does.Contain($"`{HostArguments.Parse([])!.ConfigPath}`"));
    }

    [Test]
    public void A_process_has_the_exit_codes_of_the_reference()
    {
        var codes = typeof(HostProgram).GetFields(BindingFlags.NonPublic | BindingFlags.Static)
            .Where(field => field is { IsLiteral: true } && field.FieldType == typeof(int))
            .Select(field => field.GetRawConstantValue()!.ToString());
        var documented = Keys.Rows("Command line").Select(row => row[0]).Where(cell => !cell.StartsWith('`'));

        Assert.That(documented, Is.EquivalentTo(codes));
    }

    [Test]
    public void A_process_has_the_connections_of_the_page()
    {
        var rows = DocPage.Read("docs/operate/scale.md").Rows("Connections").ToDictionary(row => row[0], row => row[1]);
        var concurrency = new WorkerConfig().Concurrency;
        var (none, one) = (ConnectionLimits.ForWorker(0).Total, ConnectionLimits.ForWorker(1).Total);

        Assert.That(rows["API"], Is.EqualTo($"{ConnectionLimits.ForApi.Total}"));
        Assert.That(rows["worker"], Is.EqualTo($"{none} + {one - none} × `worker.concurrency`, so {ConnectionLimits.ForWorker(concurrency).Total} by default"));
    }

    [Test]
    public void Each_sqlstate_has_the_status_of_the_reference()
    {
        var rows = Errors.Rows("By SQLSTATE");
        var codes = typeof(PostgresErrorCodes).GetFields(BindingFlags.Public | BindingFlags.Static).Select(field => (string)field.GetRawConstantValue()!).ToArray();

        Assert.That(codes, Has.Length.GreaterThan(200));
        Assert.Multiple(() =>
        {
            foreach (var code in codes)
            {
                var failure = PostgresErrors.ToFailure(new PostgresException("", "ERROR", "ERROR", code), ErrorPlace.None);
                var row = rows.First(row => row[0] == "all others" || DocPage.Codes(row[0]).Any(shown => code == shown || (shown[^1] == '…' && code.StartsWith(shown[..^1], StringComparison.Ordinal))));
                Assert.That(
                    (row[2], row[3]),
                    Is.EqualTo((FailureStatus.Of(failure).ToString(provider: null), failure.IsTransient ? "yes" : "no")),
                    code);
            }
        });
    }

    [Test]
    public void Each_kind_of_failure_has_the_status_of_the_reference()
    {
        var documented = Errors.Rows("By kind of failure").Select(row => (DocPage.Codes(row[0]).Single(), row[2][..3]));
        var kinds = Enum.GetValues<JobFailureKind>()
            .Select(kind => (kind.ToString(), kind == JobFailureKind.Sql ? "by " : FailureStatus.Of(new JobFailure { Kind = kind, Message = "" }).ToString(provider: null)));

        Assert.That(documented, Is.EquivalentTo(kinds));
    }

    /// <summary>What an empty entry of each list is refused for.</summary>
    private static async Task<string[]> FindRequiredKeysAsync()
    {
        await using var provider = new ServiceCollection()
            .AddSingleton(new HeimdallConfig()).AddPostgresPlugin().BuildServiceProvider();
        var plugins = new PluginCatalog(provider.GetServices<IPlugin>());
        var empty = new HeimdallConfig
        {
            Server = new ServerConfig { Listen = "https://127.0.0.1:9090", Tls = new TlsConfig() },
            Auth = new AuthConfig
            {
                ApiKeys = [new ApiKeyConfig()],
                Jwt = new JwtConfig(),
                Oidc = new OidcConfig(),
                Roles = [new RoleConfig()],
            },
            Metrics = new MetricsConfig { CallerClasses = [new CallerClassConfig()] },
            Hooks = new HooksConfig { Receivers = [new HookConfig()] },
            Commands =
            [
                new CommandConfig { OnEnd = [new OnEndConfig()] },
                new CommandConfig { Plugin = "postgres" }, // which checks clusters too
            ],
            Clusters = [new ClusterConfig()],
            Schedules = [new ScheduleConfig { OnEnd = [new OnEndConfig()] }],
        };
        return
        [
            .. new HeimdallConfigValidator(plugins).Validate(empty).Errors
                .Where(error => error.ErrorMessage.StartsWith("is required", StringComparison.Ordinal)
                    || error.ErrorMessage.StartsWith("is missing", StringComparison.Ordinal))
                .Select(error => ConfigPath.FromProperty(error.PropertyName))
                .Select(path => path.Replace("[0]", "[]", StringComparison.Ordinal)),
        ];
    }

    private static IEnumerable<string> NamesIn(IEnumerable<string[]> rows) => rows.SelectMany(row => DocPage.Codes(row[0]));

    private static IEnumerable<string> NamesOf(Type type) => type.GetProperties().Select(property => Spell(property.Name));

    private static string Spell(string name) => JsonNamingPolicy.SnakeCaseLower.ConvertName(name);

    /// <summary>Each key with its default as YAML spells it; null where it has none.</summary>
    private static IEnumerable<(string Name, string? Default)> KeysOf(Type type, object config, string prefix) =>
        type.GetProperties().Where(property => property.CanWrite).SelectMany(property =>
        {
            var name = prefix + Spell(property.Name);
            var (kind, value) = (property.PropertyType, property.GetValue(config));
            return kind.IsArray && kind.GetElementType()!.Namespace == typeof(HeimdallConfig).Namespace
                ? KeysOf(kind.GetElementType()!, Activator.CreateInstance(kind.GetElementType()!)!, $"{name}[].")
                : kind.Namespace == typeof(HeimdallConfig).Namespace ? KeysOf(kind, value ?? Activator.CreateInstance(kind)!, $"{name}.") : [(name, SpellValue(value))];
        });

    private static string? SpellValue(object? value) => value switch
    {
        TimeSpan time => Duration.Write(time),
        bool flag => flag ? "true" : "false",
        string { Length: 0 } or Array { Length: 0 } or JsonObject { Count: 0 } or null => null,
        string[] texts => $"[{string.Join(", ", texts)}]",
        IFormattable number => number.ToString(null, CultureInfo.InvariantCulture),
        _ => value.ToString(),
    };

    private static string[] KnownToCommands() => KnownIn(CommandSettings.Read(new JsonObject { [Unknown] = 1 }).Problems);

    private static string[] KnownToJobs() =>
        KnownIn(Assert.Throws<JobRefusedException>(() => JobSettings.Read([], new JsonObject { ["query"] = "select 1", [Unknown] = 1 }))!.Problems);

    /// <summary>What the refusal of an unknown field says is known.</summary>
    private static string[] KnownIn(IEnumerable<ContextProblem> problems) =>
        problems.Single(problem => problem.Path == Unknown).Message.TrimEnd('.').Split("known are ")[1].Split(", ");

    [GeneratedRegex(@"""\s*\+ \$?""")]
    private static partial Regex TextBreak();

    [GeneratedRegex(
        @"\bOf\(\s*(StatusCodes\.Status(?<status>\d{3})\w+|[\w.]+(\(\w+\))?),\s*""(?<type>[a-z]+(-[a-z]+)*)""")]
    private static partial Regex Made();

    [GeneratedRegex(@"""usage: .*|OwnUsage = "".+""")]
    private static partial Regex Usage();

    [GeneratedRegex("--[a-z-]+( [A-Z]+)?")]
    private static partial Regex Argument();

    [GeneratedRegex(@"StatusCodes\.Status(?<status>\d{3})")]
    private static partial Regex StatusName();
}
