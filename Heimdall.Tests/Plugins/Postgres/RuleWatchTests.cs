using System.Text;
using Heimdall.Plugins.Postgres.Rules;
using Heimdall.Plugins.Postgres.Scripts;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>What a command's rules see in the words of a statement.</summary>
[Parallelizable(ParallelScope.All)]
public sealed class RuleWatchTests
{
    private const string Unicode = "A name written as U&\"…\"";

    [TestCase("no_drop", "drop table t", "DROP")]
    [TestCase("no_drop", "/* a */ -- b\n DrOp\ttable t", "DROP")]
    [TestCase("no_drop", "alter table t drop column c", "ALTER … DROP")]
    [TestCase("no_drop", "create function begin() returns int language sql as 'select 1'; drop table t; select end",
        "DROP")]
    [TestCase("no_truncate", "truncate t", "TRUNCATE")]
    [TestCase("no_delete_without_where", "delete from t", "DELETE without WHERE")]
    [TestCase("no_delete_without_where", "delete from only a.t using b", "DELETE without WHERE")]
    [TestCase("no_delete_without_where", "delete from t returning (select 1 where true)", "DELETE without WHERE")]
    [TestCase("no_delete_without_where", "delete from t returning a as where", "DELETE without WHERE")]
    [TestCase("no_delete_without_where", "delete from t returning t.where", "DELETE without WHERE")]
    [TestCase("no_delete_without_where", "delete from t -- where true", "DELETE without WHERE")]
    [TestCase("no_delete_without_where", "delete from t returning 'where', \"where\", $$where$$",
        "DELETE without WHERE")]
    [TestCase("no_delete_without_where", "with d as (delete from t returning *) select * from d where true",
        "DELETE without WHERE")]
    [TestCase("no_delete_without_where", "with a as (select 1 where true) delete from t", "DELETE without WHERE")]
    [TestCase("no_delete_without_where", "explain (analyze, verbose) delete from t", "DELETE without WHERE")]
    [TestCase("no_delete_without_where", "explain analyze verbose delete from t", "DELETE without WHERE")]
    [TestCase("no_delete_without_where", "prepare p (int) as delete from t", "DELETE without WHERE")]
    [TestCase("no_delete_without_where", "copy (delete from t returning *) to stdout", "DELETE without WHERE")]
    [TestCase("no_delete_without_where",
        "with recursive r as (select 1) search depth first by key set no delete from t", "DELETE without WHERE")]
    [TestCase("no_update_without_where", "update t set a = 1", "UPDATE without WHERE")]
    [TestCase("no_update_without_where", "update only t as x set a = (select b from c where true)",
        "UPDATE without WHERE")]
    [TestCase("no_update_without_where", "with u as (update t set a = 1 returning *) select * from u where true",
        "UPDATE without WHERE")]
    [TestCase("no_update_without_where",
        "with recursive r as (select 1) search depth first by a set key update t set a = 1", "UPDATE without WHERE")]
    [TestCase("no_ddl", "create temp table t (a int)", "CREATE")]
    [TestCase("no_ddl", "alter table t add a int", "ALTER")]
    [TestCase("no_ddl", "grant select on t to u", "GRANT")]
    [TestCase("no_ddl", "comment on table t is 'x'", "COMMENT")]
    [TestCase("no_ddl", "select 1 into t", "SELECT INTO")]
    [TestCase("no_ddl", "with a as (select 1) select * into temp t from a", "SELECT INTO")]
    [TestCase("no_ddl", "select 1into t", "SELECT INTO")]
    [TestCase("no_ddl", "select 1. into t", "SELECT INTO")]
    [TestCase("no_ddl", "select insert into t from (values (1)) v (insert)", "SELECT INTO")]
    [TestCase("no_ddl", "with a as (select 1 as merge) select merge into t from a", "SELECT INTO")]
    [TestCase("no_update_without_where", "create rule r as on insert to t do update u set a = 1",
        "UPDATE without WHERE")]
    [TestCase("no_delete_without_where", "prepare p (t) as delete from t returning $1.where", "DELETE without WHERE")]
    [TestCase("no_ddl", "explain analyze create table t as select 1", "CREATE")]
    [TestCase("no_copy_program", "copy t to program 'sh'", "COPY with PROGRAM")]
    [TestCase("no_copy_program", "copy a.to (b) from program $$sh$$", "COPY with PROGRAM")]
    [TestCase("no_copy_program", "copy delete from program 'sh'", "COPY with PROGRAM")]
    [TestCase("no_copy_program", "copy (select 'to stdout' from t) to program 'sh'", "COPY with PROGRAM")]
    [TestCase("no_server_files", "copy t from '/etc/passwd'", "COPY with a file of the server")]
    [TestCase("no_server_files", "copy t to E'/tmp/x'", "COPY with a file of the server")]
    [TestCase("no_server_files", "copy t to $$/tmp/x$$", "COPY with a file of the server")]
    [TestCase("no_server_files", "select pg_read_file('x')", "The name pg_read_file")]
    [TestCase("no_server_files", "select pg_catalog.PG_READ_FILE ('x')", "The name pg_read_file")]
    [TestCase("no_server_files", "select \"pg_ls_dir\"('.')", "The name pg_ls_dir")]
    [TestCase("no_server_files", "select lo_export(1, 'x')", "The name lo_export")]
    [TestCase("no_server_files", "select * from pg_hba_file_rules", "The name pg_hba_file_rules")]
    [TestCase("no_server_files", "select U&\"pg\\005fread_file\"('/etc/passwd')", Unicode)]
    [TestCase("no_server_files", "select u&\"lo!005fimport\" uescape '!' ('/etc/passwd')", Unicode)]
    public void What_a_rule_refuses(string rule, string sql, string what) =>
        Assert.That(Judge(sql, rule), Is.EqualTo($"{what} is refused by the command's rule {rule}."));

