// What opens below the buttons: options and parameters, history, saved texts, a schedule.
import { ask, send, root, user } from './api.js';
import { byId, h, when } from './dom.js';
import { jobOf, mostRowsOfQuery } from './runs.js';
import { firstLine, placeholders } from './sqltext.js';

const pageOfJobs = 50;

export class Drawer {
    constructor(page) {
        this.page = page;
        this.name = null;
        this.element = byId('hc-drawer');
        this.buttons = [...document.querySelectorAll('[data-drawer]')];
        for (const button of this.buttons) {
            button.addEventListener('click', () => this.toggle(button.dataset.drawer));
        }
        this.element.addEventListener('keydown', event => {
            if (event.key === 'Escape') {
                this.buttons.find(button => button.dataset.drawer === this.name)?.focus();
                this.toggle(this.name);
            }
        });
    }

    toggle(name) {
        this.name = this.name === name ? null : name;
        this.element.hidden = this.name === null;
        for (const button of this.buttons) {
            button.setAttribute('aria-expanded', String(button.dataset.drawer === this.name));
        }
        this.element.replaceChildren();
        if (this.name !== null) {
            this.draw();
        }
    }

    /** After the text or the tab has changed. What is being typed in here stays. */
    refresh() {
        const what =
            this.name === 'options'
                ? JSON.stringify([this.tab.id, this.tab.mode, this.names()])
                : `${this.name}:${this.tab.id}`;
        if (
            this.name !== null &&
            what !== this.drawn &&
            (this.name === 'options' || this.name === 'schedule' || this.name === 'saved')
        ) {
            this.draw();
        }
    }

    get tab() {
        return this.page.tabs.current;
    }

    names() {
        return placeholders(this.tab.sql, this.tab.mode === 'batch');
    }

    draw() {
        this.drawn =
            this.name === 'options'
                ? JSON.stringify([this.tab.id, this.tab.mode, this.names()])
                : `${this.name}:${this.tab.id}`;
        const parts = {
            options: () => this.options(),
            history: () => this.history(),
            saved: () => this.saved(),
            schedule: () => this.schedule(),
        };
        this.element.replaceChildren(...parts[this.name]());
    }

    options() {
        const { tab, page } = this,
            isBatch = tab.mode === 'batch';
        const field = (name, label, attributes) =>
            h(
                'label',
                {},
                label,
                h('input', {
                    class: 'form-control',
                    value: tab.options[name] ?? '',
                    ...attributes,
                    onchange: event => {
                        tab.options[name] = event.target.value.trim();
                        page.keep();
                    },
                }),
            );
        const pick = (name, label, values) =>
            h(
                'label',
                {},
                label,
                h(
                    'select',
                    {
                        class: 'form-control',
                        onchange: event => {
                            tab.options[name] = event.target.value;
                            page.keep();
                        },
                    },
                    values.map(([value, text]) =>
                        h('option', { value, selected: value === (tab.options[name] ?? '') }, text),
                    ),
                ),
            );
        const number = { type: 'number', min: 1, inputmode: 'numeric', placeholder: 'none' };
        return [
            h('h2', {}, `Parameters and options of ${tab.name}`),
            this.parameters(isBatch),
            h(
                'div',
                { class: 'hc-fields' },
                isBatch
                    ? null
                    : field('row_limit', 'Most rows', {
                          ...number,
                          placeholder: tab.mode === 'query' ? mostRowsOfQuery : 'none',
                      }),
                field('timeout_seconds', 'Most seconds', { ...number, step: 'any', min: 0 }),
                field('lock_timeout_seconds', 'Most seconds for a lock', { ...number, step: 'any', min: 0 }),
                isBatch
                    ? pick('transaction', 'Transaction', [
                          ['', 'as the command has it'],
                          ['single', 'all or nothing'],
                          ['none', 'each statement by itself'],
                      ])
                    : null,
                isBatch
                    ? pick('on_error', 'After an error', [
                          ['', 'as the command has it'],
                          ['stop', 'stop'],
                          ['continue', 'go on'],
                      ])
                    : null,
                field('role', 'Role', { spellcheck: 'false', placeholder: 'of the login' }),
                field('search_path', 'Search path', { spellcheck: 'false', placeholder: 'of the login' }),
                isBatch
                    ? null
                    : h(
                          'label',
                          { class: 'hc-tick' },
                          h('input', {
                              type: 'checkbox',
                              checked: tab.options.read_only === true,
                              onchange: event => {
                                  tab.options.read_only = event.target.checked;
                                  page.keep();
                              },
                          }),
                          ' read only',
                      ),
            ),
        ];
    }

