// Runs of a text: a query whose rows come in the reply, one whose rows are stored, a batch, a check, a plan.
import { ask, root, send, Refusal } from './api.js';
import { readNdjson } from './rows.js';
import { LoadedRows, StoredRows } from './sources.js';
import { Target } from './target.js';
import { placeholders } from './sqltext.js';

const final = new Set(['SUCCEEDED', 'FAILED', 'CANCELED', 'KILLED']);
const longestWait = 50;
const mostLines = 5000;

/** Rows that a reply brings into the page, unless the text's options say otherwise; stored ones have no such limit. */
export const mostRowsOfQuery = 10000;

/** The body of a job, as the API takes it. */
export function jobOf(tab, sql, { isQuery, mostRows }) {
    const { options } = tab,
        context = { query: sql, return_result: isQuery };
    const set = (name, value) => {
        if (value !== undefined && value !== null && value !== '') {
            context[name] = value;
        }
    };
    set('timeout_seconds', numberOf(options.timeout_seconds));
    set('lock_timeout_seconds', numberOf(options.lock_timeout_seconds));
    set('role', options.role);
    set('search_path', options.search_path);
    if (isQuery) {
        set('row_limit', numberOf(options.row_limit) ?? mostRows);
        set('read_only', options.read_only || undefined);
        set('parameters', parametersOf(tab, sql));
    } else {
        set('transaction', options.transaction);
        set('on_error', options.on_error);
        set('variables', variablesOf(tab, sql));
    }
    return { name: tab.name, tags: ['source:console'], ...Target.criteriaOf(tab), context };
}

function numberOf(text) {
    return text === undefined || text === '' ? undefined : Number(text);
}

function parametersOf(tab, sql) {
    const names = placeholders(sql, false);
    const values = names.map(name => {
        const { value = '', type = '', isNull = false } = tab.values[name] ?? {};
        return type === '' ? { value: isNull ? null : value } : { value: isNull ? null : value, type };
    });
    return names.length === 0
        ? undefined
        : names.every(name => name[0] === '$')
          ? values
          : Object.fromEntries(names.map((name, index) => [name, values[index]]));
}

function variablesOf(tab, sql) {
    const given = placeholders(sql, true).filter(name => (tab.values[name]?.value ?? '') !== '');
    return given.length === 0 ? undefined : Object.fromEntries(given.map(name => [name, tab.values[name].value]));
}

/** One run of a text, and what came of it. */
export class Run {
    constructor(tab, chosen, mode, onChange) {
        Object.assign(this, {
            tab,
            chosen,
            mode,
            onChange,
            begun: performance.now(),
            ended: null,
            id: null,
            source: null,
            plan: null,
            log: null,
            error: null,
            ending: null,
            state: 'asking',
            cancelled: false,
        });
        this.controller = new AbortController();
    }

    get isOver() {
        return this.ended !== null;
    }

    async start(options = {}) {
        try {
            await {
                query: () => this.query(),
                stored: () => this.store(),
                batch: () => this.batch(),
                check: () => this.check(options.isQuery),
                explain: () => this.explain(options.analyze),
            }[this.mode]();
        } catch (error) {
            this.cancelled ||= error.name === 'AbortError';
            if (error.name !== 'AbortError') {
                this.error = error;
                this.id ??= error.id;
            }
        }
        this.ended = performance.now();
        this.onChange();
    }

    async query() {
        const reply = await send('POST', '/job', {
            body: jobOf(this.tab, this.chosen.sql, { isQuery: true, mostRows: mostRowsOfQuery }),
            headers: { Accept: 'application/x-ndjson' },
            signal: this.controller.signal,
        });
        this.id = reply.headers.get('Heimdall-Job-Id');
        this.ending = await readNdjson(reply.body, {
            opening: ({ columns }) => this.show(new LoadedRows(columns)),
            rows: rows => {
                this.source.add(rows);
                this.onChange();
            },
        });
        if (this.ending === null) {
            throw new Refusal(
                {
                    title: 'The reply broke off.',
                    detail: 'The rows that are shown are not all. Look at the job for how it ended.',
                },
                0,
            );
        }
        if (this.ending.status !== 'SUCCEEDED') {
            throw await this.failureOf(this.ending);
        }
    }

    show(source) {
        this.source = source;
        this.state = 'reading';
        this.onChange();
    }

    async store() {
        const job = await this.follow(
            await ask('POST', '/job', {
                body: jobOf(this.tab, this.chosen.sql, { isQuery: true }),
                headers: { Prefer: 'respond-async' },
                signal: this.controller.signal,
            }),
        );
        await this.readStored(job);
    }

