// The body of a job, as the API takes it, and back: a text that runs what a job has run.
import { ExactNumber, parseExact, typedNumber, writeExact } from './exact.js';
import { isPath, placeholders } from './sqltext.js';
import { Target } from './target.js';

/** What a reply brings into the page, unless the text's options say otherwise; stored rows have no such limit. */
export const limitsOfQuery = { row_limit: 10000, byte_limit: 64 * 1024 * 1024 };

const shownOptions = [
    'row_limit',
    'timeout_seconds',
    'lock_timeout_seconds',
    'role',
    'search_path',
    'read_only',
    'transaction',
    'on_error',
];
const ofQueries = new Set(['byte_limit', 'numbers']);
const ofBatches = new Set(['psql']);

/**
 * @param isQueued whether it goes into the queue: it may have a priority, and run on all clusters that match.
 * @param isTold whether the hooks of the text are notified of its end.
 */
export function jobOf(tab, sql, { isQuery, isQueued = false, isTold = true, target, limits = {} }) {
    const { options } = tab,
        context = { query: sql, return_result: isQuery };
    const set = (name, value) => {
        if (value !== undefined && value !== null && value !== '') {
            context[name] = value;
        }
    };
    for (const name of ['timeout_seconds', 'lock_timeout_seconds']) {
        set(name, typedNumber(options[name] ?? ''));
    }
    set('role', options.role);
    set('search_path', options.search_path);
    for (const [name, json] of Object.entries(tab.kept)) {
        if (isSent(name, sql, isQuery)) {
            context[name] = parseExact(json);
        }
    }
    if (isQuery) {
        set('row_limit', typedNumber(options.row_limit ?? ''));
        set('read_only', options.read_only || undefined);
        set('parameters', parametersOf(tab, sql));
        for (const [name, wished] of Object.entries(limits)) {
            set(name, context[name] ?? target.limitOf(tab, name, wished));
        }
    } else {
        set('transaction', options.transaction);
        set('on_error', options.on_error);
        set('variables', variablesOf(tab, sql));
    }
    return {
        name: tab.name,
        ...aboutOf(tab, isQueued),
        ...Target.criteriaOf(tab),
        ...(isQueued ? Target.fanOutOf(tab) : {}),
        ...(isTold && tab.onEnd.length > 0 ? { on_end: tab.onEnd } : {}),
        context,
    };
}

const ownTag = 'source:console';

// An inline query does not wait, and so has no priority.
function aboutOf({ about }, isQueued) {
    const said = { tags: [...new Set([...linesOf(about.tags), ownTag])] };
    if (about.description.trim() !== '') {
        said.description = about.description;
    }
    if (isQueued && about.priority !== '') {
        said.priority = typedNumber(about.priority);
    }
    return said;
}

function linesOf(text) {
    return text
        .split('\n')
        .map(line => line.trim())
        .filter(Boolean);
}

// Of what a job had beside the options: what does not go with the text as it is now would be refused.
function isSent(name, sql, isQuery) {
    return name === 'sha256' ? isPath(sql) : !(isQuery ? ofBatches : ofQueries).has(name);
}

/** Names of parameters or variables: those that the text shows, and where it cannot show all, those that a job had. */
export function namesOf(tab, sql, isBatch) {
    const names = placeholders(sql, isBatch);
    const given = isBatch || isPath(sql) ? tab.given.filter(name => !names.includes(name)) : [];
    return [...names, ...given];
}

function parametersOf(tab, sql) {
    const names = namesOf(tab, sql, false);
    const values = names.map(name => boundOf(name, tab.values[name]));
    return names.length === 0
        ? undefined
        : names.every(name => name[0] === '$')
          ? values
          : Object.fromEntries(names.map((name, index) => [name, values[index]]));
}

function boundOf(name, { value = '', type = '', isNull = false, isJson = false } = {}) {
    const bound = isNull ? null : isJson ? readValue(name, value) : value;
    return type === '' ? { value: bound } : { value: bound, type };
}

function readValue(name, json) {
    try {
        return parseExact(json);
    } catch {
        throw new Error(`The value of ${name} is no JSON: ${json}`);
    }
}

function variablesOf(tab, sql) {
    const isGiven = name => (tab.values[name]?.value ?? '') !== '' || tab.given.includes(name);
    const names = namesOf(tab, sql, true).filter(isGiven);
    return names.length === 0
        ? undefined
        : Object.fromEntries(names.map(name => [name, tab.values[name]?.value ?? '']));
}

/** @returns the text that runs what a job has run, and the names of values for which it has no place. */
export function textOfJob(job, target) {
    const { query = '', return_result: _, parameters, variables, ...context } = job.context;
    const isQuery = target.isQuery(job),
        options = {},
        kept = {};
    for (const [name, value] of Object.entries(context)) {
        if (shownOptions.includes(name)) {
            options[name] = value instanceof ExactNumber ? value.text : value;
        } else {
            kept[name] = writeExact(value);
        }
    }
    const values = valuesOf(parameters, variables),
        names = Object.keys(values);
    const given = isQuery && !isPath(query) ? [] : names,
        shown = placeholders(query, !isQuery);
    return {
        text: {
            name: job.name,
            about: {
                description: job.description ?? '',
                tags: (job.tags ?? []).filter(tag => tag !== ownTag).join('\n'),
                priority: job.priority?.text ?? '',
            },
            sql: query,
            mode: !isQuery ? 'batch' : job.is_sync ? 'query' : 'stored',
            options,
            values,
            given,
            kept,
            onEnd: (job.on_end ?? []).map(({ hook, on }) => (on?.length > 0 ? { hook, on } : { hook })),
            ...target.choiceOf(job),
        },
        leftOut: names.filter(name => !shown.includes(name) && !given.includes(name)),
    };
}

// A text stands as it is; every other value stays the JSON that it was.
function valuesOf(parameters, variables) {
    const isObject = given => given !== null && typeof given === 'object' && !(given instanceof ExactNumber);
    const isDescribed = given => isObject(given) && !Array.isArray(given) && 'value' in given;
    const entry = given => {
        const { value, type = '' } = isDescribed(given) ? given : { value: given };
        const isText = typeof value === 'string';
        return {
            value: isText ? value : value === null ? '' : writeExact(value),
            type,
            isNull: value === null,
            isJson: value !== null && !isText,
        };
    };
    const nameOf = (given, index) => (isDescribed(given) ? given.name : undefined) ?? `$${index + 1}`;
    const list = Array.isArray(parameters)
        ? parameters.map((given, index) => [nameOf(given, index), entry(given)])
        : Object.entries(parameters ?? {}).map(([name, given]) => [name, entry(given)]);
    return Object.fromEntries([
        ...list,
        ...Object.entries(variables ?? {}).map(([name, value]) => [name, { value: String(value) }]),
    ]);
}
