namespace Heimdall.Cli;

/// <summary>
/// Where a secret is read: a variable of the environment, or a file. Its value is no argument, for all users of a
/// machine see the arguments of its programs.
/// </summary>
internal static class SecretSource
{
    private const string Variable = "env:";
    private const string File = "file:";

    /// <summary>Of options with <c>NAME=SOURCE</c>.</summary>
    public static async Task<Dictionary<string, string>?> ReadAllAsync(Terminal terminal, string[] given)
    {
        var secrets = new Dictionary<string, string>();
        foreach (var pair in given)
        {
            if (pair.Split('=', 2) is not [{ Length: > 0 } name, var source])
            {
                throw new UsageException("--secret: write name=env:VARIABLE or name=file:PATH.");
            }
            secrets[name] = await ReadAsync(terminal, $"--secret {name}", source);
        }
        return secrets.Count > 0 ? secrets : null;
    }

    /// <param name="terminal">Has the variables.</param>
    /// <param name="option">For what it is.</param>
    /// <param name="source"><c>env:VARIABLE</c> or <c>file:PATH</c>.</param>
    public static async Task<string> ReadAsync(Terminal terminal, string option, string source)
    {
        if (source.StartsWith(Variable, StringComparison.Ordinal))
        {
            var name = source[Variable.Length..];
            return terminal.Variable(name) ?? throw new UsageException($"{option}: the variable {name} is not set.");
        }
        // What else is written there may be the secret itself: it is not shown.
        return source.StartsWith(File, StringComparison.Ordinal)
            ? (await terminal.ReadTextAsync(source[File.Length..])).TrimEnd('\r', '\n')
            : throw new UsageException(
                $"{option}: write env:VARIABLE or file:PATH; the secret itself would be seen by others.");
    }
}
