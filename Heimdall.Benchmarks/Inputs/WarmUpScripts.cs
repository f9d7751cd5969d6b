using System.Text;

namespace Heimdall.Benchmarks.Inputs;

/// <summary>
/// A job that has a runner do once what the measured ones do many times, so that loading and compiling its code is not measured:
/// workers run for weeks.
/// </summary>
internal static class WarmUpScripts
{
    private const int Statements = 1_000;
    private const int CopyRows = 1_000;

    public static Input WarmUp { get; } = new()
    {
        File = "warm_up.sql",
        Title = "warm-up",
        CountSql = "select count(*) from warm_up",
        WriteAsync = (path, cancellationToken) => File.WriteAllTextAsync(path, Script(), cancellationToken),
    };

    private static string Script()
    {
        var script = new StringBuilder("create table warm_up (id int, note text); -- the first of many\n");
        for (var id = 0; id < Statements; id++)
        {
            script.Append($"insert into warm_up (id, note) values ({id}, 'it''s warm');\n");
        }
        script.Append("create function warm() returns int language sql as $$ select 1; $$;\nselect warm();\ncopy warm_up (id, note) from stdin;\n");
        for (var id = 0; id < CopyRows; id++)
        {
            script.Append($"{id}\tcopied\n");
        }
        return script.Append("\\.\n").ToString();
    }
}
