using Heimdall.Core.Configuration;
using Heimdall.Core.Configuration.Validation;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Console;

namespace Heimdall.Core.Hosting;

public static class HostLogging
{
    private const string TimeFormat = "yyyy-MM-ddTHH:mm:ss.fffZ";

    /// <summary>
    /// One line an event on the console, times in UTC, as text or as JSON. The framework's own chatter is left out.
    /// </summary>
    public static void AddHeimdallLogging(this ILoggingBuilder logging, LoggingConfig config)
    {
        logging.ClearProviders();
        if (config.Format == LoggingConfig.Json)
        {
            // The scopes say which trace and which job a line is of.
            logging.Configure(options =>
                options.ActivityTrackingOptions = ActivityTrackingOptions.TraceId | ActivityTrackingOptions.SpanId);
            logging.AddJsonConsole(console =>
            {
                console.UseUtcTimestamp = true;
                console.TimestampFormat = TimeFormat;
                console.IncludeScopes = true;
            });
        }
        else
        {
            logging.AddSimpleConsole(console =>
            {
                console.SingleLine = true;
                console.UseUtcTimestamp = true;
                console.TimestampFormat = $"{TimeFormat} ";
                console.ColorBehavior = LoggerColorBehavior.Disabled;
            });
        }
        logging.SetMinimumLevel(LogLevel.Information);
        logging.AddFilter("Microsoft", LogLevel.Warning);
        logging.AddFilter("Microsoft.Hosting.Lifetime", LogLevel.Information);
        logging.AddFilter("Npgsql", LogLevel.Warning); // at lower levels it writes SQL
        logging.AddFilter("Hangfire", LogLevel.Warning);
        foreach (var (category, value) in config.Levels)
        {
            var level = LoggingConfigValidator.Read(value)!.Value;
            if (category == LoggingConfig.AllOthers)
            {
                logging.SetMinimumLevel(level);
            }
            else
            {
                logging.AddFilter(category, level); // of two for one category the later counts
            }
        }
    }
}
