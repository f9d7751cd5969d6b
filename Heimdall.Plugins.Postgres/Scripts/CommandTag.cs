namespace Heimdall.Plugins.Postgres.Scripts;

/// <summary>
/// Names a command from its leading words as PostgreSQL's command tags do (src/include/tcop/cmdtaglist.h), and says what kind it is.
/// The words are in upper case; "" is a word that is no keyword.
/// </summary>
internal static class CommandTag
{
    // PostgreSQL's own tag for what it does not know.
    private const string Unknown = "???";

    /// <summary>How many leading words tell everything about a command that begins with this one.</summary>
    public static int WordsNeeded(string first) => first switch
    {
        // CREATE OR REPLACE LOCAL TEMPORARY RECURSIVE VIEW; ALTER TABLE IF EXISTS ONLY a.b DETACH PARTITION a.c CONCURRENTLY.
        "CREATE" or "ALTER" or "DROP" => 12,
        "COPY" => 8,

        // The privileges stand before the ON that tells them from roles.
        "GRANT" or "REVOKE" => 64,
        "ROLLBACK" or "COMMIT" or "END" or "ABORT" => 6,
        "SET" or "PREPARE" or "DISCARD" or "DEALLOCATE" or "CLOSE" or "REINDEX" or "RESET" => 4,
        _ => 1,
    };

    public static string Of(ReadOnlySpan<string> words) => words switch
    {
        [] or ["", ..] => Unknown,
        ["CREATE" or "ALTER" or "DROP", .. var rest] => $"{words[0]} {ObjectOf(rest)}".TrimEnd(),
        ["VALUES" or "TABLE" or "WITH", ..] => words[0] is "WITH" ? "WITH" : "SELECT",
        ["END", ..] => "COMMIT",
        ["ABORT", ..] => "ROLLBACK",
        ["START", ..] => "START TRANSACTION",
        ["COMMIT" or "ROLLBACK", "PREPARED", ..] or ["PREPARE", "TRANSACTION", ..] => $"{words[0]} {words[1]}",
        ["ANALYSE", ..] => "ANALYZE",
        ["TRUNCATE", ..] => "TRUNCATE TABLE",
        ["LOCK", ..] => "LOCK TABLE",
        ["REFRESH", ..] => "REFRESH MATERIALIZED VIEW",
        ["DECLARE", ..] => "DECLARE CURSOR",
        ["CLOSE", "ALL", ..] => "CLOSE CURSOR ALL",
        ["CLOSE", ..] => "CLOSE CURSOR",
        ["DEALLOCATE", "ALL", ..] or ["DEALLOCATE", "PREPARE", "ALL", ..] => "DEALLOCATE ALL",
        ["DISCARD", "TEMPORARY", ..] => "DISCARD TEMP",
        ["DISCARD", var what and not "", ..] => $"DISCARD {what}",
        ["SET", "CONSTRAINTS", ..] => "SET CONSTRAINTS",
        ["SECURITY", ..] => "SECURITY LABEL",
        ["IMPORT", ..] => "IMPORT FOREIGN SCHEMA",
        ["REASSIGN", ..] => "REASSIGN OWNED",
        ["GRANT" or "REVOKE", ..] => words.Contains("ON") ? words[0] : $"{words[0]} ROLE",
        _ => words[0],
    };

    public static ScriptStatementKind KindOf(ReadOnlySpan<string> words, bool concurrentOption) => words switch
    {
        ["COPY", ..] => KindOfCopy(words),
        ["BEGIN" or "START" or "COMMIT" or "END" or "ABORT", ..] or ["PREPARE", "TRANSACTION", ..] => ScriptStatementKind.TransactionControl,
        ["ROLLBACK", "TO", ..] or ["ROLLBACK", "WORK" or "TRANSACTION", "TO", ..] => ScriptStatementKind.Sql,
        ["ROLLBACK", ..] => ScriptStatementKind.TransactionControl,
        _ => concurrentOption || RunsOutsideTransaction(words) ? ScriptStatementKind.OutsideTransaction : ScriptStatementKind.Sql,
    };

    public static BlockStep StepOf(ReadOnlySpan<string> words) => words switch
    {
        ["BEGIN" or "START", ..] => BlockStep.Begin,
        ["ROLLBACK", "TO", ..] or ["ROLLBACK", "WORK" or "TRANSACTION", "TO", ..] => BlockStep.Restore,
        ["COMMIT" or "ROLLBACK", "PREPARED", ..] => BlockStep.None,
        ["COMMIT" or "END" or "ABORT" or "ROLLBACK", .. var rest] => rest.Contains("CHAIN") && !rest.Contains("NO") ? BlockStep.EndAndBegin : BlockStep.End,
        ["PREPARE", "TRANSACTION", ..] => BlockStep.End,
        _ => BlockStep.None,
    };

    /// <summary>
    /// Told of the commands that read and write rows and of definitions. The others are left out because a block changes what they do
    /// (LOCK, DECLARE, SAVEPOINT, SET LOCAL need one; VACUUM refuses one; CALL and DO may commit; so do functions of extensions that are
    /// called by SELECT) or gain nothing from one.
    /// </summary>
    public static bool RunsInBlock(ReadOnlySpan<string> words) => words switch
    {
        ["INSERT" or "UPDATE" or "DELETE" or "MERGE" or "VALUES" or "TABLE" or "WITH" or "TRUNCATE" or "COMMENT" or "GRANT" or "REVOKE", ..] => true,
        ["CREATE" or "ALTER" or "DROP", .. var rest] => ObjectOf(rest) is not ("SUBSCRIPTION" or "DATABASE" or "TABLESPACE" or "SYSTEM" or "MATERIALIZED VIEW"),
        _ => false,
    };

