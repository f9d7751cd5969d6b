// Heimdall's REST API, asked as any other client asks it: rights, limits and the audit are the server's.
const main = document.getElementById('hd-main');

export const root = main.dataset.root;
export const user = main.dataset.user;

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
    }
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
    if (reply.ok || reply.status === 304) {
        return reply;
    }
    throw new Refusal(await problemOf(reply), reply.status);
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
    return reply.status === 204 ? null : await reply.json();
}
