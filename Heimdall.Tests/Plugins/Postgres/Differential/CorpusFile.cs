using System.Globalization;
using System.Text;
using System.Text.Json;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>
/// A script of the corpus. The comment lines at its head say what is known about it:
/// <code>
/// -- modes: single stop continue       the modes it runs in; always the first line
/// -- errors: 22012@7 42P01@9           all errors with Heimdall's lines; where one ends the script, only the first counts
/// -- errors single: 25001@7            the same for one mode, as all of these can be
/// -- refused single: 5                 the line that begins with what Heimdall refuses, and so runs nothing
/// -- differs single: why               a known fault: the test fails when it is mended, so that this line goes
/// -- variable n: "o\"h"             what :n stands for, as a JSON string
/// -- file a/b.sql: "select 1;\n"       a file beside it, as a JSON string
/// -- stops: yes                        whether its first error is the end, where it sets that itself
/// -- alone                             uses roles or databases, which the server's databases share
/// </code>
/// </summary>
internal sealed class CorpusFile
{
    private const string Variable = "variable ";
    private const string FileBeside = "file ";

    private readonly string _name;
    private readonly byte[] _content;
    private readonly Dictionary<string, string> _head = [];

    private CorpusFile(string name, byte[] content)
    {
        _name = name;
        _content = content;
        foreach (var line in Encoding.Latin1.GetString(content.AsSpan().StartsWith(Encoding.UTF8.Preamble) ? content[3..] : content).Split('\n'))
        {
            if (!line.StartsWith("-- ", StringComparison.Ordinal))
            {
                break;
            }

            var colon = line.IndexOf(':', StringComparison.Ordinal);
            _head[line[3..(colon < 0 ? line.Length : colon)].TrimEnd()] = colon < 0 ? "" : line[(colon + 1)..].Trim();
        }
    }

    public IReadOnlyList<ScriptMode> Modes => [.. Words(_head["modes"]).Select(word => Enum.Parse<ScriptMode>(word, ignoreCase: true))];

    private Dictionary<string, string> Texts(string kind) => _head.Keys.Where(
        key => key.StartsWith(kind, StringComparison.Ordinal))
        .ToDictionary(key => Utf8(key[kind.Length..]), key => JsonSerializer.Deserialize<string>(Utf8(_head[key]))!);

    public static IReadOnlyList<CorpusFile> ReadAll()
    {
        var folder = Path.Combine(AppContext.BaseDirectory, "Plugins/Postgres/Differential/Corpus");
        return [.. Directory.GetFiles(folder, "*.sql").Order(StringComparer.Ordinal).Select(file => new CorpusFile(Path.GetFileName(file), File.ReadAllBytes(file)))];
    }

    /// <summary>Why this file is known to differ in a mode, or null.</summary>
    public string? KnownFault(ScriptMode mode) => Of("differs", mode);

    public DifferentialScript For(ScriptMode mode)
    {
        var errors = Of("errors", mode) is { } text ? Words(text).Select(ToError).ToArray() : null;
        return new DifferentialScript
        {
            Name = _name,
            Mode = mode,
            Content = _content,
            RefusedAt = Of("refused", mode) is { } line ? StartOfLine(int.Parse(line, CultureInfo.InvariantCulture)) : null,
            Variables = Texts(Variable),
            Files = Texts(FileBeside),
            StopsItself = Of("stops", mode) is { } stops ? stops == "yes" : null,
            IsAlone = _head.ContainsKey("alone"),
            Errors = mode == ScriptMode.Continue || Of("stops", mode) is not null ? errors : errors?.Take(1).ToArray(),
        };
    }

    private string? Of(string key, ScriptMode mode) =>
        _head.TryGetValue($"{key} {mode.ToString().ToLowerInvariant()}", out var own) ? own : _head.GetValueOrDefault(key);

    private int StartOfLine(int line)
    {
        var at = 0;
        for (; line > 1; line--)
        {
            at = Array.IndexOf(_content, (byte)'\n', at) + 1;
        }

        return at;
    }

    private static ScriptError ToError(string text) => text.Split('@') is [var state, var line]
        ? new ScriptError(state, long.Parse(line, CultureInfo.InvariantCulture))
        : new ScriptError(text, Line: null);

    // The head is read byte for byte: not every script is UTF-8.
    private static string Utf8(string bytes) => Encoding.UTF8.GetString(Encoding.Latin1.GetBytes(bytes));

    private static string[] Words(string text) => text.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