    /// <summary>
    /// Whether it leaves nothing in its session that DISCARD ALL would not take away, as far as the command alone says. SET
    /// may: a parameter of its own stays known. So may DO, CALL, LOAD and what is rare.
    /// </summary>
    public static bool LeavesNothing(ReadOnlySpan<string> words) => words switch
    {
        ["SELECT" or "VALUES" or "TABLE" or "WITH" or "INSERT" or "UPDATE" or "DELETE" or "MERGE" or "COPY", ..] => true,
        ["TRUNCATE" or "LOCK" or "ANALYZE" or "ANALYSE" or "SAVEPOINT" or "RELEASE", ..] => true,
        ["CREATE" or "ALTER" or "DROP", .. var rest] => ObjectOf(rest) is "TABLE" or "INDEX" or "VIEW" or "SEQUENCE",
        _ => false,
    };

    /// <summary>The settings that say how strings and characters are written can be changed by these without being named.</summary>
    public static bool MayChangeSettings(ReadOnlySpan<string> words) => words is ["SET" or "RESET" or "DISCARD", ..];

    /// <summary>A name in quotes may be any setting's.</summary>
    public static bool MayRename(ReadOnlySpan<string> words) => words switch
    {
        ["SET", "SESSION" or "LOCAL", .. var rest] => rest is ["APPLICATION_NAME" or "", ..],
        ["SET", .. var rest] => rest is ["APPLICATION_NAME" or "", ..],
        ["RESET", .. var rest] => rest is ["APPLICATION_NAME" or "" or "ALL", ..],
        _ => false,
    };

    // The query of COPY (…) TO is in parentheses, and so not among the words.
    public static bool CopiesOut(ReadOnlySpan<string> words) => words is ["COPY", ..] && words.IndexOfAny("FROM", "TO") is >= 0 and var at && words[at] == "TO";

    private static string ObjectOf(ReadOnlySpan<string> words) => words switch
    {
        ["OR", "REPLACE", .. var rest] => ObjectOf(rest),
        ["DEFAULT", "PRIVILEGES", ..] => "DEFAULT PRIVILEGES",
        ["GLOBAL" or "LOCAL" or "TEMP" or "TEMPORARY" or "UNLOGGED" or "UNIQUE" or "RECURSIVE" or "TRUSTED" or "PROCEDURAL" or "CONSTRAINT" or "DEFAULT", .. var rest] => ObjectOf(rest),
        ["FOREIGN", "DATA", ..] => "FOREIGN DATA WRAPPER",
        ["TEXT", "SEARCH", var what, ..] => $"TEXT SEARCH {what}",
        ["MATERIALIZED", "VIEW", ..] or ["FOREIGN", "TABLE", ..] or ["EVENT", "TRIGGER", ..] or ["ACCESS", "METHOD", ..]
            or ["OPERATOR", "CLASS" or "FAMILY", ..] or ["LARGE", "OBJECT", ..] or ["USER", "MAPPING", ..] => $"{words[0]} {words[1]}",
        ["USER" or "GROUP", ..] => "ROLE",
        [var word, ..] => word,
        [] => "",
    };

    // The name between COPY and the direction may be a keyword only in quotes or behind a dot, where it does not count as one.
    private static ScriptStatementKind KindOfCopy(ReadOnlySpan<string> words)
    {
        var direction = words.IndexOfAny("FROM", "TO");

        // Not found in reach: it may be either way, and whoever reads is ready for data. The server takes STDIN and STDOUT for the same word.
        return direction < 0 ? ScriptStatementKind.CopyFromStdin : words[direction..] switch
        {
            ["FROM", "STDIN" or "STDOUT", ..] => ScriptStatementKind.CopyFromStdin,
            ["TO", "STDIN" or "STDOUT", ..] => ScriptStatementKind.CopyToStdout,
            _ => ScriptStatementKind.Sql,
        };
    }

    // The callers of PreventInTransactionBlock that the statement's words give away. CLUSTER without a table and subscriptions
    // depend on options and state: the server decides those.
    private static bool RunsOutsideTransaction(ReadOnlySpan<string> words) => words switch
    {
        ["VACUUM", ..] or ["ALTER", "SYSTEM", ..] or ["DISCARD", "ALL", ..] => true,
        ["CREATE" or "DROP", "DATABASE" or "TABLESPACE", ..] or ["ALTER", "DATABASE", _, "SET", "TABLESPACE", ..] => true,
        ["CREATE", "INDEX", "CONCURRENTLY", ..] or ["CREATE", "UNIQUE", "INDEX", "CONCURRENTLY", ..] or ["DROP", "INDEX", "CONCURRENTLY", ..] => true,
        ["REINDEX", "SCHEMA" or "DATABASE" or "SYSTEM", ..] or ["REINDEX", _, "CONCURRENTLY", ..] => true,
        ["ALTER", "TABLE", .. var rest] => rest.IndexOf("DETACH") is >= 0 and var detach && rest[detach..] is [_, "PARTITION", _, .. var tail] && tail.Contains("CONCURRENTLY"),
        _ => false,
    };
}
