using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Plugins.Postgres.Rules;

namespace Heimdall.Plugins.Postgres.Contexts;

/// <summary>Reads <c>rules</c> and <c>statements</c> of a command's context.</summary>
internal static class RulesReader
{
    private const string Rules = "rules";
    private const string Statements = "statements";
    private const string Only = "only";
    private const string Except = "except";

    /// <summary>
    /// First words of statements. VALUES and TABLE are SELECT, and so is a WITH that changes nothing.
    /// </summary>
    private static readonly string[] _kinds =
    [
        "ALTER", "ANALYZE", "BEGIN", "CALL", "CHECKPOINT", "CLOSE", "CLUSTER", "COMMENT", "COMMIT", "COPY", "CREATE",
        "DEALLOCATE", "DECLARE", "DELETE", "DISCARD", "DO", "DROP", "EXECUTE", "EXPLAIN", "FETCH", "GRANT", "IMPORT",
        "INSERT", "LISTEN", "LOAD", "LOCK", "MERGE", "MOVE", "NOTIFY", "PREPARE", "REASSIGN", "REFRESH", "REINDEX",
        "RELEASE", "RESET", "REVOKE", "ROLLBACK", "SAVEPOINT", "SECURITY", "SELECT", "SET", "SHOW", "START", "TRUNCATE",
        "UNLISTEN", "UPDATE", "VACUUM",
    ];

    /// <returns>Null where there are none.</returns>
    public static StatementRules? Read(ContextReader reader, bool fixesRole)
    {
        var (named, windows, unread) = Split(reader.Any(Rules), reader);
        var rules = Texts(named, Rules, [.. StatementRules.AllRules, StatementRules.NoDdlOutside], reader);
        if (rules?.Contains(StatementRules.NoDdlOutside, StringComparer.OrdinalIgnoreCase) == true)
        {
            reader.Report(Rules, $"has {StatementRules.NoDdlOutside} without a window: {WindowReader.Example}.");
            unread.Add("one is not written");
        }

        IReadOnlyList<string>? only = null, except = null;
        switch (reader.Any(Statements))
        {
            case null:
                break;
            case JsonObject lists:
                only = Kinds(lists, Only, reader);
                except = Kinds(lists, Except, reader);
                foreach (var (name, _) in lists.Where(list => list.Key is not (Only or Except)))
                {
                    reader.Report($"{Statements}.{name}", $"is not known here; known are {Except}, {Only}.");
                }

                break;
            default:
                reader.Report(Statements, "must be an object such as {\"only\": [\"select\"]}.");
                break;
        }

        var read = new StatementRules
        {
            Rules = rules ?? [], Only = only, Except = except ?? [], FixesRole = fixesRole,
            DdlWindows = windows.Count + unread.Count == 0
                ? null
                : new DdlWindows(windows, TimeProvider.System) { Unread = unread },
        };
        return read.IsEmpty ? null : read;
    }

    /// <summary>
    /// A rule that is an object has something to say beside its name. A window that cannot be read never opens: a
    /// command comes from the store, and another process may have known more.
    /// </summary>
    private static (JsonNode? Named, List<DdlWindow> Windows, List<string> Unread) Split(
        JsonNode? rules, ContextReader reader)
    {
        var (windows, unread) = (new List<DdlWindow>(), new List<string>());
        if (rules is not JsonArray list)
        {
            return (rules, windows, unread);
        }

        var named = new JsonArray();
        foreach (var (index, rule) in list.Index())
        {
            if (rule is JsonObject { Count: 1 } one && one[StatementRules.NoDdlOutside] is { } window)
            {
                if (WindowReader.Read(window, $"{Rules}[{index}].{StatementRules.NoDdlOutside}", reader) is { } read)
                {
                    windows.Add(read);
                }
                else
                {
                    unread.Add(WindowReader.TellUnread(window));
                }
            }
            else
            {
                named.Add(rule?.DeepClone());
                if (rule is JsonObject other && other.ContainsKey(StatementRules.NoDdlOutside))
                {
                    unread.Add(WindowReader.TellUnread(other));
                }
            }
        }

        return (named, windows, unread);
    }

    private static string[]? Kinds(JsonObject lists, string name, ContextReader reader) =>
        Texts(lists[name], $"{Statements}.{name}", _kinds, reader)?.Select(kind => kind.ToUpperInvariant()).ToArray();

    private static string[]? Texts(
        JsonNode? node, string field, IReadOnlyCollection<string> known, ContextReader reader)
    {
        if (node is null)
        {
            return null;
        }

        var texts = (node as JsonArray)?
            .Select(item => item?.GetValueKind() == JsonValueKind.String ? item.GetValue<string>() : "").ToArray();
        var wrong = texts?.FirstOrDefault(text => !known.Contains(text, StringComparer.OrdinalIgnoreCase));
        if (texts is null || wrong is not null)
        {
            var quoted = string.IsNullOrEmpty(wrong) ? "" : $"; '{wrong}' is none";
            reader.Report(field, $"must be a list of {string.Join(", ", known)}{quoted}.");
        }

        return texts;
    }
}
