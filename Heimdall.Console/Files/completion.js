// Names of schemas, tables and columns, as the caller's own query over the same API sees them.
import { ask } from './api.js';
import { bare } from './sqltext.js';
import { Target } from './target.js';

const keptFor = 60000;
const most = 5000;
const longest = 10; // seconds

// One row: so a command whose queries may have few rows has all names too.
const query = `select coalesce(json_agg(names), '[]') from (
select n.nspname as schema, c.relname as name, c.relkind::text as kind, (select json_agg(json_build_object(
    'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod)) order by a.attnum) from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped) as columns
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'v', 'm', 'f', 'p') and n.nspname !~ '^pg_(toast|temp)'
and has_schema_privilege(n.oid, 'usage')
and has_any_column_privilege(c.oid, 'select')
order by n.nspname in ('pg_catalog', 'information_schema'), n.nspname, c.relname limit ${most}) names`;

const kept = new Map(); // by command and cluster: {at, names}

// Without names the keywords are left, and why is said.
function namesOf(tab, target, say) {
    const criteria = Target.criteriaOf(tab),
        key = JSON.stringify(criteria);
    const known = kept.get(key);
    if (known && Date.now() - known.at < keptFor) {
        return known.names;
    }
    const names = ask('POST', '/job', {
        body: {
            name: 'console: names for completion',
            tags: ['source:console-completion'],
            ...criteria,
            context: { query, return_result: true, timeout_seconds: target.limitOf(tab, 'timeout_seconds', longest) },
        },
    }).then(
        ({ result, truncated }) => {
            say(truncated ? 'Names of tables are not offered: a limit of the command cuts them.' : '');
            return (result.data[0]?.[0] ?? []).map(table => ({ ...table, columns: table.columns ?? [] }));
        },
        error => {
            say(`Names of tables are not offered: ${error.message}`);
            return [];
        },
    );
    kept.set(key, { at: Date.now(), names });
    return names;
}

/** Words that can stand where the cursor is. */
export function addCompletion({ monaco, keywords }, tabOf, target, say) {
    const kinds = monaco.languages.CompletionItemKind;
    monaco.languages.registerCompletionItemProvider('pgsql', {
        triggerCharacters: ['.'],
        async provideCompletionItems(model, position) {
            const word = model.getWordUntilPosition(position);
            const range = {
                startLineNumber: position.lineNumber,
                endLineNumber: position.lineNumber,
                startColumn: word.startColumn,
                endColumn: word.endColumn,
            };
            const line = model.getLineContent(position.lineNumber).slice(0, word.startColumn - 1);
            const item = (label, kind, detail, order) => ({
                label,
                kind,
                detail,
                insertText: quoted(label),
                range,
                sortText: order + label,
            });
            const tables = await namesOf(tabOf(), target, say);
            const before = /(?:"([^"]+)"|(\w+))\.$/.exec(line);
            if (before) {
                return { suggestions: afterDot(before[1] ?? before[2], tables, model.getValue(), item, kinds) };
            }
            const used = tablesIn(model.getValue(), tables);
            return {
                suggestions: [
                    ...unique(
                        used.flatMap(({ table }) =>
                            table.columns.map(column =>
                                item(column.name, kinds.Field, `${column.type}, ${table.name}`, '1'),
                            ),
                        ),
                    ),
                    ...unique(
                        tables.map(table =>
                            item(
                                table.name,
                                kinds.Struct,
                                `${kindOf(table)} of ${table.schema}`,
                                isOwn(table) ? '2' : '4',
                            ),
                        ),
                    ),
                    ...unique(tables.map(table => item(table.schema, kinds.Module, 'schema', '3'))),
                    ...keywords.map(keyword => ({
                        ...item(keyword.toLowerCase(), kinds.Keyword, '', '5'),
                        insertText: keyword.toLowerCase(),
                    })),
                ],
            };
        },
    });
}

function afterDot(name, tables, sql, item, kinds) {
    const found =
        tablesIn(sql, tables).find(({ alias, table }) => alias === name || table.name === name)?.table ??
        tables.find(table => table.name === name);
    return [
        ...(found?.columns ?? []).map((column, index) =>
            item(column.name, kinds.Field, column.type, `1${String(index).padStart(4, '0')}`),
        ),
        ...tables
            .filter(table => table.schema === name)
            .map(table => item(table.name, kinds.Struct, kindOf(table), '2')),
    ];
}

// Tables that the text names, with the names that it gives them.
function tablesIn(sql, tables) {
    const byName = new Map(tables.map(table => [table.name, table]).reverse());
    const pattern = /\b(?:from|join|update|into|,)\s+(?:\w+\.)?(\w+)(?:\s+(?:as\s+)?(\w+))?/gi;
    return [...bare(sql).matchAll(pattern)]
        .filter(match => byName.has(match[1]))
        .map(match => ({ table: byName.get(match[1]), alias: match[2] }));
}

function unique(items) {
    return [...new Map(items.map(item => [item.label, item])).values()];
}

function isOwn(table) {
    return table.schema !== 'pg_catalog' && table.schema !== 'information_schema';
}

function kindOf(table) {
    return { r: 'table', p: 'table', v: 'view', m: 'materialized view', f: 'foreign table' }[table.kind];
}

function quoted(name) {
    return /^[a-z_][a-z0-9_$]*$/.test(name) ? name : `"${name.replaceAll('"', '""')}"`;
}
