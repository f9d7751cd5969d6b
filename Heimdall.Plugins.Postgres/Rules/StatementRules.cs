namespace Heimdall.Plugins.Postgres.Rules;

/// <summary>
/// Which statements a command refuses. Words are judged: what a function or a DO block does is not seen.
/// </summary>
internal sealed record StatementRules
{
    public const string NoDrop = "no_drop";
    public const string NoTruncate = "no_truncate";
    public const string NoDeleteWithoutWhere = "no_delete_without_where";
    public const string NoUpdateWithoutWhere = "no_update_without_where";
    public const string NoDdl = "no_ddl";
    public const string NoDdlOutside = "no_ddl_outside";
    public const string NoCopyProgram = "no_copy_program";
    public const string NoServerFiles = "no_server_files";

    public static IReadOnlyList<string> AllRules { get; } =
    [
        NoDrop, NoTruncate, NoDeleteWithoutWhere, NoUpdateWithoutWhere, NoDdl, NoCopyProgram, NoServerFiles,
    ];

    public IReadOnlyList<string> Rules { get; init; } = [];

    /// <summary>The kinds that are allowed, in upper case: first words of statements. Null: all.</summary>
    public IReadOnlyList<string>? Only { get; init; }

    /// <summary>The kinds that are refused, in upper case.</summary>
    public IReadOnlyList<string> Except { get; init; } = [];

    /// <summary>Whether the role is fixed, so that what leaves it is refused.</summary>
    public bool FixesRole { get; init; }

    /// <summary>When DDL may run; null: at any time, unless <see cref="NoDdl"/> refuses it.</summary>
    public DdlWindows? DdlWindows { get; init; }

    public bool IsEmpty => Rules.Count == 0 && DdlWindows is null && Only is null && Except.Count == 0 && !FixesRole;

    public bool Has(string rule) => Rules.Contains(rule, StringComparer.Ordinal);

    /// <param name="kind">In upper case; empty for what is no word.</param>
    /// <returns>Why statements of this kind are refused; null where they are not.</returns>
    public string? FindProblem(string kind)
    {
        var name = kind.Length == 0 ? "A statement that begins with no word" : kind;
        return Except.Contains(kind, StringComparer.Ordinal)
            ? $"{name} is refused by the command, whose context.statements excepts it."
            : Only is not null && !Only.Contains(kind, StringComparer.Ordinal)
                ? $"{name} is refused by the command, which takes only {string.Join(", ", Only)} (context.statements)."
                : null;
    }
}
