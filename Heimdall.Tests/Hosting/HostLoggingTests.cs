using System.Text.Json.Nodes;
using Heimdall.Core.Configuration;
using Heimdall.Core.Hosting;
using Microsoft.Extensions.Logging;
using NUnit.Framework;

namespace Heimdall.Tests.Hosting;

/// <summary>Which lines of which category are written.</summary>
public sealed class HostLoggingTests
{
    [TestCase("Heimdall.Core.Running.JobRun", LogLevel.Information)]
    [TestCase("Microsoft.AspNetCore.Routing", LogLevel.Warning)]
    [TestCase("Microsoft.Hosting.Lifetime", LogLevel.Information)]
    [TestCase("Npgsql.Command", LogLevel.Warning)]
    public void By_default_the_chatter_of_libraries_is_left_out(string category, LogLevel lowest) =>
        Assert.That(LowestOf(category, []), Is.EqualTo(lowest));

    [TestCase("Heimdall.Core.Running.JobRun", LogLevel.Debug)]
    [TestCase("Heimdall.Api.Problems.ProblemMapper", LogLevel.Error)]
    [TestCase("Microsoft.AspNetCore.Routing", LogLevel.Information)]
    [TestCase("Npgsql.Command", LogLevel.Error)]
    [TestCase("Hangfire.Server", LogLevel.Warning)]
    public void The_longest_category_of_the_configuration_counts(string category, LogLevel lowest)
    {
        var levels = new JsonObject
        {
            ["default"] = "error",
            ["Heimdall.Core.Running"] = "debug",
            ["Microsoft"] = "Information",
            ["Npgsql"] = "error",
        };

        Assert.That(LowestOf(category, levels), Is.EqualTo(lowest));
    }

    private static LogLevel LowestOf(string category, JsonObject levels)
    {
        var config = new LoggingConfig { Levels = levels };
        using var factory = LoggerFactory.Create(logging => logging.AddHeimdallLogging(config));
        var logger = factory.CreateLogger(category);
        return Enum.GetValues<LogLevel>().First(logger.IsEnabled);
    }
}
