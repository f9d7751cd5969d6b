// Runs of a text: a query whose rows come in the reply, one whose rows are stored, a batch, a check, a plan.
import { ask, insist, readJson, send, serverTime, sleep, user, Refusal } from './api.js';
import { eventsOf } from './events.js';
import { writeExact } from './exact.js';
import { jobOf, limitsOfQuery } from './jobs.js';
import { inPlace } from './places.js';
import { readNdjson } from './rows.js';
import { LoadedRows, StoredRows } from './sources.js';
import { Target } from './target.js';

const final = new Set(['SUCCEEDED', 'FAILED', 'CANCELED', 'KILLED']);
const longestWait = 50;
const mostLines = 5000;
const triesOfSubmit = 6;
const pauses = { shown: 1000, unseen: 3000 };
const childrenShare = 10; // each carries its whole SQL: to read them takes a tenth of the time at most
const findTries = 4; // of the job of a query that was cancelled before its reply began
const clockError = 2000; // milliseconds: a reply tells the server's time in whole seconds

// Of each text the job of which nobody knows whether it was recorded: sent again, it is the same job.
const unsure = new Map();

/** One run of a text, and what came of it. */
export class Run {
    constructor(tab, chosen, mode, target, onChange) {
        Object.assign(this, {
            tab,
            chosen,
            mode,
            target,
            onChange,
            begun: performance.now(),
            ended: null,
            id: null,
            source: null,
            plan: null,
            planOf: null, // the cluster, where the text is for all that match
            log: null,
            linesLeftOut: 0,
            hasWholeLog: false,
            lastEvent: null,
            error: null,
            note: '', // what is to be known besides
            away: null, // why the job cannot be seen in this moment
            ending: null,
            sentAt: null, // by the server's clock; null: nothing was sent
            sent: null, // the job, as it was sent
            isForAll: Target.isForAll(tab) && mode !== 'explain', // clusters that match
            counts: null, // of the children: how many have ended
            children: null, // of a job for all clusters
            childrenDue: 0, // when they are read again
            state: 'asking',
            isAbandoned: false, // its connection was closed, which asks for a cancel: the record says what came of it
            isUnknown: false,
            cancelled: false,
            isShown: true,
        });
        this.controller = new AbortController();
        this.turn = new AbortController(); // ended when the text is shown, or is not any more
    }

    get isOver() {
        return this.ended !== null;
    }

    /** Whether a job of the queue runs it, which goes on without this page. */
    get isQueued() {
        return this.mode === 'batch' || this.mode === 'stored';
    }

    get isLost() {
        return this.isQueued && this.id !== null && !final.has(this.state);
    }

    async start(options = {}) {
        try {
            await {
                query: () => this.take(() => this.query()),
                stored: () => this.store(),
                batch: () => this.batch(),
                check: () => this.take(() => this.check(options.isQuery)),
                explain: () => this.take(() => this.explain(options.analyze)),
            }[this.mode]();
        } catch (error) {
            if (error.name === 'AbortError') {
                await this.abandon();
            } else {
                this.error = error;
                this.id ??= error.id;
            }
        }
        if (this.isForAll && this.id !== null && !this.isLeft) {
            await this.readChildren().catch(() => {}); // what is known of them stays
        }
        this.ended = performance.now();
        this.onChange();
        this.listenOn();
    }

    /** What holds a connection until its end waits until there is one. */
    take(action) {
        return inPlace(
            () => {
                this.state = 'asking';
                this.sentAt = serverTime();
                return action();
            },
            {
                signal: this.controller.signal,
                onWait: () => {
                    this.state = 'waiting';
                    this.onChange();
                },
            },
        );
    }