    parameters(isBatch) {
        const names = this.names(),
            { tab, page } = this;
        if (names.length === 0) {
            return h(
                'p',
                { class: 'hd-aside' },
                isBatch
                    ? 'The text has no variables: :name stands for one.'
                    : 'The text has no parameters: $1 or :name stands for one.',
            );
        }
        const change = (name, values) => {
            tab.values[name] = { ...tab.values[name], ...values };
            page.keep();
        };
        return h(
            'div',
            { class: 'table-responsive' },
            h(
                'table',
                { class: 'table hc-parameters' },
                h(
                    'thead',
                    {},
                    h(
                        'tr',
                        {},
                        [isBatch ? 'Variable' : 'Parameter', 'Value', ...(isBatch ? [] : ['Type', 'NULL'])].map(text =>
                            h('th', { scope: 'col' }, text),
                        ),
                    ),
                ),
                h(
                    'tbody',
                    {},
                    names.map(name => {
                        const { value = '', type = '', isNull = false } = tab.values[name] ?? {};
                        return h(
                            'tr',
                            {},
                            h('th', { scope: 'row' }, h('code', {}, name[0] === '$' ? name : `:${name}`)),
                            h(
                                'td',
                                {},
                                h('input', {
                                    class: 'form-control',
                                    value,
                                    'aria-label': `Value of ${name}`,
                                    oninput: event => change(name, { value: event.target.value }),
                                }),
                            ),
                            isBatch
                                ? null
                                : h(
                                      'td',
                                      {},
                                      h('input', {
                                          class: 'form-control',
                                          value: type,
                                          list: 'hc-types',
                                          placeholder: 'inferred',
                                          spellcheck: 'false',
                                          'aria-label': `Type of ${name}`,
                                          oninput: event => change(name, { type: event.target.value.trim() }),
                                      }),
                                  ),
                            isBatch
                                ? null
                                : h(
                                      'td',
                                      {},
                                      h('input', {
                                          type: 'checkbox',
                                          checked: isNull,
                                          'aria-label': `${name} is NULL`,
                                          onchange: event => change(name, { isNull: event.target.checked }),
                                      }),
                                  ),
                        );
                    }),
                ),
            ),
            h(
                'datalist',
                { id: 'hc-types' },
                [
                    'int4',
                    'int8',
                    'numeric',
                    'text',
                    'bool',
                    'date',
                    'timestamptz',
                    'uuid',
                    'jsonb',
                    'int4[]',
                    'text[]',
                ].map(value => h('option', { value })),
            ),
        );
    }

    history() {
        const list = h('ul', { class: 'hc-list' }),
            said = h('p', { role: 'status', class: 'hd-aside' }, 'Reading …');
        const search = h('input', {
            class: 'form-control',
            type: 'search',
            'aria-label': 'Text in SQL or error',
            placeholder: 'Text in SQL or error',
        });
        const read = async () => {
            try {
                const text = search.value.trim();
                const { data } = await ask(
                    'GET',
                    `/jobs?${new URLSearchParams({ user, limit: pageOfJobs, ...(text ? { text } : {}) })}`,
                );
                const jobs = data.filter(job => !(job.tags ?? []).includes('source:console-completion'));
                list.replaceChildren(...jobs.map(job => this.drawJob(job)));
                said.textContent =
                    jobs.length === 0
                        ? 'No job of yours is found.'
                        : `Your newest ${jobs.length} jobs. A press opens one as a new text.`;
            } catch (error) {
                said.textContent = error.message;
            }
        };
        search.addEventListener('change', read);
        read();
        return [h('h2', {}, 'History'), search, said, list];
    }

    drawJob(job) {
        return h(
            'li',
            {},
            h(
                'button',
                { type: 'button', class: 'hc-entry', onclick: () => this.page.open(this.textOfJob(job)) },
                h('span', { class: `hd-state hd-${job.status.toLowerCase()}` }, job.status),
                ' ',
                h('b', {}, job.name),
                ` ${when(job.created_at)} `,
                h('code', {}, firstLine(job.context.query ?? '')),
            ),
            h('a', { href: `${root}/hangfire/sql/jobs/${job.id}` }, 'Job'),
        );
    }

    /** A text that runs what a job has run. */
    textOfJob(job) {
        const { query, return_result: isQuery, parameters, variables, ...context } = job.context;
        const options = Object.fromEntries(
            [
                'row_limit',
                'timeout_seconds',
                'lock_timeout_seconds',
                'role',
                'search_path',
                'read_only',
                'transaction',
                'on_error',
            ]
                .filter(name => name in context)
                .map(name => [name, typeof context[name] === 'number' ? String(context[name]) : context[name]]),
        );
        return {
            name: job.name,
            sql: query ?? '',
            mode: !isQuery ? 'batch' : job.is_sync ? 'query' : 'stored',
            options,
            values: valuesOf(parameters, variables),
            ...this.page.target.choiceOf(job),
        };
    }

