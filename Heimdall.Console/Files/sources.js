// Where the rows of a table come from: memory, or pages of a stored result.
import { brokenOff, insist, send } from './api.js';
import { compare, readNdjson } from './rows.js';

/** The rows that a reply has brought. */
export class LoadedRows {
    constructor(columns, rows = []) {
        this.columns = columns;
        this.rows = rows;
        this.onChange = () => {};
    }

    get length() {
        return this.rows.length;
    }

    get loaded() {
        return this.rows;
    }

    peek(row) {
        return this.rows[row];
    }

    add(rows) {
        for (const row of rows) {
            this.rows.push(row);
        }
        this.onChange();
    }

    sort(column, isDescending) {
        const type = this.columns[column].type,
            sign = isDescending ? -1 : 1;
        this.rows.sort(
            (a, b) => (a[column] === null || b[column] === null ? 1 : sign) * compare(type, a[column], b[column]),
        );
        this.onChange();
        return null;
    }
}

const mostRows = 500, // of a page
    mostPages = 12,
    mostCharacters = 64 * 1024 * 1024,
    mostOfPage = 8 * 1024 * 1024;

/** Rows are wider than those before: a page is to have fewer. */
class TooWide extends Error {}

/** A stored result, of which the pages around the visible rows are kept and no others. */
export class StoredRows {
    constructor(id, columns, length) {
        this.id = id;
        this.columns = columns;
        this.length = length;
        this.pages = new Map();
        this.pageSize = mostRows;
        this.wanted = [];
        this.seen = [0, 0];
        this.asked = new Map();
        this.onChange = () => {};
        this.onError = () => {}; // null when it is over
        this.refusal = null; // for good: it is not asked for again
    }

    get loaded() {
        return [...this.pages.keys()].sort((a, b) => a - b).flatMap(page => this.pages.get(page));
    }

    peek(row) {
        return this.pages.get(Math.floor(row / this.pageSize))?.[row % this.pageSize];
    }

    /** Of rows that are scrolled past, the pages are not fetched. */
    want(first, end) {
        clearTimeout(this.timer);
        this.seen = [first, end];
        const { pageSize } = this,
            pages = [];
        for (let page = Math.floor(first / pageSize); page * pageSize < end; page++) {
            pages.push(page);
        }
        this.wanted = pages;
        this.leave(page => !pages.includes(page));
        const missing = pages.filter(page => !this.pages.has(page) && !this.asked.has(page));
        if (missing.length > 0 && this.refusal === null) {
            this.timer = setTimeout(() => missing.forEach(page => this.fetch(page)), 60);
        }
        for (const page of pages.filter(one => this.pages.has(one))) {
            const rows = this.pages.get(page); // the last to be dropped
            this.pages.delete(page);
            this.pages.set(page, rows);
        }
    }

    /** Ends what is being fetched. */
    leave(isLeft = () => true) {
        for (const [page, controller] of this.asked) {
            if (isLeft(page)) {
                controller.abort();
                this.asked.delete(page);
            }
        }
    }

    async fetch(page) {
        const controller = new AbortController(),
            { signal } = controller;
        this.asked.set(page, controller);
        try {
            const rows = await insist(() => this.read(page, signal), { signal, onAway: error => this.onError(error) });
            this.pages.set(page, rows);
            this.drop();
            this.onError(null);
            this.onChange();
        } catch (error) {
            if (error instanceof TooWide) {
                this.shrink();
            } else if (error.name !== 'AbortError') {
                this.refusal = error;
                this.onError(error);
            }
        } finally {
            if (this.asked.get(page) === controller) {
                this.asked.delete(page);
            }
        }
    }

    // The pages that are there have other bounds, and are read again.
    shrink() {
        this.pageSize = Math.max(1, Math.floor(this.pageSize / 4));
        this.pages.clear();
        this.leave();
        this.want(...this.seen);
    }

    async read(page, signal) {
        const { pageSize } = this;
        const reply = await send('GET', `/job/${this.id}/result?offset=${page * pageSize}&limit=${pageSize}`, {
            headers: { Accept: 'application/x-ndjson' },
            signal,
        });
        const rows = [];
        let size = 0;
        const ending = await readNdjson(reply.body, {
            rows: more => {
                for (const row of more) {
                    rows.push(row);
                }
                size += sizeOf(more);
                if (size > mostOfPage && pageSize > 1) {
                    throw new TooWide();
                }
            },
        });
        if (ending.status !== 'SUCCEEDED') {
            throw brokenOff(ending.error ?? '');
        }
        return rows;
    }

    // What has not been seen for longest goes first, and what is in sight stays.
    drop() {
        const sizes = new Map([...this.pages].map(([page, rows]) => [page, sizeOf(rows)]));
        let size = [...sizes.values()].reduce((sum, one) => sum + one, 0);
        for (const page of [...this.pages.keys()]) {
            if (this.pages.size <= mostPages && size <= mostCharacters) {
                return;
            }
            if (!this.wanted.includes(page)) {
                this.pages.delete(page);
                size -= sizes.get(page);
            }
        }
    }

    /** Only what is loaded can be sorted, and a part of a result that is sorted would look like the whole. */
    sort(column, isDescending) {
        const loaded = this.loaded;
        if (loaded.length < this.length) {
            const loadedOf = `${loaded.length} of ${this.length} are`;
            return `Only rows that are loaded can be sorted: ${loadedOf}. Use ORDER BY in the query.`;
        }
        const sorted = new LoadedRows(this.columns, loaded);
        sorted.sort(column, isDescending);
        const { pageSize } = this;
        this.pages.clear();
        for (let page = 0; page * pageSize < loaded.length; page++) {
            this.pages.set(page, loaded.slice(page * pageSize, (page + 1) * pageSize));
        }
        this.onChange();
        return null;
    }
}

function sizeOf(rows) {
    return rows.reduce((sum, row) => row.reduce((all, value) => all + (value?.length ?? 0), sum), 0);
}