    async query() {
        this.sent = jobOf(this.tab, this.chosen.sql, { isQuery: true, target: this.target, limits: limitsOfQuery });
        const reply = await this.submit(this.sent, { Accept: 'application/x-ndjson' });
        this.id = reply.headers.get('Heimdall-Job-Id');
        this.ending = await readNdjson(reply.body, {
            opening: ({ columns }) => this.show(new LoadedRows(columns)),
            rows: rows => {
                this.source.add(rows);
                this.onChange();
            },
        });
        if (this.ending.status !== 'SUCCEEDED') {
            throw await this.failureOf(this.ending);
        }
    }

    show(source) {
        this.source = source;
        this.state = 'reading';
        this.onChange();
    }

    /** Sends a job with a key, so that one that is sent again after its reply was lost does not run twice. */
    async submit(job, headers = {}) {
        const body = writeExact(job),
            { signal } = this.controller,
            { id } = this.tab;
        const wanted = { body, mode: this.mode };
        const lost = unsure.get(id);
        const isAgain = lost?.body === body && lost.mode === this.mode;
        wanted.key = isAgain ? lost.key : newKey();
        unsure.set(id, wanted);
        try {
            const reply = await insist(
                () =>
                    send('POST', '/job', {
                        body,
                        headers: { 'Content-Type': 'application/json', 'Idempotency-Key': wanted.key, ...headers },
                        signal,
                    }),
                { signal, tries: this.isQueued ? triesOfSubmit : 1, onAway: error => this.lookAway(error) },
            );
            unsure.delete(id);
            this.lookAway(null);
            return reply;
        } catch (error) {
            if (!error.isPassing) {
                unsure.delete(id);
            }
            // The first was a query that left nothing behind.
            if (isAgain && error.status === 409 && final.has(error.jobStatus) && error.jobStatus !== 'SUCCEEDED') {
                return await this.submit(job, headers);
            }
            throw error;
        }
    }

    async store() {
        const job = jobOf(this.tab, this.chosen.sql, { isQuery: true, isQueued: true, target: this.target });
        const submitted = await readJson(await this.submit(job, { Prefer: 'respond-async' }));
        await this.readStored(await this.follow(submitted));
    }

    async readStored(job) {
        const { signal } = this.controller;
        this.ending = { row_count: job.row_count, rows_affected: job.rows_affected, truncated: job.truncated };
        try {
            const { columns, total_rows: total } = await insist(
                () => ask('GET', `/job/${job.id}/result?offset=0&limit=1`, { signal }),
                { signal, onAway: error => this.lookAway(error) },
            );
            this.lookAway(null);
            Object.assign(this.ending, { row_count: total, stored: true });
            this.show(new StoredRows(job.id, columns, total));
        } catch (error) {
            if (error.name === 'AbortError') {
                throw error;
            }
            this.note = `Its rows cannot be shown: ${error.message}`; // it has succeeded all the same
        }
    }

    /** Waits for the end of a job of the queue. */
    async follow(job) {
        this.id = job.id;
        this.state = job.status;
        this.onChange();
        while (!final.has(job.status)) {
            job = await this.look(job, this.isShown && !this.isForAll);
        }
        return endedWell(job);
    }

    /** The jobs of a job for all clusters. One that is gone from the list cannot be: they are deleted together. */
    async readChildren() {
        const { signal } = this.turn,
            begun = performance.now(),
            children = [];
        for (let cursor = null; ; ) {
            const next = cursor === null ? {} : { cursor };
            const query = new URLSearchParams({ parent: this.id, direction: 'asc', limit: 200, ...next });
            const page = await ask('GET', `/jobs?${query}`, { signal });
            children.push(...page.data);
            if (!page.has_more) {
                break;
            }
            cursor = page.next_cursor;
        }
        this.childrenDue = performance.now() + childrenShare * (performance.now() - begun);
        this.children = children.sort((a, b) => (a.cluster_name < b.cluster_name ? -1 : 1));
        this.onChange();
    }

