// Heimdall's REST API, asked as any other client asks it: rights, limits and the audit are the server's.
const main = document.getElementById('hd-main');

export const root = main.dataset.root;
export const user = main.dataset.user;

let ahead = 0; // of the server's clock, in milliseconds

/** What the server's clock shows, to about a second: as the last reply told. */
export function serverTime() {
    return Date.now() + ahead;
}

const passing = new Set([0, 429, 502, 503, 504]);
const longestPause = 15000;

/** Why something was refused or failed, as the server says it. */
export class Refusal extends Error {
    constructor(problem, status) {
        super(problem.error ?? problem.detail ?? problem.title ?? 'The server refused this.');
        this.status = status;
        this.title = problem.title ?? '';
        this.id = problem.id;
        this.errors =
            problem.statement_errors ??
            (problem.line || problem.sqlstate
                ? [{ ...problem, detail: problem.error_detail, message: problem.error ?? problem.detail }]
                : []);
        this.sqlstate = problem.sqlstate;
        this.hint = problem.hint;
        this.errorDetail = problem.error_detail;
        this.context = problem.context;
        this.jobStatus = problem.status_of_job;
        this.retryAfter = 0;
    }

    /** Of a server that is away, is restarted or has no place now: what it refuses for good is not among these. */
    get isPassing() {
        return passing.has(this.status) || (this.status === 409 && this.retryAfter > 0);
    }
}

/** The connection ended within a reply. */
export function brokenOff(detail) {
    return new Refusal({ title: 'The reply broke off.', detail: `The reply broke off. ${detail}` }, 0);
}

/** Sends a request; a refusal is thrown as the server put it. */
export async function send(method, path, { body, headers = {}, signal } = {}) {
    const isText = typeof body === 'string';
    let reply;
    try {
        reply = await fetch(`${root}/api/v1${path}`, {
            method,
            signal,
            cache: 'no-store',
            credentials: 'same-origin',
            redirect: 'error',
            headers: body === undefined || isText ? headers : { 'Content-Type': 'application/json', ...headers },
            body: body === undefined || isText ? body : JSON.stringify(body),
        });
    } catch (error) {
        throw error.name === 'AbortError'
            ? error
            : new Refusal(
                  {
                      title: 'The server does not answer.',
                      detail: 'The connection failed. Nothing is known of what was sent.',
                  },
                  0,
              );
    }
    const told = Date.parse(reply.headers.get('Date') ?? '');
    ahead = Number.isNaN(told) ? ahead : told - Date.now();
    if (reply.ok || reply.status === 304) {
        return reply;
    }
    const refusal = new Refusal(await problemOf(reply), reply.status);
    refusal.retryAfter = 1000 * (Number(reply.headers.get('Retry-After')) || 0);
    throw refusal;
}

async function problemOf(reply) {
    if (reply.status === 401) {
        return {
            title: 'You are not signed in any more.',
            detail: 'Reload the page to sign in. The texts are kept in this browser.',
        };
    }
    try {
        return await reply.json();
    } catch {
        return {
            title: `The server answered ${reply.status}.`,
            detail: 'It did not say why; a proxy may stand between.',
        };
    }
}

export async function ask(method, path, options) {
    const reply = await send(method, path, options);
    return reply.status === 204 ? null : await readJson(reply);
}

/** The body of a reply, which may break off. */
export async function readJson(reply) {
    try {
        return await reply.json();
    } catch (error) {
        throw error.name === 'AbortError' ? error : brokenOff('Nothing is known of what was sent.');
    }
}

/**
 * Asks again while the server is away, longer and longer apart. For what may be asked twice: what reads, and what has
 * an Idempotency-Key.
 */
export async function insist(action, { signal, tries = Infinity, onAway = () => {} }) {
    for (let count = 1, pause = 500; ; count++, pause = Math.min(longestPause, pause * 2)) {
        try {
            return await action();
        } catch (error) {
            if (!error.isPassing || count >= tries) {
                throw error;
            }
            onAway(error);
            await sleep(Math.min(longestPause, Math.max(pause, error.retryAfter)), signal);
        }
    }
}

/** Ends early, as an abort, with its signal. */
export function sleep(milliseconds, signal) {
    return new Promise((resolve, reject) => {
        const leave = () => {
            clearTimeout(timer);
            reject(new DOMException('Not waited for any more.', 'AbortError'));
        };
        const timer = setTimeout(() => {
            signal?.removeEventListener('abort', leave);
            resolve();
        }, milliseconds);
        if (signal?.aborted) {
            leave();
        }
        signal?.addEventListener('abort', leave, { once: true });
    });
}
