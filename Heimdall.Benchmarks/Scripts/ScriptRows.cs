using Heimdall.Benchmarks.Inputs;
using Heimdall.Benchmarks.Servers;

namespace Heimdall.Benchmarks.Scripts;

/// <summary>What is measured, and the goals.</summary>
internal sealed class ScriptRows
{
    /// <summary>The names of the figures beside the scripts.</summary>
    public const string Memory = "memory";
    public const string Overhead = "overhead";

    /// <summary>By which --quick divides all sizes.</summary>
    private const int QuickDivisor = 10;

    public ScriptRows(PostgresServer server, bool quick)
    {
        var divisor = quick ? QuickDivisor : 1;
        var inserts = InsertScripts.OneRowEach(100_000 / divisor);
        var committed = quick ? InsertScripts.OneRowEach(1_000) : inserts; // each waits for the disk
        Large = InsertScripts.ManyRowsEach(200 / divisor);
        Huge = InsertScripts.ManyRowsEach(2_000 / divisor);
        All =
        [
            // The first, because the others drop their databases: see Input.MakesManyFiles.
            new("ddl", DefinitionScripts.Definitions(2_000 / divisor), IsSingle: true, Goal: 0.85),
            new("inserts-none", committed, IsSingle: false, Goal: 0.9),
            new("inserts-single", inserts, IsSingle: true, Goal: 0.8),
            new("dump-10", DumpScripts.OfPgbench(10 / divisor, server), IsSingle: true, Goal: 1.0),
            new("dump-50", DumpScripts.OfPgbench(50 / divisor, server), IsSingle: true, Goal: 1.0),
            new("large-inserts", Large, IsSingle: true, Goal: 1.0),
        ];
    }

    public static IReadOnlyList<string> Names { get; } =
        ["ddl", "inserts-none", "inserts-single", "dump-10", "dump-50", "large-inserts", Memory, Overhead];

    public IReadOnlyList<ScriptRow> All { get; }

    /// <summary>For the memory that a script takes, and for whether it depends on the script's size.</summary>
    public Input Large { get; }

    public Input Huge { get; }
}
