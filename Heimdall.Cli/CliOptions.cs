using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Heimdall.Cli;

/// <summary>The kinds of options that there are, and those that several commands have.</summary>
internal static class CliOptions
{
    public static Option<string?> Text(string name, string value, string description) =>
        new(name) { HelpName = value, Description = description };

    /// <summary>One that may be repeated.</summary>
    public static Option<string[]> Texts(string name, string value, string description) =>
        new(name) { HelpName = value, Description = description, DefaultValueFactory = _ => [] };

    public static Option<string?> OneOf(string name, string value, string description, params string[] values) =>
        Text(name, value, description).AcceptOnlyFromAmong(values);

    public static Option<bool> Flag(string name, string description, params string[] aliases) =>
        new(name, aliases) { Description = description };

    public static Option<T?> Number<T>(string name, string description)
        where T : struct => new(name) { HelpName = "N", Description = description };

    /// <summary>A time without a zone is UTC, as everything of Heimdall.</summary>
    public static Option<DateTimeOffset?> Time(string name, string description) =>
        new(name) { HelpName = "TIME", Description = description, CustomParser = ToTime };

    public static Option<string[]> Cluster() =>
        Texts(
            "--cluster", "TAG",
            "A tag or the id of a cluster; may be repeated. Default: HEIMDALL_CLUSTER, the profile.");

    public static Option<string[]> Command() =>
        Texts("--command", "TAG", "A tag or the id of the command; may be repeated. Default: type:postgres.");

    public static Option<string?> Name(string standard) =>
        Text("--name", "NAME", $"What the job is called. Default: {standard}.");

    /// <summary>Secret variables of a script, or of the job that is run again.</summary>
    public static Option<string[]> Secrets(string description) => Texts("--secret", "NAME=SOURCE", description);

    /// <summary>The format of rows.</summary>
    public static Option<string?> RowFormat() => OneOf(
        "--format", "FORMAT", "One of table, csv, json, ndjson, arrow, parquet. Default: table on a terminal, else csv.",
        RowOutput.Formats);

    /// <summary>The format of a list.</summary>
    public static Option<string?> ListFormat() =>
        OneOf("--format", "FORMAT", "table (default), or json: an object a line.", "table", "json");

    private static DateTimeOffset? ToTime(ArgumentResult result)
    {
        var text = result.Tokens[0].Value;
        if (DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time))
        {
            return time;
        }
        result.AddError($"'{text}' is no time such as 2026-01-31T12:00:00Z.");
        return null;
    }
}
