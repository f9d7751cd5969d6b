using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Heimdall.Core.Hosting;

public static class HostLogging
{
    /// <summary>One line an event on the console, times in UTC. The framework's own chatter is left out.</summary>
    public static void AddHeimdallLogging(this ILoggingBuilder logging)
    {
        logging.ClearProviders();
        logging.AddSimpleConsole(console =>
        {
            console.SingleLine = true;
            console.UseUtcTimestamp = true;
            console.TimestampFormat = "yyyy-MM-ddTHH:mm:ss.fffZ ";
            console.ColorBehavior = LoggerColorBehavior.Disabled;
        });
        logging.SetMinimumLevel(LogLevel.Information);
        logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Information);
        logging.AddFilter("Npgsql", LogLevel.Warning); // at lower levels it writes SQL
        logging.AddFilter("Hangfire", LogLevel.Warning);
    }
}