    async readStored(job) {
        const reply = await send('GET', `/job/${job.id}/result?offset=0&limit=1`, { signal: this.controller.signal });
        const { columns, total_rows: total } = await reply.json();
        this.ending = { row_count: total, truncated: job.truncated, status: job.status, stored: true };
        const source = new StoredRows(job.id, columns, total);
        source.onError = error => {
            this.error = error;
            this.onChange();
        };
        this.show(source);
    }

    /** Waits for the end of a job of the queue; it goes on without this page. */
    async follow(job) {
        this.id = job.id;
        while (!final.has(job.status)) {
            this.state = job.status;
            this.onChange();
            job = await ask('GET', `/job/${job.id}`, {
                headers: { Prefer: `wait=${longestWait}` },
                signal: this.controller.signal,
            });
        }
        this.state = job.status;
        if (job.status !== 'SUCCEEDED') {
            throw refusalOf(job);
        }
        return job;
    }

    async batch() {
        const job = await ask('POST', '/job', {
            body: jobOf(this.tab, this.chosen.sql, { isQuery: false }),
            signal: this.controller.signal,
        });
        this.id = job.id;
        this.state = job.status;
        this.log = [];
        await this.watch();
        const ended = await ask('GET', `/job/${job.id}`);
        this.ending = ended;
        this.state = ended.status;
        if (ended.status !== 'SUCCEEDED') {
            throw refusalOf(ended);
        }
    }

    // The browser comes back by itself when the connection breaks, with how far it has read.
    watch() {
        return new Promise((resolve, reject) => {
            const events = new EventSource(`${root}/api/v1/job/${this.id}/events`);
            const stop = then => {
                events.close();
                then();
            };
            const tell = (kind, line) => {
                this.log.push({ kind, line });
                this.log.splice(0, this.log.length - mostLines);
                this.onChange();
            };
            events.addEventListener('status', event => {
                this.state = JSON.parse(event.data).status;
                this.onChange();
            });
            events.addEventListener('progress', event => {
                this.progress = JSON.parse(event.data);
                this.onChange();
            });
            events.addEventListener('log', event => tell('log', JSON.parse(event.data).line));
            events.addEventListener('notice', event => tell('notice', JSON.parse(event.data).line));
            events.addEventListener('end', () => stop(resolve));
            events.addEventListener('error', () => {
                if (events.readyState === EventSource.CLOSED) {
                    stop(() => this.follow({ id: this.id, status: 'ACCEPTED' }).then(resolve, reject));
                }
            });
        });
    }

    async check(isQuery) {
        const preview = await ask('POST', '/job', {
            body: { ...jobOf(this.tab, this.chosen.sql, { isQuery }), dry_run: true },
            signal: this.controller.signal,
        });
        this.preview = preview;
        this.ending = { status: 'CHECKED' };
    }

    async explain(analyze) {
        const prefix = `explain (format json${analyze ? ', analyze, buffers' : ''}) `;
        this.begin = { ...this.chosen, column: this.chosen.column - prefix.length };
        const { result } = await ask('POST', '/job', {
            body: jobOf(this.tab, prefix + this.chosen.sql.replace(/;\s*$/, ''), { isQuery: true }),
            signal: this.controller.signal,
        });
        const text = result.data[0]?.[0];
        this.plan = typeof text === 'string' ? text : JSON.stringify(text);
        this.ending = { status: 'SUCCEEDED' };
    }

    /** Where the text that ran begins within the tab's text. */
    get place() {
        return this.begin ?? this.chosen;
    }

    async failureOf(ending) {
        try {
            return refusalOf(await ask('GET', `/job/${this.id}`));
        } catch {
            return new Refusal(
                { title: 'The query failed.', detail: ending.error, sqlstate: ending.sqlstate, error: ending.error },
                200,
            );
        }
    }

    async cancel() {
        this.cancelled = true;
        if (this.mode === 'batch' || this.mode === 'stored') {
            this.state = 'CANCELING';
            this.onChange();
            await ask('POST', `/job/${this.id}/cancel`);
        } else {
            this.controller.abort();
        }
    }
}

function refusalOf(job) {
    const [first = {}] = job.errors ?? [];
    const refusal = new Refusal(
        {
            title:
                job.status === 'CANCELED'
                    ? 'The job was cancelled.'
                    : job.status === 'KILLED'
                      ? 'A deadline has stopped the job.'
                      : 'The database refused it.',
            error: job.error ?? (job.canceled_by ? `Cancelled by ${job.canceled_by}.` : job.status),
            sqlstate: job.sqlstate,
            hint: first.hint,
            error_detail: first.detail,
            context: first.context,
            id: job.id,
        },
        200,
    );
    refusal.errors = job.errors ?? [];
    return refusal;
}
