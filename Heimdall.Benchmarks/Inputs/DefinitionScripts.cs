using System.Text;

namespace Heimdall.Benchmarks.Inputs;

/// <summary>DDL and functions, as migrations have them: short statements, each another, with all kinds of quotes and comments.</summary>
internal static class DefinitionScripts
{
    private const string CountSql = """
        select (select count(*) from pg_class where relnamespace = 'public'::regnamespace)
            + (select count(*) from pg_proc where pronamespace = 'public'::regnamespace)
            + (select count(*) from pg_type where typnamespace = 'public'::regnamespace)
            + (select count(*) from pg_trigger) + (select count(*) from pg_description where classoid = 'pg_class'::regclass)
        """;

    private const int StatementsEach = 10;

    public static Input Definitions(int statements) => new()
    {
        File = $"ddl_{statements}.sql",
        CountSql = CountSql,
        MakesManyFiles = true,
        WriteAsync = (path, cancellationToken) => WriteAsync(path, statements, cancellationToken),
    };

    private static Task WriteAsync(string path, int statements, CancellationToken cancellationToken)
    {
        var script = new StringBuilder();
        for (var number = 1; number <= statements / StatementsEach; number++)
        {
            script.Append(Module(number));
        }
        return File.WriteAllTextAsync(path, script.ToString(), cancellationToken);
    }

    /// <summary>Ten statements.</summary>
    private static string Module(int number) => $"""
        -- Module {number}; it refers to the one before.
        create type state_{number} as enum ('new', 'open', 'it''s done');

        create table customer_{number} (
            id bigint generated always as identity primary key,
            parent bigint {(number == 1 ? "" : $"references customer_{number - 1} (id) on delete set null")},
            name text not null check (length(name) between 1 and 200),
            email text unique,
            state state_{number} not null default 'new',
            balance numeric(12, 2) not null default 0 constraint balance_is_sane_{number} check (balance > -1000000),
            created_at timestamptz not null default now(),
            details jsonb not null default '{"{}"}'::jsonb /* free /* and nested */ form */
        );
        create index customer_{number}_by_state on customer_{number} (state, created_at desc) where state <> 'it''s done';
        create index customer_{number}_by_name on customer_{number} (lower(name));
        comment on table customer_{number} is E'Customers of module {number};\nit''s a \'test\'';
        comment on column customer_{number}.balance is 'In euro; never below -1,000,000';
        create view open_customer_{number} as
            select id, name, balance, case when balance < 0 then 'owes; remind' else 'fine' end as standing
            from customer_{number}
            where state in ('new', 'open');

        create function touch_{number}() returns trigger language plpgsql as $body$
        declare
            note text := $note$touched; by {number}$note$;
        begin
            -- A comment with a ; and a ' in it
            if new.balance is distinct from old.balance then
                new.details := jsonb_set(new.details, '{"{note}"}', to_jsonb(note || ' at ' || now()));
            end if;
            return new;
        end;
        $body$;
        create function total_{number}(minimum numeric default 0) returns numeric language sql stable as $$
            select coalesce(sum(balance), 0) from customer_{number} where balance >= minimum;
        $$;
        {(number % 2 == 0
            ? $"grant select, insert on customer_{number} to public;"
            : $"create trigger touch_{number} before update on customer_{number} for each row execute function touch_{number}();")}


        """;
}
