using Heimdall.Core.Catalog;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Upkeep;

/// <summary>
/// Warns when the files of living processes differ where they should not. Each job goes by the settings of the process
/// that runs it, so that nothing is taken from anybody. But the keeper does the upkeep by its own.
/// </summary>
internal sealed partial class SettingWatch(LivingProcesses processes, ILogger<SettingWatch> logger)
{
    private IReadOnlyList<string> _logged = [];

    public async Task LookAsync(CancellationToken cancellationToken)
    {
        var different = await processes.FindDifferencesAsync(cancellationToken);
        foreach (var difference in different.Except(_logged))
        {
            LogDifferent(difference);
        }
        _logged = different;
    }

    [LoggerMessage(
        LogLevel.Warning,
        "Living processes have different values of {Difference}. It should be the same in all configuration files")]
    private partial void LogDifferent(string difference);
}