    // Browsers open six connections to a host: a text that is not shown holds none.
    async look(job, waits) {
        const asked = performance.now(),
            { signal } = this.turn;
        try {
            const found = await insist(
                () =>
                    ask('GET', `/job/${this.id}`, {
                        headers: waits ? { Prefer: `wait=${longestWait}` } : {},
                        signal,
                    }),
                { signal, onAway: error => this.lookAway(error) },
            );
            this.state = found.status;
            this.counts = found.children ?? null;
            this.lookAway(null);
            if (this.isForAll && this.isShown && !final.has(found.status) && asked >= this.childrenDue) {
                await this.readChildren().catch(error => (error.isPassing ? null : Promise.reject(error)));
            }
            if (!final.has(found.status)) {
                await sleep(asked + (this.isShown ? pauses.shown : pauses.unseen) - performance.now(), signal);
            }
            return found;
        } catch (error) {
            return this.isTurn(error) ? job : Promise.reject(error);
        }
    }

    /** The text is shown, or is not any more: what waits is asked anew, in the other way. */
    attend(isShown) {
        if (this.isShown === isShown) {
            return;
        }
        this.isShown = isShown;
        const { turn } = this;
        this.turn = new AbortController();
        turn.abort();
        this.listenOn();
    }

    // A batch may end while there is no room for one more watcher, or while nobody looks: its log can still be read.
    async listenOn() {
        try {
            while (this.isShown && this.isOver && this.log !== null && !this.hasWholeLog) {
                await this.listen();
                await sleep(this.hasWholeLog ? 0 : pauses.shown, this.turn.signal);
            }
        } catch (error) {
            this.lookAway(error);
        }
    }

    isTurn(error) {
        return error.name === 'AbortError' && !this.controller.signal.aborted;
    }

    /** Nobody looks at it any more. A query is cancelled; a job of the queue goes on. */
    leave() {
        this.isLeft = true;
        this.controller.abort();
        this.turn.abort();
        this.source?.leave?.();
    }

    lookAway(error) {
        this.away = error;
        this.onChange();
    }

    async batch() {
        const wanted = jobOf(this.tab, this.chosen.sql, { isQuery: false, isQueued: true, target: this.target });
        let job = await readJson(await this.submit(wanted));
        this.id = job.id;
        this.state = job.status;
        this.log = this.isForAll ? null : [];
        do {
            if (this.isShown && !this.isForAll) {
                await this.listen();
            }
            job = await this.look(job, false);
        } while (!final.has(job.status));
        this.ending = job;
        endedWell(job);
    }

    // Returns at the end, when the text is not shown any more, or when the server is away: then the job is looked at.
    async listen() {
        try {
            const reply = await send('GET', `/job/${this.id}/events`, {
                headers: this.lastEvent === null ? {} : { 'Last-Event-ID': this.lastEvent },
                signal: this.turn.signal,
            });
            if (reply.status === 204) {
                this.hasWholeLog = true;
                return;
            }
            for await (const event of eventsOf(reply.body)) {
                this.lastEvent = event.id ?? this.lastEvent;
                this.away = null;
                this.hear(event);
            }
        } catch (error) {
            if (error.isPassing) {
                this.lookAway(error);
            } else if (!this.isTurn(error)) {
                throw error;
            }
        }
    }

    hear({ type, data }) {
        switch (type) {
            case 'status':
                this.state = this.isOver ? this.state : data.status;
                break;
            case 'progress':
                this.progress = data;
                break;
            case 'log':
            case 'notice':
                this.log.push({ kind: type, line: data.line });
                if (this.log.length > mostLines) {
                    this.log.shift();
                    this.linesLeftOut++;
                }
                break;
            case 'end':
                this.hasWholeLog = true;
                break;
        }
        this.onChange();
    }

    async check(isQuery) {
        this.preview = await ask('POST', '/job', {
            ...asJson({
                ...jobOf(this.tab, this.chosen.sql, { isQuery, isQueued: this.isForAll, target: this.target }),
                dry_run: true,
            }),
            signal: this.controller.signal,
        });
        this.ending = { status: 'CHECKED' };
    }

