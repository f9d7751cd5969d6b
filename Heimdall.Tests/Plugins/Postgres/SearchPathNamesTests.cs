using Heimdall.Plugins.Postgres.Contexts;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

public sealed class SearchPathNamesTests
{
    [TestCase("", "")]
    [TestCase("public", "public")]
    [TestCase(" App , \"$user\",public ", "app|$user|public")]
    [TestCase("\"A, b\", \"with \"\"quotes\"\"\"", "A, b|with \"quotes\"")]
    [TestCase("Ärger", "Ärger")]
    [TestCase("\"\"", "")]
    public void Reads_a_path_as_the_server_does(string path, string names) =>
        Assert.That(string.Join('|', SearchPathNames.Read(path)!), Is.EqualTo(names));

    [TestCase(",")]
    [TestCase("a,")]
    [TestCase("a b")]
    [TestCase("\"a")]
    [TestCase("a\"; drop schema public")]
    [TestCase("\"a\" b")]
    public void Rejects_what_is_no_list_of_names(string path) => Assert.That(SearchPathNames.Read(path), Is.Null);
}
