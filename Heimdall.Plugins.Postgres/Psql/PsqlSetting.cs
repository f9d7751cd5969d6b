using System.Globalization;
using System.Text;

namespace Heimdall.Plugins.Postgres.Psql;

/// <summary>A variable of psql's own that takes only some values.</summary>
/// <param name="Name">The variable.</param>
/// <param name="Default">Its value at first.</param>
/// <param name="Kind">What it takes.</param>
/// <param name="Words">The words it takes, where it takes such.</param>
internal sealed record PsqlSetting(string Name, string Default, PsqlSettingKind Kind, params string[] Words)
{
    public const string OnErrorStop = "ON_ERROR_STOP";
    public const string Autocommit = "AUTOCOMMIT";
    public const string OnErrorRollback = "ON_ERROR_ROLLBACK";
    public const string SingleLine = "SINGLELINE";
    public const string SingleStep = "SINGLESTEP";

    public static IReadOnlyList<PsqlSetting> All { get; } =
    [
        new(Autocommit, "on", PsqlSettingKind.Boolean),
        new(OnErrorStop, "off", PsqlSettingKind.Boolean),
        new(OnErrorRollback, "off", PsqlSettingKind.BooleanOrWord, "interactive"),
        new(SingleLine, "off", PsqlSettingKind.Boolean),
        new(SingleStep, "off", PsqlSettingKind.Boolean),
        new("QUIET", "off", PsqlSettingKind.Boolean),
        new("HIDE_TABLEAM", "off", PsqlSettingKind.Boolean),
        new("HIDE_TOAST_COMPRESSION", "off", PsqlSettingKind.Boolean),
        new("SHOW_ALL_RESULTS", "on", PsqlSettingKind.Boolean),
        new("ECHO_HIDDEN", "off", PsqlSettingKind.BooleanOrWord, "noexec"),
        new("ECHO", "none", PsqlSettingKind.Word, "none", "errors", "queries", "all"),
        new("VERBOSITY", "default", PsqlSettingKind.Word, "default", "verbose", "terse", "sqlstate"),
        new("SHOW_CONTEXT", "errors", PsqlSettingKind.Word, "never", "errors", "always"),
        new("FETCH_COUNT", "0", PsqlSettingKind.Number),
        new("HISTSIZE", "500", PsqlSettingKind.Number),
    ];

    /// <summary>The setting of that name; null of any other variable.</summary>
    public static PsqlSetting? Find(string name) => All.FirstOrDefault(setting => setting.Name == name);

    /// <summary>
    /// The boolean that psql reads: a beginning of true, false, yes, no, on or off, in any case, or 1 or 0.
    /// </summary>
    /// <returns>Null of anything else.</returns>
    public static bool? ToBoolean(string value)
    {
        return value switch
        {
            "1" => true,
            "0" => false,
            _ when Begins("true") || Begins("yes") => true,
            _ when Begins("false") || Begins("no") => false,
            _ when value.Length > 1 && Begins("off") => false,
            _ when value.Length > 1 && Begins("on") => true,
            _ => null,
        };

        bool Begins(string word) => value.Length > 0 && word.StartsWith(value, StringComparison.OrdinalIgnoreCase);
    }

    /// <summary>What it is when a script gives nothing: on by \set, and by \unset off or its default.</summary>
    public byte[] Complete(byte[]? value) => value switch
    {
        null => Encoding.UTF8.GetBytes(Kind == PsqlSettingKind.Boolean ? "off" : Default),
        [] when Kind is PsqlSettingKind.Boolean or PsqlSettingKind.BooleanOrWord => "on"u8.ToArray(),
        _ => value,
    };

    /// <returns>Why it does not take a value, in psql's words; null when it does.</returns>
    public string? Refuse(string value)
    {
        var isWord = Words.Contains(value, StringComparer.OrdinalIgnoreCase);
        return Kind switch
        {
            PsqlSettingKind.Boolean when ToBoolean(value) is null =>
                $"unrecognized value \"{value}\" for \"{Name}\": Boolean expected",
            PsqlSettingKind.BooleanOrWord when ToBoolean(value) is null && !isWord =>
                $"unrecognized value \"{value}\" for \"{Name}\": on, off or {Words[0]} expected",
            PsqlSettingKind.Word when !isWord =>
                $"unrecognized value \"{value}\" for \"{Name}\": {string.Join(", ", Words)} are available",
            PsqlSettingKind.Number when !int.TryParse(value, CultureInfo.InvariantCulture, out _) =>
                $"invalid value \"{value}\" for \"{Name}\": integer expected",
            _ => null,
        };
    }
}

internal enum PsqlSettingKind
{
    Boolean,
    BooleanOrWord,
    Word,
    Number,
}
