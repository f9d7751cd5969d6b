using System.Text.Json;
using System.Text.RegularExpressions;
using Heimdall.Api.Problems;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Tests.Docs;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Descriptions;

/// <summary>What the OpenAPI document has for each operation.</summary>
[CancelAfter(60_000)]
public sealed partial class OpenApiDocumentTests
{
    private HeimdallInstance _heimdall = null!;
    private DescribedApi _document = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _heimdall = await HeimdallInstance.StartAsync(worker: false);
        _document = await ReadAsync(_heimdall);
    }

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public void Each_operation_has_a_name_of_its_own_and_says_what_it_does()
    {
        var names = _document.Operations
            .Select(found => found.Operation.GetProperty("operationId").GetString()!).ToArray();

        Assert.That(names.Length, Is.GreaterThan(50));
        Assert.That(names, Is.Unique);
        Assert.That(names.Where(name => !PlainName().IsMatch(name)), Is.Empty);
        Assert.That(
            _document.Operations.Where(found => found.Operation.GetProperty("tags").GetArrayLength() != 1
                || !found.Operation.GetProperty("summary").GetString()!.EndsWith('.')),
            Is.Empty);
    }

    [Test]
    public void Each_parameter_and_each_reply_is_described()
    {
        var faults = _document.Operations.SelectMany(found =>
            Parameters(found.Operation)
                .Where(parameter => !HasMember(parameter, "description") || !HasMember(parameter, "schema"))
                .Select(parameter => $"{found.Name}: {parameter}")
                .Concat(Replies(found.Operation).Where(reply => !HasMember(reply.Value, "description"))
                    .Select(reply => $"{found.Name}: {reply.Name}")));

        Assert.That(faults, Is.Empty);
    }

    [Test]
    public void Each_body_has_a_schema_and_examples_of_it()
    {
        var faults = new List<string>();
        foreach (var (name, operation) in _document.Operations)
        {
            foreach (var (place, media) in Bodies(operation))
            {
                var examples = Examples(media).ToArray();
                if (!HasMember(media, "schema") || examples.Length == 0)
                {
                    faults.Add($"{name} {place} has no schema or no example");
                    continue;
                }
                faults.AddRange(examples.SelectMany(example =>
                    _document.FindFaults(media.GetProperty("schema"), example)
                        .Select(fault => $"{name} {place}: {fault}")));
            }
        }

        Assert.That(faults, Is.Empty);
    }

    [Test]
    public void Each_operation_says_who_may_call_it()
    {
        var open = _document.Operations
            .Where(found => found.Operation.GetProperty("security").GetArrayLength() == 0)
            .Select(found => found.Name);

        Assert.That(open, Is.EquivalentTo(
            new[] { "GET /", "HEAD /", "GET /healthz", "HEAD /healthz", "GET /readyz", "HEAD /readyz" }));
    }

    [Test]
    public void The_types_of_problems_are_those_of_the_reference()
    {
        var documented = DocPage.Read("docs/reference/errors.md").Rows("By type")
            .Select(row => (DocPage.Codes(row[0]).Single(), row[1]));
        var listed = ProblemTypes.All
            .Select(type => (type.Name, type.Name == "job-failed" ? "see below" : string.Join(' ', type.Statuses)));
        var described = _document.Schema("ProblemType").GetProperty("enum").EnumerateArray()
            .Select(type => type.GetString()!);

        Assert.That(listed, Is.EquivalentTo(documented));
        Assert.That(described, Is.EqualTo(ProblemTypes.All.Select(type => $"urn:heimdall:problem:{type.Name}")));
    }

    [Test]
    public void A_context_has_the_fields_of_the_plugin_in_the_words_of_the_reference()
    {
        var context = _document.Schema("JobContext");
        var described = context.GetProperty("properties").EnumerateObject()
            .Select(field => (field.Name, field.Value.GetProperty("description").GetString()!));
        var documented = DocPage.Read("docs/reference/job-fields.md").Rows("Context")
            .Select(row => (DocPage.Codes(row[0]).Single(), Plain(row[^1])));

        Assert.That(described, Is.EquivalentTo(documented));
        Assert.That(
            described.Select(field => field.Name),
            Is.EquivalentTo(JobSettings.FindFields().Select(field => field.Name)));
        Assert.That(context.GetProperty("required").EnumerateArray().Single().GetString(), Is.EqualTo("query"));
        Assert.That(
            context.GetProperty("properties").GetProperty("numbers").GetProperty("enum").EnumerateArray()
                .Select(word => word.GetString()),
            Is.EqualTo(new[] { "number", "string" }));
        Assert.That(context.GetProperty("additionalProperties").ValueKind, Is.EqualTo(JsonValueKind.Object),
            "contexts of other plugins stay allowed");
    }

    [TestCase("SubmitJobRequest", "name command_criteria cluster_criteria context")]
    [TestCase("PutScheduleRequest", "cron command_criteria cluster_criteria context")]
    [TestCase("ResolveJobRequest", "command_criteria cluster_criteria")]
    [TestCase("SetStatusRequest", "status")]
    [TestCase("PauseRequest", "")]
    public void What_is_required_of_a_request_is_what_must_be_there(string schema, string fields)
    {
        var required = _document.Schema(schema).TryGetProperty("required", out var names)
            ? names.EnumerateArray().Select(name => name.GetString()!)
            : [];

        Assert.That(required, Is.EquivalentTo(fields.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
    }

    /// <summary>The document of a running API.</summary>
    internal static async Task<DescribedApi> ReadAsync(HeimdallInstance heimdall) =>
        new((await heimdall.GetAsync("/openapi/v1.json", TestContext.CurrentContext.CancellationToken))
            .AssertStatus(200).Json);

    private static string Plain(string cell) =>
        Link().Replace(cell, "$1").Replace("`", "", StringComparison.Ordinal)
            .Replace("; *job only*", "", StringComparison.Ordinal);

    private static bool HasMember(JsonElement element, string member) => element.TryGetProperty(member, out var value)
        && (value.ValueKind != JsonValueKind.String || value.GetString()!.Length > 0);

    private static JsonElement.ArrayEnumerator Parameters(JsonElement operation) =>
        operation.TryGetProperty("parameters", out var parameters) ? parameters.EnumerateArray() : default;

    private static JsonElement.ObjectEnumerator Replies(JsonElement operation) =>
        operation.GetProperty("responses").EnumerateObject();

    private static IEnumerable<(string Place, JsonElement Media)> Bodies(JsonElement operation)
    {
        var request = operation.TryGetProperty("requestBody", out var body)
            ? body.GetProperty("content").EnumerateObject().Select(media => ($"request {media.Name}", media.Value))
            : [];
        return request.Concat(Replies(operation)
            .Where(reply => reply.Value.TryGetProperty("content", out _))
            .SelectMany(reply => reply.Value.GetProperty("content").EnumerateObject()
                .Select(media => ($"{reply.Name} {media.Name}", media.Value))));
    }

    private IEnumerable<JsonElement> Examples(JsonElement media) =>
        media.TryGetProperty("example", out var example) ? [example]
        : media.TryGetProperty("examples", out var examples)
            ? examples.EnumerateObject().Select(one => _document.Follow(one.Value).GetProperty("value"))
        : [];

    [GeneratedRegex("^[a-z]+([A-Z][a-z]+)+$")]
    private static partial Regex PlainName();

    [GeneratedRegex(@"\[([^\]]+)\]\([^)]+\)")]
    private static partial Regex Link();
}