    async explain(analyze) {
        const prefix = `explain (format json${analyze ? ', analyze, buffers' : ''}) `;
        this.begin = { ...this.chosen, column: this.chosen.column - prefix.length };
        const sql = prefix + this.chosen.sql.replace(/;\s*$/, '');
        this.sent = jobOf(this.tab, sql, { isQuery: true, isTold: false, target: this.target });
        const { result, cluster_name: cluster } = await ask('POST', '/job', {
            ...asJson(this.sent),
            signal: this.controller.signal,
        });
        const text = result.data[0]?.[0];
        this.plan = typeof text === 'string' ? text : JSON.stringify(text);
        this.planOf = Target.isForAll(this.tab) ? cluster : null;
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

    /** Of a job of the queue the server says whether it is cancelled; a query is when its connection is closed. */
    async cancel() {
        if (!this.isAbandoned && (!this.isQueued || this.id === null)) {
            this.controller.abort();
            return;
        }
        if (this.id === null) {
            return; // its job is being looked for, and the server has been asked
        }
        const { state } = this;
        this.state = 'CANCELING';
        this.onChange();
        try {
            await ask('POST', `/job/${this.id}/cancel`);
        } catch (error) {
            this.state = this.state === 'CANCELING' ? state : this.state;
            if (error.status !== 409) {
                throw error;
            }
            this.note = 'The cancel came too late.';
        } finally {
            this.onChange();
        }
    }

    // The connection of a query was closed. It may have committed before that, and may go on for a while.
    async abandon() {
        if (this.isQueued && this.id === null) {
            this.note = 'Whether the job was submitted is not known: see the history.';
        }
        if (this.isLeft || this.sent === null) {
            this.cancelled = true;
            return;
        }
        this.isAbandoned = true;
        this.state = 'CANCELING';
        this.controller = new AbortController(); // of what looks for the end, which only leaving ends
        this.onChange();
        try {
            this.id ??= await this.findSent();
            if (this.id === null) {
                this.cancelled = true;
                this.note = 'No job of it is recorded.';
                return;
            }
            await this.followAbandoned();
        } catch (error) {
            this.isUnknown = true;
            this.note = error.name === 'AbortError' ? '' : 'Look at the history for how it ended.';
        }
    }

    async followAbandoned() {
        let job = { status: 'CANCELING' };
        while (!final.has(job.status)) {
            job = await this.look(job, this.isShown);
        }
        this.state = job.status;
        this.cancelled = job.status === 'CANCELED';
        if (job.status === 'SUCCEEDED') {
            this.note = 'It had succeeded before: what it wrote is kept, and not all of its rows are here.';
        } else if (!this.cancelled) {
            this.error = refusalOf(job);
        }
    }

    // Its reply had not begun, so that nobody has told which job it was. The text may have another name by now.
    async findSent() {
        const since = new Date(this.sentAt - clockError).toISOString();
        const query = new URLSearchParams({ user, name: this.sent.name, tag: 'source:console', created_after: since });
        const { signal } = this.controller;
        for (let count = 0; count < findTries; count++) {
            const { data } = await insist(() => ask('GET', `/jobs?${query}&limit=20`, { signal }), {
                signal,
                onAway: error => this.lookAway(error),
            });
            this.lookAway(null);
            const found = data.find(job => job.is_sync && job.context.query === this.sent.context.query);
            if (found) {
                return found.id;
            }
            await sleep(pauses.shown, signal);
        }
        return null;
    }
}

function newKey() {
    return `console-${crypto.getRandomValues(new Uint32Array(4)).join('-')}`;
}

function asJson(job) {
    return { body: writeExact(job), headers: { 'Content-Type': 'application/json' } };
}

function endedWell(job) {
    if (job.status !== 'SUCCEEDED') {
        throw refusalOf(job);
    }
    return job;
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
