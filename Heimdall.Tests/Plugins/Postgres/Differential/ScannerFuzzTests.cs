using System.Text;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>
/// The scanner with input that nobody would write. It may refuse it, in one way only; it must come to an end, say the same in whatever
/// pieces it reads, and lose nothing: the statements stand in the input in their order, with nothing but space, comments, semicolons,
/// copy data and skipped backslash commands between them.
/// </summary>
[CancelAfter(3_600_000)]
public sealed class ScannerFuzzTests
{
    private static readonly string[] Tokens =
    [
        "'", "'", "\"", "$", "$$", "$a$", "$1", "a$b", "e'", "E'", "U&'", "u&\"", "b'", "x'", "n'", "''", "\\", "\\'", "\\.", "\n\\.\n", "\\.\n", "\\restrict k\n", "\\unrestrict k\n", "--", "-- ; '\n", "/*", "*/", "/", "*",
        "(", ")", ";", ";", ";", "\n", "\r\n", "\r", " ", "\t", "\f", "\v", "é", "😀", "\uFEFF", "\0", ".", ",", "1", "1e5", "select ", "copy t from stdin;\n", "copy t from stdin csv", "copy t to stdout;", "create function f() ",
        "create or replace procedure ", "begin ", "begin atomic ", "case ", "end ", "end;", "with a as (", "insert into t values (1)", "do ", "set standard_conforming_strings = off;", "BEGIN;", "COMMIT;", "vacuum;", "reindex (concurrently) ",
    ];

    private static readonly int Seed = TestSetting.Number("HEIMDALL_SEED") ?? Random.Shared.Next(1_000_000_000);
    private static readonly int Rounds = TestSetting.IsLong ? 300_000 : 3_000;

    [Test]
    public Task Random_bytes(CancellationToken cancellationToken) => FuzzAsync(
        random =>
        {
            var bytes = new byte[random.Next(1, 200)];
            random.NextBytes(bytes);
            return bytes;
        },
        cancellationToken);

    [Test]
    public Task Tokens_in_any_order(CancellationToken cancellationToken) =>
        FuzzAsync(random => Encoding.UTF8.GetBytes(string.Concat(random.GetItems(Tokens, random.Next(1, 40)))), cancellationToken);

    [Test]
    public Task Scripts_with_changes(CancellationToken cancellationToken)
    {
        var scripts = CorpusFile.ReadAll().Select(file => file.For(file.Modes[0]).Content).ToArray();
        return FuzzAsync(random => Change(scripts[random.Next(scripts.Length)], random), cancellationToken);
    }

    [TestCase("select 1", "select 2;", "gap")]
    [TestCase("select 1", "select 1; x", "gap")]
    [TestCase("select 1;\nselect 2", "select 1;\nselect 2;", null)]
    public void The_check_notices_what_is_lost(string found, string input, string? complaint)
    {
        var pieces = found.Split(";\n").Select(text => new ScannedPiece(Encoding.UTF8.GetBytes(text), IsCopy: false)).ToArray();

        Assert.That(ScannedPieces.Complaint(Encoding.UTF8.GetBytes(input), pieces, isWhole: true), complaint is null ? Is.Null : Does.Contain(complaint));
    }

    private static byte[] Change(byte[] script, Random random)
    {
        var bytes = script.ToList();
        for (var left = random.Next(1, 6); left > 0 && bytes.Count > 0; left--)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(5))
            {
                case 0:
                    bytes.RemoveRange(at, Math.Min(bytes.Count - at, random.Next(1, 30)));
                    break;
                case 1:
                    bytes.InsertRange(at, Encoding.UTF8.GetBytes(Tokens[random.Next(Tokens.Length)]));
                    break;
                case 2:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 3:
                    bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, Math.Min(bytes.Count - at, random.Next(1, 60))));
                    break;
                default:
                    bytes.RemoveRange(at, bytes.Count - at);
                    break;
            }
        }

        return [.. bytes];
    }

    private static async Task FuzzAsync(Func<Random, byte[]> make, CancellationToken cancellationToken)
    {
        await TestContext.Out.WriteLineAsync($"HEIMDALL_SEED={Seed}");
        var refused = 0;
        for (var round = 0; round < Rounds; round++)
        {
            var seed = Seed + round;
            var random = new Random(seed);
            var script = make(random);
            var standard = random.Next(3) > 0;

            var whole = await ScannedPieces.ReadAsync(script, int.MaxValue, standard, cancellationToken);
            var parts = await ScannedPieces.ReadAsync(script, random.Next(1, 20), standard, cancellationToken);

            refused += whole.Refusal is null ? 0 : 1;
            Assert.That(parts.ToString(), Is.EqualTo(whole.ToString()), () => $"HEIMDALL_SEED={seed}, in pieces: {Convert.ToBase64String(script)}");
            Assert.That(ScannedPieces.Complaint(script, whole.Pieces, whole.Refusal is null), Is.Null, () => $"HEIMDALL_SEED={seed}: {Convert.ToBase64String(script)}");
        }

        await TestContext.Out.WriteLineAsync($"{refused} of {Rounds} refused");
        Assert.That(refused, Is.InRange(1, Rounds - 1));
    }
}
