using Heimdall.Core.Plugins;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins;

[Parallelizable(ParallelScope.All)]
public sealed class NearestWordTests
{
    private static readonly string[] _words = ["name", "command_criteria", "tags", "job", "on", "limit"];

    [TestCase("Name", "name")]
    [TestCase("nmae", "name")]
    [TestCase("commandCriteria", "command_criteria")]
    [TestCase("commandcriterai", "command_criteria")]
    [TestCase("limits", "limit")]
    [TestCase("tag", "tags")]
    public void Finds(string given, string word) => Assert.That(NearestWord.Find(given, _words), Is.EqualTo(word));

    [TestCase("name")]
    [TestCase("size")]
    [TestCase("in")]
    [TestCase("")]
    [TestCase("command")]
    public void Finds_nothing_near(string given) => Assert.That(NearestWord.Find(given, _words), Is.Null);
}
