using System.Text;
using Heimdall.Core.Configuration;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Configuration;

/// <summary>Configuration files that nobody would write: each is loaded, or refused with a list of problems.</summary>
[CancelAfter(1_800_000)]
public sealed class YamlFuzzTests
{
    private static readonly string[] Words =
    [
        ":", ": ", "- ", "-", "\n", "\n  ", "\n- ", "{", "}", "[", "]", "&a ", "*a", "<<: *a", "!", "!!binary ",
        "!!float ", "|", ">", "'", "\"", "#", " #", "? ", "%YAML 1.2\n", "---\n", "...\n", "\t", "\0", "\uFEFF", "é", "😀", "~",
        "null", "yes", "1e400", "0x7fffffffffffffff", "-1", "99999999999d", "1s", "${env:HOME}", "${file:/etc/hostname}", "${",
        "$${",
        "auth:", "oidc:", "roles: [{role: admin, users: ['(']}]", "clusters:", "commands:", "schedules:", "hooks:",
        "server:",
        "[[[[[[[[[[[[[[[[", "{a: {a: {a: {a: ", "&b [*b]", "@", "`", "\ud800",
    ];

    private static readonly string Whole = Repository.Read("configs/local.yaml");

    private ConfigFolder _folder = null!;

    [OneTimeSetUp]
    public void Create() => _folder = new ConfigFolder();

    [OneTimeTearDown]
    public void Remove() => _folder.Dispose();

    [Test]
    public void A_file_is_loaded_or_refused() => Fuzzing.Run(500, Make, IsLoaded);

    private static string Make(Random random)
    {
        // Of the whole file a part: most changes of all of it would be in a comment.
        var lines = Whole.Split('\n').Where(line => !line.TrimStart().StartsWith('#')).ToArray();
        var text = string.Join('\n', lines.Skip(random.Next(3) == 0 ? random.Next(lines.Length) : 0));
        return random.Next(4) == 0
            ? string.Concat(random.GetItems(Words, random.Next(1, 40)))
            : Fuzzing.Change(random, text, Words);
    }

    private bool IsLoaded(string yaml)
    {
        try
        {
            // A file has no half of a character.
            _ = _folder.Load(Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(yaml)));
            return true;
        }
        catch (ConfigException refusal)
        {
            Assert.That(refusal.Problems, Is.Not.Empty);
            Assert.That(refusal.Problems.Select(problem => problem.ToString()), Has.None.Empty);
            return false;
        }
    }
}
