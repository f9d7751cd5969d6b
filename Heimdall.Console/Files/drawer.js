// What opens below the buttons: options and parameters, history, saved texts, a schedule.
import { ask, send, root, user } from './api.js';
import { byId, h, when } from './dom.js';
import { writeExact } from './exact.js';
import { jobOf, limitsOfQuery, namesOf } from './jobs.js';
import { firstLine, placeholders } from './sqltext.js';
import { Target } from './target.js';

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
        const follows = this.name === 'options' || this.name === 'schedule' || this.name === 'saved';
        if (follows && this.key() !== this.drawn) {
            this.draw();
        }
    }

    // Of what is drawn: of a text's tab, of its mode where that makes a difference, of the names that it shows.
    key() {
        const { tab, name } = this;
        return JSON.stringify([
            name,
            tab.id,
            name === 'saved' ? null : tab.mode,
            name === 'options' ? [this.names(), tab.command, Object.keys(tab.kept)] : null,
        ]);
    }

    get tab() {
        return this.page.tabs.current;
    }

    names() {
        return namesOf(this.tab, this.tab.sql, this.tab.mode === 'batch');
    }

    draw() {
        this.drawn = this.key();
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
                          placeholder: this.mostRows(),
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
                tab.mode === 'query'
                    ? null
                    : this.about('priority', 'Priority', 'input', { type: 'number', placeholder: 0 }),
                this.about('tags', 'Tags of its jobs, one a line', 'textarea', { rows: 2, spellcheck: 'false' }),
                this.about('description', 'Description', 'textarea', { rows: 2 }),
            ),
            this.hooks(),
            ...this.kept(),
        ];
    }

    about(name, label, element, attributes) {
        const { tab, page } = this;
        const field = h(element, {
            class: 'form-control',
            ...attributes,
            onchange: event => {
                tab.about = { ...tab.about, [name]: event.target.value };
                page.keep();
            },
        });
        field.value = tab.about[name];
        return h('label', {}, label, field);
    }

    /** Who is notified at the end, of those whom the caller may name. One that the text has already stays. */
    hooks() {
        const { tab, page } = this;
        const element = h('fieldset', { class: 'hc-hooks', hidden: true }, h('legend', {}, 'Notify at the end'));
        ask('GET', '/me').then(
            ({ hooks = [] }) => {
                const all = [...new Set([...hooks, ...tab.onEnd.map(one => one.hook)])];
                element.hidden = all.length === 0;
                element.append(...all.map(hook => this.hook(tab, page, hook)));
            },
            () => {}, // the options do without it
        );
        return element;
    }

    hook(tab, page, hook) {
        const chosen = tab.onEnd.find(one => one.hook === hook);
        const on = chosen?.on ?? [];
        const kinds = [
            ['', 'of every end'],
            ['SUCCEEDED', 'when it succeeded'],
            ['FAILED,KILLED,CANCELED', 'when it did not succeed'],
        ];
        if (!kinds.some(([value]) => value === on.join())) {
            kinds.push([on.join(), `when it is ${on.join(', ')}`]);
        }
        const when = h(
            'select',
            { class: 'form-control', 'aria-label': `When ${hook} is notified` },
            kinds.map(([value, text]) => h('option', { value, selected: value === on.join() }, text)),
        );
        const wanted = h('input', { type: 'checkbox', checked: chosen !== undefined });
        const take = () => {
            const others = tab.onEnd.filter(one => one.hook !== hook);
            const statuses = when.value === '' ? {} : { on: when.value.split(',') };
            tab.onEnd = wanted.checked ? [...others, { hook, ...statuses }] : others;
            page.keep();
        };
        wanted.addEventListener('change', take);
        when.addEventListener('change', take);
        return h('div', { class: 'hc-row-of-fields' }, h('label', { class: 'hc-tick' }, wanted, ` ${hook}`), when);
    }

    mostRows() {
        const { tab } = this;
        return tab.mode === 'query'
            ? (this.page.target.limitOf(tab, 'row_limit', limitsOfQuery.row_limit) ?? 'as the command has it')
            : 'none';
    }

    // What a job had that has no field here.
    kept() {
        const { tab, page } = this;
        return Object.entries(tab.kept).map(([name, json]) =>
            h(
                'p',
                { class: 'hd-aside' },
                'As the job had it: ',
                h('code', {}, `${name}: ${json}`),
                ' ',
                this.leaveOutButton(name, () => {
                    delete tab.kept[name];
                    page.keep();
                    this.draw();
                }),
            ),
        );
    }

    leaveOutButton(name, onclick) {
        return h(
            'button',
            { type: 'button', class: 'btn hc-small', 'aria-label': `Leave out ${name}`, onclick },
            'Leave out',
        );
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
        const shown = placeholders(tab.sql, isBatch),
            hasHidden = names.some(name => !shown.includes(name));
        const leaveOut = name => {
            tab.given = tab.given.filter(one => one !== name);
            delete tab.values[name];
            page.keep();
            this.draw();
        };
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
                        [
                            isBatch ? 'Variable' : 'Parameter',
                            'Value',
                            ...(isBatch ? [] : ['Type', 'NULL', 'JSON']),
                            ...(hasHidden ? ['Of the job'] : []),
                        ].map(text => h('th', { scope: 'col' }, text)),
                    ),
                ),
                h(
                    'tbody',
                    {},
                    names.map(name => {
                        const { value = '', type = '', isNull = false, isJson = false } = tab.values[name] ?? {};
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
                                : [
                                      tick(isNull, `${name} is NULL`, checked => change(name, { isNull: checked })),
                                      tick(isJson, `${name} is JSON`, checked => change(name, { isJson: checked })),
                                  ],
                            hasHidden &&
                                h(
                                    'td',
                                    {},
                                    shown.includes(name) ? '' : this.leaveOutButton(name, () => leaveOut(name)),
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
        let controller = null;
        const read = async () => {
            controller?.abort(); // an older answer may come after a newer one
            controller = new AbortController();
            try {
                const text = search.value.trim();
                const { data } = await ask(
                    'GET',
                    `/jobs?${new URLSearchParams({ user, limit: pageOfJobs, ...(text ? { text } : {}) })}`,
                    { signal: controller.signal },
                );
                const jobs = data.filter(job => !(job.tags ?? []).includes('source:console-completion'));
                list.replaceChildren(...jobs.map(job => this.drawJob(job)));
                said.textContent =
                    jobs.length === 0
                        ? 'No job of yours is found.'
                        : `Your newest ${jobs.length} jobs. A press opens one as a new text.`;
            } catch (error) {
                if (error.name !== 'AbortError') {
                    said.textContent = error.message;
                }
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
                { type: 'button', class: 'hc-entry', onclick: () => this.page.openJob(job.id) },
                h('span', { class: `hd-state hd-${job.status.toLowerCase()}` }, job.status),
                ' ',
                h('b', {}, job.name),
                ` ${when(job.created_at)} `,
                h('code', {}, firstLine(job.context.query ?? '')),
            ),
            h('a', { href: `${root}/hangfire/sql/jobs/${job.id}` }, 'Job'),
        );
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
            const name = path.value.trim(),
                { sql } = tab; // what is typed while it is sent is not saved
            const condition =
                tab.saved?.path === name && tab.saved.etag ? { 'If-Match': tab.saved.etag } : { 'If-None-Match': '*' };
            try {
                const reply = await send('PUT', `/sql/${addressOf(name)}`, {
                    body: sql,
                    headers: { 'Content-Type': 'text/plain; charset=utf-8', ...condition },
                });
                tab.saved = { path: name, etag: reply.headers.get('ETag'), sql };
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
        const { tab, page } = this,
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
                const { name, command_criteria, cluster_criteria, context } = jobOf(tab, tab.sql, {
                    isQuery,
                    target: page.target,
                });
                await ask('PUT', `/schedule/${encodeURIComponent(id.value.trim())}`, {
                    body: writeExact({
                        cron: cron.value.trim(),
                        timezone: zone.value.trim(),
                        name,
                        command_criteria,
                        cluster_criteria,
                        context,
                        ...Target.fanOutOf(tab),
                        ...(tab.onEnd.length > 0 ? { on_end: tab.onEnd } : {}),
                    }),
                    headers: { 'If-None-Match': '*', 'Content-Type': 'application/json' },
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

function tick(checked, label, onChange) {
    return h(
        'td',
        {},
        h('input', {
            type: 'checkbox',
            checked,
            'aria-label': label,
            onchange: event => onChange(event.target.checked),
        }),
    );
}

function addressOf(path) {
    return path.split('/').map(encodeURIComponent).join('/');
}
