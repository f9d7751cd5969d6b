using System.Text;
using System.Text.RegularExpressions;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>
/// The scanner with variables that nobody would define. It may refuse them, in one way only; it must come to an end, say the same in
/// whatever pieces it reads, and find the statements that it finds where the values have been written into the script.
/// </summary>
[CancelAfter(3_600_000)]
public sealed partial class VariableFuzzTests
{
    private static readonly string[] Tokens =
    [
        ":a", ":b", ":c", ":d", ":é", ":a", ":b", ":'a'", ":'b'", ":'c'", ":\"a\"", ":\"c\"", ":{?a}", ":{?z}", ":z", ":'z'", ":\"z", ":", "::", ":=", ":'", ":{", "a", "e", "E", "n", "'", "'", "\"", "$", "$$", "$a$", "\\", "\\.", "\n\\.\n",
        "--", "-", "/*", "*/", "/", "(", ")", ";", ";", "\n", "\r\n", " ", "é", "😀", ".", "1", "select ", "copy t from stdin;\n", "copy t from stdin", "create function f() ", "begin atomic ", "end;", "set standard_conforming_strings = off;",
    ];

    // Nothing that could be quoted, no comment, and no name of a routine: here a semicolon ends a statement wherever it stands.
    private static readonly string[] PlainTokens =
        ["select", "a", "1", "1.5", ",", "+", " ", " ", "\n", "\t", "\r\n", "é", "😀", "::text", "x := 1", "[1 : 2]", ";", ";", "::", ":=", ":unknown ", ": ", ":{?a}", ":{?z}"];

    // None that cannot be cut anywhere.
    private static readonly string[] LongTokens = ["select", "a", "1.5", ",", " ", "\n", "\r\n", "é", ";"];

    private static readonly string[] Names = ["a", "b", "c", "d", "é", "_1", "2"];

    private static readonly int Seed = TestSetting.Number("HEIMDALL_SEED") ?? Random.Shared.Next(1_000_000_000);
    private static readonly int Rounds = TestSetting.IsLong ? 100_000 : 2_000;

    [Test]
    public async Task Tokens_in_any_order(CancellationToken cancellationToken)
    {
        await TestContext.Out.WriteLineAsync($"HEIMDALL_SEED={Seed}");
        var refused = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var seed = Seed + round;
            var random = new Random(seed);
            var values = new[] { "a", "b", "c", "d", "é" }.ToDictionary(name => name, _ => string.Concat(random.GetItems(Tokens, random.Next(6))));
            var script = Encoding.UTF8.GetBytes(string.Concat(random.GetItems(Tokens, random.Next(1, 30))));
            var standard = random.Next(3) > 0;

            var whole = await ScannedPieces.ReadAsync(script, int.MaxValue, standard, cancellationToken, values);
            var parts = await ScannedPieces.ReadAsync(script, random.Next(1, 20), standard, cancellationToken, values);

            refused += whole.Refusal is null ? 0 : 1;
            Assert.That(parts.ToString(), Is.EqualTo(whole.ToString()), () => Describe(seed, script, values));
        }

        await TestContext.Out.WriteLineAsync($"{refused} of {Rounds} refused");
        Assert.That(refused, Is.InRange(1, Rounds - 1));
    }

    /// <summary>The buffer holds 64 KB at first: values below the half of that, and values that it has to grow for.</summary>
    /// <param name="longest">Characters that a value has at most.</param>
    /// <param name="fewer">By how much rounds are fewer, as they take longer.</param>
    /// <param name="cancellationToken">Cancelled when the time is up.</param>
    [TestCase(100, 1)]
    [TestCase(30_000, 40)]
    [TestCase(300_000, 200)]
    public async Task Values_are_read_as_if_the_script_held_them(int longest, int fewer, CancellationToken cancellationToken)
    {
        await TestContext.Out.WriteLineAsync($"HEIMDALL_SEED={Seed}");
        for (var round = 0; round < Math.Max(1, Rounds / fewer); round++)
        {
            var seed = Seed + round;
            var random = new Random(seed);
            var values = MakeValues(random, longest);
            var script = Make(random, Names, random.Next(1, 40));
            var expected = Statements(Substitute(script, values).Split(';'));
            var bytes = Encoding.UTF8.GetBytes(script);
            var readSize = random.Next(2) == 0 ? int.MaxValue : random.Next(1, 20);

            // A scanner that goes round in circles is given up here, and ends the test with the first.
            var scanned = await ScannedPieces.ReadAsync(bytes, readSize, standardConformingStrings: true, cancellationToken, values);

            Assert.That(scanned.Refusal, Is.Null, () => Describe(seed, bytes, values));
            Assert.That(Statements(scanned.Pieces.Select(piece => Encoding.UTF8.GetString(piece.Bytes))), Is.EqualTo(expected), () => Describe(seed, bytes, values));
        }
    }

    /// <summary>Values from the last name to the first, each of which may use those after it; one of them may be long.</summary>
    private static Dictionary<string, string> MakeValues(Random random, int longest)
    {
        var values = new Dictionary<string, string>();
        for (var at = Names.Length - 1; at >= 0; at--)
        {
            values[Names[at]] = Make(random, Names[(at + 1)..], random.Next(4));
        }

        var length = random.Next(longest);
        values[Names[random.Next(Names.Length)]] = string.Concat(random.GetItems(LongTokens, length))[..length];
        return values;
    }

    private static string Make(Random random, string[] names, int tokens)
    {
        var text = new StringBuilder();
        for (; tokens > 0; tokens--)
        {
            text.Append(names.Length > 0 && random.Next(3) == 0 ? $" :{names[random.Next(names.Length)]} " : PlainTokens[random.Next(PlainTokens.Length)]);
        }

        return text.ToString();
    }

    /// <summary>A statement that begins with a variable may begin with the space of its value, or be nothing else.</summary>
    private static string[] Statements(IEnumerable<string> texts) =>
        [.. texts.Select(text => text.Trim(' ', '\t', '\r', '\n')).Where(text => text.Length > 0)];

    private static string Substitute(string text, Dictionary<string, string> values) => Use().Replace(text, use => use switch
    {
        _ when use.Groups["test"] is { Success: true } test => values.ContainsKey(test.Value) ? "TRUE" : "FALSE",
        _ when use.Groups["name"] is { Success: true } name && values.TryGetValue(name.Value, out var value) => Substitute(value, values),
        _ => use.Value,
    });

    private static string Describe(int seed, byte[] script, Dictionary<string, string> values) =>
        $"HEIMDALL_SEED={seed}: {Encoding.UTF8.GetString(script)}\nwith {string.Join('\n', values.Select(value => $"{value.Key} = {value.Value[..Math.Min(200, value.Value.Length)]}"))}";

    [GeneratedRegex(@"::|:=|:\{\?(?<test>[A-Za-z0-9_\u0080-\uffff]+)\}|:(?<name>[A-Za-z0-9_\u0080-\uffff]+)")]
    private static partial Regex Use();
}
