using Microsoft.Extensions.Logging;

namespace Heimdall.Tests.Support;

/// <summary>The log of a host in the tests' process, as a process would write it to its console.</summary>
internal sealed class LogFile(string path) : ILoggerProvider
{
    private readonly Lock _lock = new();

    public ILogger CreateLogger(string categoryName) => new Logger(this, categoryName);

    public void Dispose()
    {
        // A file that is not open needs no closing.
    }

    private void Write(string line)
    {
        lock (_lock)
        {
            try
            {
                File.AppendAllText(path, line);
            }
            catch (DirectoryNotFoundException)
            {
                // Its test is over.
            }
        }
    }

    private sealed class Logger(LogFile file, string category) : ILogger
    {
        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => logLevel != LogLevel.None;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            var trouble = exception is null ? "" : $" {exception}";
            file.Write($"{DateTime.UtcNow:yyyy-MM-ddTHH:mm:ss.fffZ} {ShortName(logLevel)}: {category}[{eventId.Id}] {formatter(state, exception)}{trouble}\n");
        }

        // As the console writes them.
        private static string ShortName(LogLevel level) => level switch
        {
            LogLevel.Information => "info",
            LogLevel.Warning => "warn",
            LogLevel.Error => "fail",
            LogLevel.Critical => "crit",
            _ => "dbug",
        };
    }
}
