using System.CommandLine;
using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary>The options of what runs on all clusters that match.</summary>
internal sealed class FanOutOptions
{
    private readonly Option<string?> _target = CliOptions.OneOf(
        "--target", "TARGET", "any: on one of the clusters that match (default). all: on each of them.", "any", "all");

    private readonly Option<int?> _parallel = CliOptions.Number<int>(
        "--max-parallel", "With --target all: on so many clusters at once.");

    private readonly Option<int?> _canary = CliOptions.Number<int>(
        "--canary", "With --target all: on so many clusters first, and on the others only if it succeeds there.");

    private readonly Option<int?> _stopAfter = CliOptions.Number<int>(
        "--stop-after-failures", "With --target all: begin on no other cluster once it has failed on so many.");

    public void AddTo(Command command)
    {
        foreach (var option in (Option[])[_target, _parallel, _canary, _stopAfter])
        {
            command.Add(option);
        }
    }

    public bool IsForAll(ParseResult result) => result.GetValue(_target) == "all";

    public HeimdallSubmission Fill(HeimdallSubmission submission, ParseResult result) => submission with
    {
        Target = result.GetValue(_target),
        MaxParallel = result.GetValue(_parallel),
        Canary = result.GetValue(_canary),
        StopAfterFailures = result.GetValue(_stopAfter),
    };
}
