using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Core.Plugins;
using NUnit.Framework;

namespace Heimdall.Tests.Secrets;

/// <summary>Contexts are parted from their secrets and put together again, and are left out of texts.</summary>
public sealed class JobSecretsTests
{
    private const string Password = "Tr0ub4dor&3-horse";

    private static JsonObject Parse(string json) => JsonNode.Parse(json)!.AsObject();

    [TestCase("""{"query":"q","parameters":{"a":1,"pw":{"value":"x","type":"text","secret":true}}}""",
        """{"query":"q","parameters":{"a":1,"pw":{"value":null,"type":"text","secret":true}}}""",
        """{"query":"q","parameters":{"a":1,"pw":{"value":"x","type":"text"}}}""")]
    [TestCase("""{"parameters":[1,{"value":7,"secret":true},{"secret":false}]}""",
        """{"parameters":[1,{"value":null,"secret":true},{"secret":false}]}""",
        """{"parameters":[1,{"value":7},{"secret":false}]}""")]
    [TestCase("""{"variables":{"pw":{"value":"x","secret":true},"b":"c"}}""",
        """{"variables":{"pw":{"value":null,"secret":true},"b":"c"}}""",
        """{"variables":{"pw":"x","b":"c"}}""")]
    public void A_context_is_shown_without_its_secrets_and_a_plugin_sees_it_whole(
        string context, string shown, string whole)
    {
        var (parted, secrets) = JobSecrets.Split(Parse(context));

        Assert.That(parted.ToJsonString(), Is.EqualTo(shown));
        Assert.That(secrets!.Reveal(parted).ToJsonString(), Is.EqualTo(whole).Or.EqualTo(Reordered(whole)));
        Assert.That(JobSecrets.Read(secrets.ToJson()).Reveal(parted).ToJsonString(),
            Is.EqualTo(secrets.Reveal(parted).ToJsonString()));

        static string Reordered(string json) =>
            json.Replace("""{"value":"x","type":"text"}""", """{"type":"text","value":"x"}""",
            StringComparison.Ordinal);
    }

    [TestCase("""{"query":"q"}""")]
    [TestCase("""{"parameters":{"a":{"secret":"yes","value":1}}}""")]
    [TestCase("""{"parameters":"none"}""")]
    public void Without_a_mark_there_is_nothing_to_part(string context)
    {
        var (shown, secrets) = JobSecrets.Split(Parse(context));

        Assert.That(shown.ToJsonString(), Is.EqualTo(context));
        Assert.That(secrets, Is.Null);
    }

    [TestCase("""{"parameters":{"a":{"secret":true}}}""", "parameters.a", "has no value")]
    [TestCase("""{"parameters":{"a":{"value":null,"secret":true}}}""", "parameters.a", "has no value")]
    [TestCase("""{"parameters":[{"value":"","secret":true}]}""", "parameters[0]", "is an empty secret")]
    [TestCase("""{"parameters":{"a":{"value":[1],"secret":true}}}""", "parameters.a", "must be text, a number")]
    [TestCase("""{"variables":{"a":{"value":1,"secret":true}}}""", "variables.a", "must be text, as any variable")]
    public void Rejects_what_can_be_no_secret(string context, string path, string message)
    {
        var refused = Assert.Throws<JobRefusedException>(() => JobSecrets.Split(Parse(context)))!;

        Assert.That(refused.Problems.Single().Path, Is.EqualTo(path));
        Assert.That(refused.Problems.Single().Message, Does.Contain(message));
    }

    [Test]
    public void All_secrets_of_a_job_together_have_a_longest_length()
    {
        var half = new string('x', JobSecrets.MostLength / 2);
        var two = $"\"a\":{Secret(half)},\"b\":{Secret(half)}";

        var (shown, secrets) = JobSecrets.Split(Parse($"{{\"variables\":{{{two}}}}}"));
        var more = Parse($"{{\"variables\":{{{two},\"c\":{Secret("y")}}}}}");
        var renewed = new JsonObject { ["a"] = half, ["b"] = $"{half}y" };

        Assert.That(secrets, Is.Not.Null);
        Assert.That(
            Assert.Throws<JobRefusedException>(() => JobSecrets.Split(more))!.Problems.Single(),
            Is.EqualTo(new ContextProblem(
                "variables.c", "is too long: all secrets of a job together have at most 65536 characters.")));
        Assert.That(
            Assert.Throws<JobRefusedException>(() => JobSecrets.Renew(shown, renewed))!.Problems.Single().Path,
            Is.EqualTo("secrets"));

        static string Secret(string value) => $"{{\"value\":\"{value}\",\"secret\":true}}";
    }

