using System.Text;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>What the comparison finds: psql is compared with a psql that does something else.</summary>
[CancelAfter(120_000)]
public sealed class ScriptComparisonTests() : RealProcessTests(processes: 1)
{
    private static readonly string Text = "create table t (i serial, n int);\ninsert into t (n) values (1), (2);\nselect\n1/0;\nselect nextval('t_i_seq');\n";

    private Func<string, string> _change = text => text;
    private ScriptComparison _comparison = null!;

    [OneTimeSetUp]
    public async Task Start() =>
        _comparison = new ScriptComparison(await PsqlRunner.StartAsync(), new AlteredRunner(await PsqlRunner.StartAsync(), text => _change(text)));

    [OneTimeTearDown]
    public async Task Stop() => await _comparison.DisposeAsync();

    [Test]
    public async Task Finds_no_difference_between_psql_and_itself(CancellationToken cancellationToken)
    {
        Assert.That(await CompareAsync(text => text, cancellationToken), Is.Empty);
    }

    [TestCase("(1), (2)", "(2), (1)", "leaves something else behind")]
    [TestCase("(1), (2)", "(1), (2), (3)", "leaves something else behind")]
    [TestCase("n int)", "n bigint)", "leaves something else behind")]
    [TestCase("nextval('t_i_seq')", "currval('t_i_seq')", "leaves something else behind")]
    [TestCase("1/0", "nope", "fails differently")]
    [TestCase("1/0", "1/1", "fails differently")]
    [TestCase("('t_i_seq');", "('t_i_seq'); select 1/0;", "fails differently")]
    [TestCase("select\n1/0", "\n\nselect 1/0", "gives the wrong line")]
    public async Task Finds_a_difference(string original, string changed, string complaint, CancellationToken cancellationToken)
    {
        Assert.That(Text, Does.Contain(original));

        var complaints = await CompareAsync(text => text.Replace(original, changed, StringComparison.Ordinal), cancellationToken);

        Assert.That(complaints.Select(c => c.Script.Name).Distinct(), Is.EqualTo(new[] { "second" }));
        Assert.That(complaints[0].What, Does.StartWith(complaint));
    }

    [TestCase("22012@4", null)]
    [TestCase("22012@3", "should fail in other lines")]
    [TestCase("42P01@4", "should fail with")]
    public async Task Holds_a_script_to_what_it_says_of_itself(string expected, string? complaint, CancellationToken cancellationToken)
    {
        var error = new ScriptError(expected[..5], expected[6] - '0');

        var complaints = await CompareAsync(text => text, cancellationToken, error);

        Assert.That(complaints.Select(c => c.What), complaint is null ? Is.Empty : Has.Exactly(1).StartsWith(complaint));
    }

    /// <summary>Three scripts in a group; the second runs changed on one side.</summary>
    private Task<IReadOnlyList<ScriptComplaint>> CompareAsync(Func<string, string> change, CancellationToken cancellationToken, params ScriptError[] errors)
    {
        _change = text => text.StartsWith("/* 2 */", StringComparison.Ordinal) ? change(text) : text;
        DifferentialScript[] scripts = [Script("first", Text), Script("second", $"/* 2 */ {Text}") with { Errors = errors.Length > 0 ? errors : null }, Script("third", Text)];
        return _comparison.RunAsync(scripts, cancellationToken);
    }

    private static DifferentialScript Script(string name, string text) =>
        new() { Name = name, Mode = ScriptMode.Continue, Content = Encoding.UTF8.GetBytes(text) };

    private sealed class AlteredRunner(IScriptRunner runner, Func<string, string> change) : IScriptRunner
    {
        public string Name => "altered psql";

        public string ConnectionString => runner.ConnectionString;

        public Task<ScriptOutcome> RunAsync(
            DifferentialScript script, byte[] content, CancellationToken cancellationToken) =>
            runner.RunAsync(
                script, Encoding.UTF8.GetBytes(change(Encoding.UTF8.GetString(content))), cancellationToken);

        public ValueTask DisposeAsync() => runner.DisposeAsync();
    }
}
