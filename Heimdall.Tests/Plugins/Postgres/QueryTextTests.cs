using System.Text.Json.Nodes;
using Heimdall.Core.Scripts;
using Heimdall.Plugins.Postgres.Contexts;
using Heimdall.Plugins.Postgres.Queries;
using NUnit.Framework;

namespace Heimdall.Tests.Plugins.Postgres;

/// <summary>What a query's words say about it.</summary>
[Parallelizable(ParallelScope.All)]
public sealed class QueryTextTests
{
    [TestCase("select 1")]
    [TestCase("SELECT * FROM audit WHERE action = 'update'")]
    [TestCase("select 'a''insert', E'\\'delete', U&'merge', $$into$$, $x$ analyze $x$")]
    [TestCase("select 1 -- update\n")]
    [TestCase("select 1 /* insert /* into */ delete */")]
    [TestCase("select \"update\", u&\"insert\" from \"into\"")]
    [TestCase("select t.update, s.merge from t, s")]
    [TestCase("select (t).update, a[1].merge, \"t\".delete, t . insert from t")]
    [TestCase("select updated, inserted_at, delete_me, intox, analyzed from t")]
    [TestCase("select 1as a, 2e5 as b")]
    [TestCase("(select 1)")]
    [TestCase("with a as (select 1) select * from a")]
    [TestCase("table t")]
    [TestCase("values (1)")]
    [TestCase("show work_mem")]
    [TestCase("explain select 1")]
    [TestCase("fetch all from c")]
    [TestCase("copy t to stdout")]
    [TestCase("copy (select 1) to STDOUT (format csv)")]
    [TestCase("copy t to stdin")]
    public void Looks_read_only(string sql) => Assert.That(Read(sql).LooksReadOnly, Is.True);

    [TestCase("insert into t values (1) returning i")]
    [TestCase("Update t set i = 1 returning i")]
    [TestCase("delete from t returning i")]
    [TestCase("merge into t using s on true when matched then do nothing")]
    [TestCase("with a as (insert into t values (1) returning i) select * from a")]
    [TestCase("with a as (select 1) update t set i = 1 returning i")]
    [TestCase("with a as materialized (\ndelete\nfrom t returning i) table a")]
    [TestCase("select 1 into t")]
    [TestCase("select 1into t", Description = "up to PostgreSQL 14 a word may touch a number")]
    [TestCase("select 1.5INTO t")]
    [TestCase("select 1.into t", Description = "the dot is the number's")]
    [TestCase("select 1. into t")]
    [TestCase("select 'x'into t")]
    [TestCase("select \"x\"into t")]
    [TestCase("select 1/**/into/**/t")]
    [TestCase("select * from t for update")]
    [TestCase("explain analyze select 1")]
    [TestCase("explain (analyse) select 1")]
    [TestCase("select pg_notify('a', 'b')", Description = "takes no transaction's number before the commit")]
    [TestCase("select pg_catalog.pg_notify('a', 'b')")]
    [TestCase("copy t to '/tmp/file'")]
    [TestCase("copy t to program 'cat > file'")]
    [TestCase("copy (insert into t values (1) returning i) to stdout")]
    [TestCase("create table t as select 1")]
    [TestCase("call p()")]
    [TestCase("do $$ begin end $$")]
    [TestCase("refresh materialized view v")]
    [TestCase("execute prepared")]
    [TestCase("truncate t")]
    public void Does_not_look_read_only(string sql) => Assert.That(Read(sql).LooksReadOnly, Is.False);

    [TestCase("begin perform recall(); end", true)]
    [TestCase("begin perform committed, rollbacks, caller; end", true)]
    [TestCase("begin COMMIT; end", false)]
    [TestCase("begin if true then rollback; end if; end", false)]
    [TestCase("begin call p(); end", false)]
    [TestCase("spi_commit();", false)]
    [TestCase("plpy.commit()", false)]
    [TestCase("begin perform my_call(), call_log(), a$commit; end", true)]
    [TestCase("begin perform log('call me'); -- commit\n end", true)]
    [TestCase("begin perform log('don''t') /* call */; perform \"rollback\"; end", true)]
    [TestCase("begin perform log('call me'); commit; end", false)]
    [TestCase("begin perform log($q$ don't $q$); commit; perform log('x'); end", false)]
    [TestCase("begin perform log(E'\\''); commit; perform log('x'); end", false)]
    public void A_block_runs_in_a_transaction_unless_one_of_its_words_ends_it(string body, bool isTransactional) =>
        Assert.That(Read($"do $$ {body} $$").IsTransactional, Is.EqualTo(isTransactional));

    [TestCase("do 'begin commit; end'", false)]
    [TestCase("do language plpython3u $$ # don't\nplpy.commit() # 'x' $$", false)]
    [TestCase("do language plpgsql $$ begin perform log('commit'); end $$", true)]
    [TestCase("do $$ begin perform log('commit'); end $$ language plpgsql", true)]
    [TestCase("do $$ # don't\nplpy.commit() # 'x' $$ language plpython3u", false)]
    public void So_does_one_that_is_quoted_otherwise_or_in_another_language(string sql, bool isTransactional) =>
        Assert.That(Read(sql).IsTransactional, Is.EqualTo(isTransactional));

    [Test, Description("Twice the text must not be four times the work: then these would take hours.")]
    public void Long_rows_of_one_character_are_read_once()
    {
        const int Length = 2_000_000;

        Assert.That(Read($"select 1{new string(' ', Length)}x").IsConstant, Is.False);
        Assert.That(Read($"select 1{new string(' ', Length)}; ").IsConstant, Is.True);
        Assert.That(Read($"select {new string('"', Length)} from t").Calls, Is.Empty);
        Assert.That(Read("select \"odd\"\"name\" (1)").Calls, Does.Contain("odd\"name"));
    }

    private static QueryText Read(string sql) => QueryText.Read(
        JobSettings.Read(new JsonObject(), new JsonObject { ["query"] = sql, ["return_result"] = true }),
        new ScriptFolder(Path.GetTempPath()));
}
