using System.Text;

namespace Heimdall.Tests.Plugins.Postgres.Differential;

/// <summary>Scripts whose point is their size, made here instead of kept.</summary>
internal static class LargeScripts
{
    public static IEnumerable<DifferentialScript> For(ScriptMode mode)
    {
        yield return Script("a statement of 2 MB", mode, $"create table big (t text);\ninsert into big select md5('{new string('x', 1 << 20)}');\nselect\n1/0, '{new string('y', 2 << 20)}';\ninsert into big values ('last')", new ScriptError("22012", 3));
        yield return Script("a comment of 1 MB between statements", mode, $"create table big (t text);\n/* {new string('\n', 1 << 20)} */ insert into big values ('last');\nselect 1/0", new ScriptError("22012", (1 << 20) + 3));
        yield return Script("3,000 statements", mode, Many(3000, 0), []);
        yield return Script("1,000 statements, then an error, then more", mode, $"{Many(1000, 0)}select 1/0;\n{Many(100, 2000)}", new ScriptError("22012", 1002));
        yield return Script("copy data of 2 MB with an error at their end", mode, $"create table big (i int, t text);\ncopy big from stdin;\n{Rows(20_000)}x\ty\n\\.\ncopy big from stdin;\n{Rows(10)}\\.\n", new ScriptError("22P02", 20_003));
    }

    private static DifferentialScript Script(string name, ScriptMode mode, string text, params ScriptError[] errors) =>
        new() { Name = name, Mode = mode, Content = Encoding.UTF8.GetBytes(text), Errors = errors };

    private static string Many(int count, int first)
    {
        var text = new StringBuilder(first == 0 ? "create table many (i int primary key, n int default 0);\n" : "");
        for (var i = 0; i < count; i++)
        {
            text.Append(i % 3 == 2 ? $"update many set n = n + {i} where i = {first + i - 1};\n" : $"insert into many values ({first + i});\n");
        }

        return text.ToString();
    }

    private static string Rows(int count) => string.Concat(Enumerable.Range(1, count).Select(i => $"{i}\t{new string('z', 90)}\n"));
}