    [TestCase("select 'drop table t; delete from t', \"drop\", $x$truncate t$x$ -- drop table t\n /* delete from t */")]
    [TestCase("delete from t where a = 1")]
    [TestCase("delete from t where current of c")]
    [TestCase("update t set a = 1, b = 2 from c where c.d = t.d")]
    [TestCase("with d as (delete from t where a returning *), u as (update t set a = 1 where b) select 1")]
    [TestCase("insert into t values (1) on conflict (a) do update set a = 2")]
    [TestCase("merge into t using s on t.a = s.a when matched then update set a = 1 when not matched then delete")]
    [TestCase("update t set a = 1. where b")]
    [TestCase("select query_to_xml('select pg_read_file(''x'')', true, true, '')")]
    [TestCase("with recursive r as (select 1) search depth first by a set b insert into t select 1")]
    [TestCase("select U&'d\\0061t', a & \"b\", xu&\"b\" from t")]
    [TestCase("select * from t for update")]
    [TestCase("select * from t for no key update of t skip locked")]
    [TestCase("select t.delete from t")]
    [TestCase("copy t from stdin")]
    [TestCase("copy t (a, b) to stdout with (format csv)")]
    [TestCase("copy t from stdin where a is distinct from 'x'")]
    [TestCase("insert into t select 1")]
    [TestCase("explain select 1")]
    [TestCase("prepare p as select a as b from t")]
    [TestCase("begin")]
    [TestCase("vacuum t")]
    public void What_no_rule_refuses(string sql) => Assert.That(Judge(sql, [.. StatementRules.AllRules]), Is.Null);

    [TestCase("select 1", null)]
    [TestCase("(select 1) union all (select 2)", null)]
    [TestCase("values (1)", null)]
    [TestCase("with a as (select 1) select * from a", null)]
    [TestCase("with a as (select 1) insert into t select * from a", null)]
    [TestCase("insert into t values (1)", null)]
    [TestCase("delete from t where true", "DELETE")]
    [TestCase("with d as (delete from t returning *) insert into u select * from d", "DELETE")]
    [TestCase("select 1 into t", "CREATE")]
    [TestCase("explain select 1", "EXPLAIN")]
    [TestCase("call p()", "CALL")]
    [TestCase("do $$ begin end $$", "DO")]
    [TestCase("end", "COMMIT")]
    [TestCase("'x'", "A statement that begins with no word")]
    public void Kinds_that_are_not_listed_are_refused(string sql, string? kind)
    {
        var problem = Judge(sql, new StatementRules { Only = ["SELECT", "INSERT"] });

        Assert.That(
            problem,
            Is.EqualTo(kind is null ? null : $"{kind} is refused by the command, which takes only SELECT, INSERT (context.statements)."));
    }