    saved() {
        const { tab, page } = this;
        const list = h('ul', { class: 'hc-list' }),
            said = h('p', { role: 'status', class: 'hd-aside' }, 'Reading …');
        const path = h('input', {
            class: 'form-control',
            value: tab.saved?.path ?? '',
            'aria-label': 'Path',
            placeholder: 'reports/headcount.sql',
            spellcheck: 'false',
        });
        const save = h('button', { type: 'button', class: 'btn btn-primary' }, `Save ${tab.name}`);
        const read = async () => {
            try {
                const { data } = await ask('GET', '/sql?limit=200');
                list.replaceChildren(
                    ...data.map(script =>
                        h(
                            'li',
                            {},
                            h(
                                'button',
                                { type: 'button', class: 'hc-entry', onclick: () => openScript(script.path) },
                                h('code', {}, script.path),
                                script.owner ? ` of ${script.owner}` : '',
                            ),
                        ),
                    ),
                );
                said.textContent =
                    data.length === 0
                        ? 'No script is saved yet.'
                        : 'A press opens one as a new text. Jobs may name them by their paths.';
            } catch (error) {
                save.disabled = true;
                said.textContent =
                    error.status === 404
                        ? 'This server keeps no scripts of callers: sql_uploads.enabled is off.'
                        : error.message;
            }
        };
        const openScript = async name => {
            try {
                const reply = await send('GET', `/sql/${addressOf(name)}`);
                const sql = await reply.text();
                page.open({ name, sql, mode: 'batch', saved: { path: name, etag: reply.headers.get('ETag'), sql } });
            } catch (error) {
                said.textContent = error.message;
            }
        };
        save.addEventListener('click', async () => {
            const name = path.value.trim();
            const condition =
                tab.saved?.path === name && tab.saved.etag ? { 'If-Match': tab.saved.etag } : { 'If-None-Match': '*' };
            try {
                const reply = await send('PUT', `/sql/${addressOf(name)}`, {
                    body: tab.sql,
                    headers: { 'Content-Type': 'text/plain; charset=utf-8', ...condition },
                });
                tab.saved = { path: name, etag: reply.headers.get('ETag'), sql: tab.sql };
                page.keep();
                await read();
                said.textContent = `Saved as ${name}.`;
            } catch (error) {
                said.textContent =
                    error.status === 412
                        ? `${name} is there already, or was changed by somebody else. Open it, or take another path.`
                        : error.message;
            }
        });
        read();
        return [h('h2', {}, 'Saved texts'), h('div', { class: 'hc-row-of-fields' }, path, save), said, list];
    }

    schedule() {
        const { tab } = this,
            field = attributes => h('input', { class: 'form-control', spellcheck: 'false', ...attributes });
        const id = field({
            value: tab.name
                .toLowerCase()
                .replace(/[^a-z0-9]+/g, '-')
                .replace(/^-|-$/g, ''),
        });
        const cron = field({ value: '0 6 * * *' });
        const zone = field({ value: Intl.DateTimeFormat().resolvedOptions().timeZone });
        const said = h('div', { role: 'status' });
        const isQuery = tab.mode !== 'batch';
        const make = async () => {
            try {
                const { name, command_criteria, cluster_criteria, context } = jobOf(tab, tab.sql, { isQuery });
                await ask('PUT', `/schedule/${encodeURIComponent(id.value.trim())}`, {
                    body: {
                        cron: cron.value.trim(),
                        timezone: zone.value.trim(),
                        name,
                        command_criteria,
                        cluster_criteria,
                        context,
                    },
                    headers: { 'If-None-Match': '*' },
                });
                const { data } = await ask('GET', `/schedule/${encodeURIComponent(id.value.trim())}/next?count=3`);
                said.replaceChildren(
                    h(
                        'p',
                        {},
                        'Scheduled. It runs next at ',
                        data.map(one => when(one.planned_at)).join(', '),
                        '. ',
                        h(
                            'a',
                            { href: `${root}/hangfire/sql/schedules/${encodeURIComponent(id.value.trim())}` },
                            'Schedule',
                        ),
                    ),
                );
            } catch (error) {
                said.replaceChildren(
                    h(
                        'p',
                        { class: 'hd-failure' },
                        error.status === 412 ? `There is a schedule ${id.value} already.` : error.message,
                    ),
                );
            }
        };
        return [
            h('h2', {}, `Schedule ${tab.name}`),
            h(
                'p',
                { class: 'hd-aside' },
                `All of the text runs ${isQuery ? 'as a query whose rows are stored' : 'as a batch'}, `,
                'with the options that it has now.',
            ),
            h(
                'div',
                { class: 'hc-fields' },
                h('label', {}, 'Id', id),
                h('label', {}, 'Times (cron)', cron),
                h('label', {}, 'Time zone', zone),
            ),
            h('p', {}, h('button', { type: 'button', class: 'btn btn-primary', onclick: make }, 'Make the schedule')),
            said,
        ];
    }
}

function addressOf(path) {
    return path.split('/').map(encodeURIComponent).join('/');
}

// A value that was sent in JSON stands as its text; one that was bound with a type keeps it.
function valuesOf(parameters, variables) {
    const text = value => (typeof value === 'string' ? value : JSON.stringify(value));
    const entry = given => {
        const { value, type = '' } =
            given !== null && typeof given === 'object' && 'value' in given ? given : { value: given };
        return { value: value === null || value === undefined ? '' : text(value), type, isNull: value === null };
    };
    const list = Array.isArray(parameters)
        ? parameters.map((given, index) => [given?.name ?? `$${index + 1}`, entry(given)])
        : Object.entries(parameters ?? {}).map(([name, given]) => [name, entry(given)]);
    return Object.fromEntries([
        ...list,
        ...Object.entries(variables ?? {}).map(([name, value]) => [name, { value: text(value) }]),
    ]);
}