    [Test]
    public void Names_of_files_are_told_without_secrets()
    {
        var (_, secrets) = JobSecrets.Split(
            Parse("""{"variables":{"dir":{"value":"hidden-folder","secret":true}}}"""));
        var progress = new JobProgress
        {
            Files = [new FileHash("hidden-folder/a.sql", "00")],
            Errors = [new StatementError { File = "hidden-folder/a.sql", Message = "syntax error" }],
        };

        var told = secrets!.Redact(progress);

        Assert.That(told.Files!.Single().Path, Is.EqualTo("[secret]/a.sql"));
        Assert.That(told.Errors!.Single().File, Is.EqualTo("[secret]/a.sql"));
    }

    [Test]
    public void What_is_kept_stands_in_for_what_is_not_sent()
    {
        var (_, kept) = JobSecrets.Split(Parse("""{"parameters":{"a":{"value":"old","secret":true}}}"""));

        var (shown, secrets) = JobSecrets.Split(Parse("""{"parameters":{"a":{"value":null,"secret":true}}}"""), kept);

        Assert.That(secrets!.Reveal(shown).ToJsonString(), Is.EqualTo("""{"parameters":{"a":{"value":"old"}}}"""));
    }

    [TestCase("no such thing", "no such thing")]
    [TestCase($"invalid input: \"{Password}\"", "invalid input: \"[secret]\"")]
    [TestCase("cut off: Tr0ub4dor&3-ho...", "cut off: [secret]...")]
    [TestCase("folded: tr0ub4dor&3-horse", "folded: [secret]")]
    [TestCase("middle b4dor& only", "middle [secret] only")]
    [TestCase("twice Tr0ub4dor&3-horse, Tr0ub4dor&3-horse", "twice [secret], [secret]")]
    [TestCase("number 4711 and 47110", "number [secret] and [secret]0")]
    public void Texts_are_told_without_secrets_and_without_parts_of_them(string text, string told)
    {
        var (_, secrets) = JobSecrets.Split(Parse(
            """{"parameters":{"a":{"value":"PW","secret":true},"b":{"value":4711,"secret":true}}}"""
                .Replace("PW", Password, StringComparison.Ordinal)));

        Assert.That(secrets!.Redact(text), Is.EqualTo(told));
        Assert.That($"{secrets}", Does.Not.Contain(Password), "and so does what prints it");
    }

    [TestCase("""{"context":{"parameters":{"a":{"value":1,"secret":true}}}}""", true)]
    [TestCase("""{"context":{"parameters":{"a":{"value":1,"secr\u0065t":true}}}}""", true)]
    [TestCase("""[{"context":{}},{"context":{"variables":{"a":{"value":"x","secret":true}}}}]""", true)]
    [TestCase("""{"context":{"parameters":[{"value":1,"secret":true}]}}""", true)]
    [TestCase("""{"context":{"query":"\"secret\": true"}}""", false)]
    [TestCase("""[1, null, "secret"]""", false)]
    [TestCase("""{"context":[{"parameters":1}]}""", false)]
    public void Secrets_are_found_in_a_body_whatever_else_is_in_it(string body, bool expected)
    {
        using var document = JsonDocument.Parse(body);

        Assert.That(JobSecrets.AreIn(document.RootElement), Is.EqualTo(expected));
    }

    [Test]
    public void Values_are_taken_anew_by_name()
    {
        var shown = Parse(
            """{"parameters":[{"value":null,"secret":true},{"value":null,"name":"key","secret":true}]}""");

        Assert.That(JobSecrets.NamesIn(shown), Is.EqualTo(new[] { "$1", "key" }));
        var renewed = JobSecrets.Renew(shown, Parse("""{"$1":"a","key":"b"}"""))!;
        Assert.That(renewed.Reveal(shown)["parameters"]![0]!["value"]!.GetValue<string>(), Is.EqualTo("a"));
        var refused = Assert.Throws<JobRefusedException>(() =>
            JobSecrets.Renew(shown, Parse("""{"$1":"a","other":"b"}""")))!;
        Assert.That(refused.Problems.Select(problem => problem.Path),
            Is.EquivalentTo(new[] { "secrets.other", "secrets.key" }));
    }
}