    [TestCase("do $$ begin end $$", true)]
    [TestCase("explain analyze update t set a = 1 where b", true)]
    [TestCase("explain analyze (table t)", true)]
    [TestCase("explain (analyze) (with a as (values (1)) table a)", true)]
    [TestCase("explain (select f())", true)]
    [TestCase("explain (analyze, verbose) insert into t values (1)", false)]
    [TestCase("vacuum", false)]
    public void Kinds_that_are_excepted_are_refused(string sql, bool isRefused) => Assert.That(
        Judge(sql, new StatementRules { Except = ["DO", "UPDATE", "SELECT"] }),
        isRefused ? Does.EndWith("is refused by the command, whose context.statements excepts it.") : Is.Null);

    [TestCase("reset role", "RESET ROLE")]
    [TestCase("set role none", "SET ROLE")]
    [TestCase("set local role x", "SET ROLE")]
    [TestCase("SET SESSION ROLE x", "SET ROLE")]
    [TestCase("set session authorization default", "SET SESSION AUTHORIZATION")]
    [TestCase("set session_authorization to x", "SET SESSION_AUTHORIZATION")]
    [TestCase("set \"role\" to x", "A setting whose name is in quotes")]
    [TestCase("discard all", "DISCARD ALL")]
    [TestCase("select set_config('role', 'none', false)", "The function set_config")]
    [TestCase("select \"set_config\"('role', 'none', false)", "The function set_config")]
    [TestCase("set U&\"role\" to none", Unicode)]
    [TestCase("select U&\"set\\005fconfig\"('role', 'none', false)", Unicode)]
    [TestCase("select U&\"s!0065t_config\" uescape '!' ('role', 'none', false)", Unicode)]
    [TestCase("update pg_settings set setting = 'none' where name = 'role'", "UPDATE of pg_settings")]
    [TestCase("update only (pg_catalog.\"pg_settings\") as s set setting = 'none'", "UPDATE of pg_settings")]
    [TestCase("with u as (update pg_catalog.pg_settings set setting = 'none' returning 1) select 1",
        "UPDATE of pg_settings")]
    [TestCase("update t set a = (select setting from pg_settings where name = 'role')", null)]
    [TestCase("set search_path to role", null)]
    [TestCase("set local statement_timeout to 1", null)]
    [TestCase("set session characteristics as transaction read only", null)]
    [TestCase("set time zone 'UTC'", null)]
    [TestCase("alter table role add a int", null)]
    public void A_fixed_role_is_not_left(string sql, string? what) => Assert.That(
        Judge(sql, new StatementRules { FixesRole = true }),
        Is.EqualTo(what is null ? null : $"{what} is refused: the command fixes the role, and this may leave it."));

    [Test]
    public void Each_statement_is_judged_by_itself()
    {
        var scanner = new ScriptScanner(
            new MemoryStream("delete from t; select 1 where true; update t set a = 1 where b; truncate t"u8.ToArray()),
            rules: new StatementRules { Rules = StatementRules.AllRules });

        var problems = ReadAll(scanner).Select(statement => statement.RuleProblem is not null);

        Assert.That(problems, Is.EqualTo(new[] { true, false, false, true }));
    }

    [Test]
    public void Parentheses_without_end_are_refused_and_take_no_memory()
    {
        var problem = Judge(new string('(', 2_000_000) + "delete from t", StatementRules.NoDeleteWithoutWhere);

        Assert.That(problem, Does.Contain("nested too deep"));
    }

    private static string? Judge(string sql, params string[] rules) => Judge(sql, new StatementRules { Rules = rules });

    private static string? Judge(string sql, StatementRules rules) =>
        ReadAll(new ScriptScanner(new MemoryStream(Encoding.UTF8.GetBytes(sql)), rules: rules)).Single().RuleProblem;

    private static List<ScriptStatement> ReadAll(ScriptScanner scanner)
    {
        var statements = new List<ScriptStatement>();
        while (scanner.ReadAsync(CancellationToken.None).AsTask().GetAwaiter().GetResult() is { } statement)
        {
            statements.Add(statement);
        }
        return statements;
    }
}
