using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>
/// Scripts that nobody thought of. Few by default; <c>HEIMDALL_LONG_TESTS=1</c> runs 5,000 in each mode and <c>HEIMDALL_SCRIPTS=N</c> as
/// many as it says. A complaint names the seed of its script: with <c>HEIMDALL_SEED</c> set to that, it is the first to run.
/// </summary>
public sealed class GeneratedScriptTests() : RealProcessTests(processes: 1)
{
    private const int Together = 50;

    private static readonly int Seed = TestSetting.Number("HEIMDALL_SEED") ?? Random.Shared.Next(1_000_000_000);
    private static readonly int Scripts = TestSetting.Number("HEIMDALL_SCRIPTS") ?? (TestSetting.IsLong ? 5_000 : 40);

    private ScriptComparison _comparison = null!;

    [OneTimeSetUp]
    public async Task Start() => _comparison = await ScriptComparison.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _comparison.DisposeAsync();

    [CancelAfter(4 * 3_600_000)]
    [TestCaseSource(typeof(ScriptModes), nameof(ScriptModes.Compared))]
    public async Task A_script_does_what_it_does_with_psql(object mode, CancellationToken cancellationToken)
    {
        await TestContext.Out.WriteLineAsync($"HEIMDALL_SEED={Seed} HEIMDALL_SCRIPTS={Scripts}");
        var complaints = new List<ScriptComplaint>();
        var (ran, failed) = (_comparison.Ran, _comparison.Failed);

        foreach (var seeds in Enumerable.Range(Seed, Scripts).Chunk(Together))
        {
            complaints.AddRange(await _comparison.RunAsync([.. seeds.Select(seed => ScriptGenerator.Make(seed, (ScriptMode)mode))], cancellationToken));
            if (complaints.Count > 5)
            {
                break;
            }
        }

        (ran, failed) = (_comparison.Ran - ran, _comparison.Failed - failed);
        await TestContext.Out.WriteLineAsync($"{failed} of {ran} scripts fail with psql");
        Assert.That(complaints.Select(complaint => complaint.Script.Name), Is.Empty, () => string.Join('\n', complaints));

        // Scripts that all end in their first statements, or never fail, would test little; a few may happen to.
        if (Scripts >= 30)
        {
            Assert.That(failed, Is.InRange(ran / 10, (ScriptMode)mode == ScriptMode.Continue ? ran : ran * 19 / 20));
        }
    }
}
