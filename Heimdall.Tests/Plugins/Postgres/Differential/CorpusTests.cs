using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>Every script of the corpus, in every mode it names, does with Heimdall what it does with psql.</summary>
[CancelAfter(300_000)]
public sealed class CorpusTests() : RealProcessTests(processes: 1)
{
    /// <summary>Scripts whose remains are looked at together: a dump takes longer than a script.</summary>
    private const int Together = 25;

    private static readonly IReadOnlyList<CorpusFile> Files = CorpusFile.ReadAll();

    private ScriptComparison _comparison = null!;

    [OneTimeSetUp]
    public async Task Start() => _comparison = await ScriptComparison.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _comparison.DisposeAsync();

    [TestCaseSource(typeof(ScriptModes), nameof(ScriptModes.Compared))]
    public async Task A_script_does_what_it_does_with_psql(object mode, CancellationToken cancellationToken)
    {
        var scripts = Files.Where(file => file.Modes.Contains((ScriptMode)mode) && file.KnownFault((ScriptMode)mode) is null)
            .Select(file => file.For((ScriptMode)mode))
            .Concat(LargeScripts.For((ScriptMode)mode))
            .ToArray();
        var complaints = new List<ScriptComplaint>();

        foreach (var group in scripts.Chunk(Together))
        {
            complaints.AddRange(await _comparison.RunAsync(group, cancellationToken));
        }

        await TestContext.Out.WriteLineAsync($"{scripts.Length} scripts");
        Assert.That(scripts, Has.Length.GreaterThan(100));
        Assert.That(complaints.Select(complaint => complaint.Script.Name), Is.Empty, () => string.Join('\n', complaints));
    }

    [TestCaseSource(typeof(ScriptModes), nameof(ScriptModes.Compared))]
    public async Task A_known_fault_is_still_there(object mode, CancellationToken cancellationToken)
    {
        foreach (var file in Files.Where(file => file.Modes.Contains((ScriptMode)mode) && file.KnownFault((ScriptMode)mode) is not null))
        {
            var script = file.For((ScriptMode)mode);

            // Some faults depend on what comes first, and show most of the time.
            var isThere = false;
            for (var left = 20; left > 0 && !isThere; left--)
            {
                isThere = (await _comparison.RunAsync([script], cancellationToken)).Count > 0;
            }

            Assert.That(isThere, $"{script.Name} does what it does with psql now: take out its line \"-- differs\".");
        }
    }

    [Test]
    public async Task Every_mode_that_batches_have_is_compared(CancellationToken cancellationToken)
    {
        await using var server = await PluginTestServer.StartAsync();

        var offered = Enum.GetValues<ScriptMode>().Where(mode => IsOffered(server, mode));

        Assert.That(ScriptModes.Compared, Is.EqualTo(offered));
    }

    private static bool IsOffered(PluginTestServer server, ScriptMode mode)
    {
        try
        {
            server.Plugin.Plan([], mode.Context("select 1"));
            return true;
        }
        catch (Core.Plugins.JobRefusedException)
        {
            return false;
        }
    }
}
