using System.Text.RegularExpressions;

namespace Heimdall.Plugins.Postgres.Psql;

/// <summary>What becomes of each of psql's commands in a script.</summary>
internal static partial class PsqlCommands
{
    private static readonly Dictionary<string, PsqlCommandKind> _done = new(StringComparer.Ordinal)
    {
        [@"\set"] = PsqlCommandKind.Set,
        [@"\unset"] = PsqlCommandKind.Unset,
        [@"\echo"] = PsqlCommandKind.Echo,
        [@"\qecho"] = PsqlCommandKind.Echo,
        [@"\warn"] = PsqlCommandKind.Warn,
        [@"\if"] = PsqlCommandKind.If,
        [@"\elif"] = PsqlCommandKind.Elif,
        [@"\else"] = PsqlCommandKind.Else,
        [@"\endif"] = PsqlCommandKind.Endif,
        [@"\g"] = PsqlCommandKind.Go,
        [@"\gx"] = PsqlCommandKind.Go,
        [@"\crosstabview"] = PsqlCommandKind.Crosstab,
        [@"\gset"] = PsqlCommandKind.GoToVariables,
        [@"\gexec"] = PsqlCommandKind.GoToStatements,
        [@"\gdesc"] = PsqlCommandKind.Describe,
        [@"\bind"] = PsqlCommandKind.Bind,
        [@"\i"] = PsqlCommandKind.Include,
        [@"\include"] = PsqlCommandKind.Include,
        [@"\ir"] = PsqlCommandKind.IncludeRelative,
        [@"\include_relative"] = PsqlCommandKind.IncludeRelative,
        [@"\copy"] = PsqlCommandKind.Copy,
        [@"\q"] = PsqlCommandKind.Quit,
        [@"\quit"] = PsqlCommandKind.Quit,
        [@"\r"] = PsqlCommandKind.Reset,
        [@"\reset"] = PsqlCommandKind.Reset,
        [@"\encoding"] = PsqlCommandKind.Encoding,
        [@"\c"] = PsqlCommandKind.Connect,
        [@"\connect"] = PsqlCommandKind.Connect,
        [@"\restrict"] = PsqlCommandKind.Restrict,
        [@"\unrestrict"] = PsqlCommandKind.Unrestrict,
    };

    // They change or show what psql shows, and nothing else.
    private static readonly HashSet<string> _display = new(StringComparer.Ordinal)
    {
        @"\timing", @"\pset", @"\x", @"\a", @"\t", @"\f", @"\C", @"\H", @"\html", @"\T", @"\conninfo",
        @"\p", @"\print", @"\errverbose", @"\copyright", @"\h", @"\help", @"\?",
    };

    // What they would do, and what to do instead.
    private static readonly Dictionary<string, string> _refused = new(StringComparer.Ordinal)
    {
        [@"\!"] = "no script runs a shell; run the program beside the job",
        [@"\o"] = "rows are not written to files; run the query as a job with return_result: true",
        [@"\out"] = "rows are not written to files; run the query as a job with return_result: true",
        [@"\w"] = "no file is written; remove it",
        [@"\write"] = "no file is written; remove it",
        [@"\s"] = "a job has no history of commands; remove it",
        [@"\e"] = "a job has no editor; put the text into the script",
        [@"\edit"] = "a job has no editor; put the text into the script",
        [@"\ef"] = "a job has no editor; put the text into the script",
        [@"\ev"] = "a job has no editor; put the text into the script",
        [@"\prompt"] = "nobody can be asked; give the value with the job, in context.variables",
        [@"\password"] = "nobody can be asked; use ALTER ROLE with an encrypted password",
        [@"\getenv"] = "the environment is the server process's own; give the value in context.variables",
        [@"\setenv"] = "the environment is the server process's own; remove it",
        [@"\cd"] = "paths count from sql_directory; write them so",
        [@"\watch"] = "a job runs once; use a schedule",
        [@"\lo_import"] = "files are not read into large objects; use lo_from_bytea",
        [@"\lo_export"] = "no file is written; use lo_get in a query",
        [@"\lo_unlink"] = "use select lo_unlink(…)",
    };

    public static PsqlCommandKind KindOf(string name) => name switch
    {
        _ when _done.TryGetValue(name, out var kind) => kind,
        _ when _refused.ContainsKey(name) => PsqlCommandKind.Refused,
        _ when _display.Contains(name) || Looks().IsMatch(name) => PsqlCommandKind.Display,
        _ => PsqlCommandKind.Unknown,
    };

    /// <summary>Why a command is not done, and what to do instead; null of one that is.</summary>
    public static string? Refuse(PsqlCommand command) => command switch
    {
        { AsksShell: true } =>
            $"{command.Name} has backticks in an argument, for which psql would run a shell: write the value, or give "
            + "it in context.variables.",
        { Kind: PsqlCommandKind.Refused } => $"{command.Name} is not done here: {_refused[command.Name]}.",
        { Kind: PsqlCommandKind.Describe } =>
            $"{command.Name} asks the server what columns a statement would have, and does not run it: remove both, or "
            + "end the statement with ;.",
        { Kind: PsqlCommandKind.Unknown, Name: @"\" } => "A backslash outside quotes is no SQL: remove it.",
        { Kind: PsqlCommandKind.Unknown } => $"{command.Name} is no command of psql that is known here: remove it.",
        { Kind: PsqlCommandKind.Go, Arguments: [{ IsQuoted: false, Value: [(byte)'(', ..] }, ..] } =>
            RefuseOptions(command),
        { Kind: PsqlCommandKind.Go, Arguments.Count: > 0 } => NoFile(command),
        { Kind: PsqlCommandKind.Include or PsqlCommandKind.IncludeRelative }
            when command.Text(0)?.StartsWith('|') == true =>
            $"{command.Name} would run a program: put its output into a file below sql_directory.",
        _ => null,
    };

    /// <summary>Of those whose only argument is the rest of the line, as it stands.</summary>
    public static bool TakesWholeLine(string name) => name
        is @"\copy" or @"\!" or @"\h" or @"\help" or @"\ef" or @"\ev" or @"\sf" or @"\sf+" or @"\sv" or @"\sv+";

    /// <summary>Of those whose argument is the rest of the line where it begins with a pipe.</summary>
    public static bool TakesFile(string name) => name is @"\o" or @"\out" or @"\w" or @"\write"
        || KindOf(name) is PsqlCommandKind.Go or PsqlCommandKind.Include or PsqlCommandKind.IncludeRelative;

    public static bool DropsSemicolon(PsqlCommandKind kind) => kind
        is PsqlCommandKind.Include or PsqlCommandKind.IncludeRelative or PsqlCommandKind.Connect
            or PsqlCommandKind.Display;

    // The options in parentheses are psql's display's.
    private static string? RefuseOptions(PsqlCommand command)
    {
        var end = command.Arguments.ToList().FindIndex(argument => argument.Value is [.., (byte)')']);
        return end < 0
            ? $"{command.Name} has options without a closing parenthesis."
            : command.Text(end + 1) is null ? null : NoFile(command);
    }

    [GeneratedRegex(
        @"^\\(d(|a|A[cfop]?|b|c|C|d|dp|D|e[stuw]|f[anptw]*|F[dpt]?|g|[itvmsE]+|l|L|n|o|O|p|P[itn]*|rds|rg"
        + @"|R[ps]|T|u|x|X|y|config)|l|list|z|sf|sv|lo_list)[S+x]*$")]
    private static partial Regex Looks();

    private static string NoFile(PsqlCommand command) =>
        $"{command.Name} would write the rows to a file or a program: run the query as a job with return_result: true.";
}
