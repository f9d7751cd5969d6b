// The console: texts, what runs them, and what came of it.
import { send, serverTime } from './api.js';
import { addCompletion } from './completion.js';
import { byId, count, duration, h, number, visible } from './dom.js';
import { downloadLoaded, downloadsOfStored } from './download.js';
import { placeOf, makeEditor } from './editor.js';
import { Grid, toLines } from './grid.js';
import { parseExact } from './exact.js';
import { textOfJob } from './jobs.js';
import { drawPlan } from './plan.js';
import { Plot } from './plot.js';
import { Run } from './runs.js';
import { countStatements } from './sqltext.js';
import { Tabs } from './tabs.js';
import { Target, targetList } from './target.js';
import { Drawer } from './drawer.js';

const main = byId('hd-main');
const tabs = new Tabs();
const runs = new Map(); // the last of each text
let editor,
    target,
    drawer,
    shown = null,
    view = 'rows';

start().catch(error => alert_(error.message));

async function start() {
    target = new Target(() => keep());
    drawer = new Drawer({
        tabs,
        get editor() {
            return editor;
        },
        target,
        open,
        openJob,
        keep,
        redraw,
        alert: alert_,
    });
    const [made] = await Promise.all([
        makeEditor(byId('hc-editor'), { onRun: run, onLeave: leaveEditor }),
        target.load(),
    ]);
    editor = made;
    addCompletion(
        editor,
        () => tabs.current,
        target,
        text => {
            byId('hc-names').textContent = text;
        },
    );
    byId('hc-run').addEventListener('click', run);
    byId('hc-cancel').addEventListener('click', () =>
        current()
            ?.cancel()
            .catch(error => alert_(error.message)),
    );
    byId('hc-check').addEventListener('click', () => begin('check', { isQuery: byId('hc-mode').value !== 'batch' }));
    byId('hc-explain').addEventListener('click', () => begin('explain', { analyze: byId('hc-analyze').checked }));
    byId('hc-mode').addEventListener('change', event => {
        tabs.current.mode = event.target.value;
        keep();
        drawer.refresh();
    });
    byId('hc-new').addEventListener('click', () => open({}));
    byId('hc-rename').addEventListener('click', rename);
    document.addEventListener('keydown', event => {
        if (event.key === 'F6' && !event.defaultPrevented) {
            event.preventDefault();
            editor.focus();
        }
    });
    tabs.listen({ onChange: takeOver, mayClose, onClose: forget });
    await openAddressed();
    show(tabs.current ?? tabs.add());
    editor.focus();
    document.documentElement.dataset.console = 'ready';
}

// "Edit and run as new" of a job's page names the job.
async function openAddressed() {
    const id = new URLSearchParams(location.search).get('job');
    if (id === null) {
        return;
    }
    history.replaceState(null, '', location.pathname);
    await openJob(id);
}

/** Opens a text that runs what a job has run. */
async function openJob(id) {
    try {
        const reply = await send('GET', `/job/${encodeURIComponent(id)}`);
        const { text, leftOut } = textOfJob(parseExact(await reply.text()), target);
        open(text);
        if (leftOut.length > 0) {
            alert_(
                `The text shows no place for ${leftOut.join(', ')}: the job had values for these, which are left out.`,
            );
        }
    } catch (error) {
        alert_(error.message);
    }
}

// Another window has changed or opened a text.
function takeOver(tab) {
    editor.update(tab);
    if (tab === tabs.current) {
        byId('hc-mode').value = tab.mode;
        target.show(tab);
        drawer.refresh();
    }
    drawTabs();
}

// What is looked at or runs here stays, and is kept again.
function mayClose(tab) {
    return tab !== tabs.current && runs.get(tab.id)?.isOver !== false;
}

function forget(tab) {
    runs.get(tab.id)?.leave();
    runs.delete(tab.id);
    editor.forget(tab);
    drawTabs();
}

function open(values) {
    try {
        show(tabs.add(values));
        keep();
        editor.focus();
    } catch (error) {
        alert_(error.message);
    }
}

function keep() {
    if (!tabs.keep()) {
        alert_('This browser does not keep the texts: they are gone when the page is closed.');
    }
}

function alert_(text) {
    const element = byId('hc-alert');
    element.textContent = text;
    element.hidden = text === '';
}

function show(tab) {
    tabs.current = tab;
    editor.show(tab, (changed, sql) => {
        changed.sql = sql;
        clearTimeout(show.timer);
        show.timer = setTimeout(() => {
            keep();
            drawer.refresh();
        }, 400);
    });
    byId('hc-mode').value = tab.mode;
    target.show(tab);
    drawer.refresh();
    attend();
    redraw();
    drawTabs();
}

// Only what is looked at is followed as it happens.
function attend() {
    for (const run of runs.values()) {
        run.attend(run === current() && !document.hidden);
    }
}

document.addEventListener('visibilitychange', attend);
window.addEventListener('pagehide', () => tabs.keep());

function drawTabs() {
    const list = byId('hc-tabs');
    list.replaceChildren(
        ...tabs.all.map(tab =>
            h(
                'span',
                { class: 'hc-tab', role: 'presentation' },
                h(
                    'button',
                    {
                        type: 'button',
                        role: 'tab',
                        'aria-selected': String(tab === tabs.current),
                        tabindex: tab === tabs.current ? 0 : -1,
                        'aria-controls': 'hc-editor-panel',
                        onclick: () => {
                            show(tab);
                            keep();
                        },
                        onkeydown: event => pressTab(event, tab),
                    },
                    tab.name,
                ),
                tab === tabs.current &&
                    tabs.all.length > 1 &&
                    h(
                        'button',
                        {
                            type: 'button',
                            class: 'hc-close',
                            title: `Close ${tab.name}`,
                            'aria-label': `Close ${tab.name}`,
                            onclick: () => close(tab),
                        },
                        '×',
                    ),
            ),
        ),
    );
}

function pressTab(event, tab) {
    const step = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (step) {
        show(tabs.all[(tabs.all.indexOf(tab) + step + tabs.all.length) % tabs.all.length]);
        keep();
        byId('hc-tabs').querySelector('[aria-selected="true"]').focus();
        event.preventDefault();
    } else if (event.key === 'Delete' && tabs.all.length > 1) {
        close(tab);
    }
}

function close(tab) {
    if (tab.sql.trim() !== '' && tab.saved?.sql !== tab.sql && !closes(tab)) {
        return;
    }
    const run = runs.get(tab.id);
    alert_(
        run?.isQueued && run.id !== null && !run.isOver
            ? `${tab.name} is closed. Its job goes on: it is in the history.`
            : '',
    );
    tabs.close(tab);
    forget(tab);
    show(tabs.current);
    keep();
    editor.focus();
}

// The first press asks, the second closes.
function closes(tab) {
    if (closes.asked === tab.id) {
        return true;
    }
    closes.asked = tab.id;
    alert_(`${tab.name} is not saved. Close it once more to throw it away.`);
    return false;
}

function rename() {
    const tab = tabs.current,
        button = byId('hc-tabs').querySelector('[aria-selected="true"]');
    const input = h('input', {
        class: 'form-control hc-name',
        value: tab.name,
        maxlength: 100,
        'aria-label': 'Name of the text, and of its jobs',
    });
    const take = () => {
        tab.name = input.value.trim() || tab.name;
        keep();
        drawTabs();
    };
    input.addEventListener('blur', take);
    input.addEventListener('keydown', event => {
        if (event.key === 'Enter' || event.key === 'Escape') {
            input.value = event.key === 'Escape' ? tab.name : input.value;
            take();
            editor.focus();
        }
    });
    button.replaceWith(input);
    input.select();
}

function current() {
    return runs.get(tabs.current.id);
}

// Rows of many clusters do not come in one reply: they are stored, with the cluster of each.
function run() {
    const mode = byId('hc-mode').value;
    begin(mode === 'query' && Target.isForAll(tabs.current) ? 'stored' : mode);
}

function begin(mode, options) {
    const tab = tabs.current,
        chosen = editor.chosen;
    alert_('');
    if (chosen.sql.trim() === '') {
        alert_('There is no SQL to run.');
        return;
    }
    if (runs.get(tab.id)?.isOver === false) {
        alert_('It runs already. Cancel it, or open another text.');
        return;
    }
    keep();
    editor.unmark(tab);
    const run = new Run(tab, chosen, mode, target, () => changed(run));
    runs.get(tab.id)?.leave();
    runs.set(tab.id, run);
    view = { explain: 'plan', batch: run.isForAll ? 'clusters' : 'log', check: 'check' }[mode] ?? 'rows';
    redraw();
    run.start(options);
}

function changed(run) {
    if (run.isOver && run.error && runs.get(run.tab.id) === run) {
        editor.mark(run.tab, run.error.errors ?? [], run.place);
    }
    if (run === current()) {
        planned ??= requestAnimationFrame(() => {
            planned = null;
            redraw();
        });
    }
}

let planned = null;

function redraw() {
    const run = current();
    byId('hc-cancel').hidden = !run || run.isOver || (run.isQueued && run.id === null && run.away === null);
    byId('hc-run').disabled = run?.isOver === false;
    byId('hc-status').replaceChildren(...statusOf(run));
    drawError(run);
    drawViews(run);
    clearTimeout(redraw.timer);
    if (run?.isOver === false) {
        redraw.timer = setTimeout(redraw, 500);
    }
}

function statusOf(run) {
    if (!run) {
        return ['Nothing has run yet.'];
    }
    const time = duration((run.ended ?? performance.now()) - run.begun);
    const link = run.id ? h('a', { href: `${main.dataset.root}/hangfire/sql/jobs/${run.id}` }, 'Job') : null;
    const part = run.chosen.isAll ? '' : ' of the selection';
    const parts = run.isOver ? [endOf(run), ` in ${time}${part}. `] : [`${stateOf(run)} ${time}. `];
    const away = run.away && !run.isOver ? `${run.away.message} Asking again. ` : '';
    return [...parts, away, run.note && `${run.note} `, ...(link ? [link] : [])].filter(Boolean);
}

function stateOf(run) {
    const rows = run.source ? `${number(run.source.length)} rows, ` : '';
    const progress = run.counts
        ? `${number(run.counts.ended ?? 0)} of ${count(run.counts.total, 'cluster')} ended, `
        : run.progress?.statements
        ? `${number(run.progress.statements)}${ofTotal(run.progress.statements_total)} statements, `
        : '';
    return (
        {
            waiting: 'Waiting until another query of this page has ended,',
            asking: 'Running,',
            reading: `Running, ${rows}`,
            WAITING_FOR_APPROVAL: 'Waiting for approval by an operator,',
            ACCEPTED: 'Waiting in the queue,',
            CANCELING: 'Asked to cancel; still running,',
        }[run.isAbandoned ? 'CANCELING' : run.state] ?? `Running, ${progress}`
    );
}

function ofTotal(total) {
    return total ? ` of ${number(total)}` : '';
}

function endOf(run) {
    const after = run.source ? ` after ${count(run.source.length, 'row')}` : '';
    if (run.cancelled) {
        return `Cancelled${after}`;
    }
    if (run.isUnknown) {
        return 'Not followed any more';
    }
    if (run.isAbandoned && !run.error) {
        return `Succeeded${after}`;
    }
    if (run.error) {
        return run.state === 'CANCELED' ? 'Cancelled' : run.isLost ? 'Not followed any more' : `Failed${after}`;
    }
    switch (run.mode) {
        case 'check':
            return 'No error found';
        case 'explain':
            return 'Planned';
        case 'batch':
            return [
                count(run.ending.statements ?? 0, 'statement'),
                ` done, ${count(run.ending.rows_affected ?? 0, 'row')} changed`,
            ].join('');
        default:
            return [
                count(run.source?.length ?? run.ending.row_count ?? 0, 'row'),
                run.ending.truncated ? ': a limit has cut the result, there are more' : '',
                run.ending.stored ? ', stored' : '',
                run.ending.rows_affected && !run.source?.length ? `, ${number(run.ending.rows_affected)} changed` : '',
            ].join('');
    }
}

function drawError(run) {
    const element = byId('hc-error'),
        error = run?.error;
    element.hidden = !error;
    if (!error || element.error === error) {
        return;
    }
    element.error = error;
    const errors = error.errors?.length > 0 ? error.errors : [error];
    const many = run.mode === 'query' && countStatements(run.chosen.sql) > 1 && !error.sqlstate;
    element.replaceChildren(
        ...errors
            .slice(0, 20)
            .map(one =>
                h(
                    'div',
                    { class: 'hd-error' },
                    h(
                        'p',
                        { class: 'hd-error-message' },
                        one.sqlstate ? h('code', {}, one.sqlstate) : '',
                        one.sqlstate ? ' ' : '',
                        visible(one.message),
                    ),
                    one.line && !one.file
                        ? h(
                              'p',
                              {},
                              h(
                                  'button',
                                  { type: 'button', class: 'btn hc-small', onclick: () => editor.goTo(one, run.place) },
                                  placeText(one, run.place),
                              ),
                          )
                        : '',
                    fact('Detail', one.detail ?? one.errorDetail),
                    fact('Hint', one.hint),
                    fact('Context', one.context),
                ),
            ),
        ...(errors.length > 20 ? [h('p', {}, `${errors.length - 20} more errors are at the job.`)] : []),
        ...(many ? [h('p', {}, 'A query is one statement. Select one of them, or run all as a batch.')] : []),
    );
}

function placeText(error, begin) {
    const { line, column } = placeOf(error, begin);
    return `Line ${line}, column ${column}`;
}

function fact(name, text) {
    return text ? h('p', { class: 'hc-fact' }, h('b', {}, `${name}: `), visible(text)) : '';
}

function viewsOf(run) {
    return [
        run?.source && ['rows', 'Rows'],
        run?.source && run.isOver && ['plot', 'Plot'],
        run?.plan && ['plan', 'Plan'],
        run?.log && ['log', 'Log'],
        run?.children && ['clusters', 'Clusters'],
        run?.preview && ['check', 'Statements'],
    ].filter(Boolean);
}

function drawViews(run) {
    const views = viewsOf(run);
    const chosen = views.some(([name]) => name === view) ? view : (views[0]?.[0] ?? null);
    byId('hc-views').replaceChildren(
        ...(views.length < 2
            ? []
            : views.map(([name, label]) =>
                  h(
                      'button',
                      {
                          type: 'button',
                          role: 'tab',
                          class: 'btn hc-small',
                          'aria-selected': String(name === chosen),
                          'aria-controls': 'hc-view',
                          onclick: () => {
                              view = name;
                              redraw();
                              byId('hc-views').querySelector('[aria-selected="true"]')?.focus();
                          },
                      },
                      label,
                  ),
              )),
    );
    const key = chosen && `${chosen}:${run.begun}`;
    if (shown?.key !== key) {
        shown?.dispose?.();
        shown = { key, ...makeView(chosen, run) };
        byId('hc-view').replaceChildren(...(shown.element ? [shown.element] : []));
    }
    shown.update?.();
}

function makeView(name, run) {
    switch (name) {
        case 'rows':
            return makeRows(run);
        case 'plot':
            return { element: new Plot(run.source).element };
        case 'plan':
            return { element: h('div', {}, run.planOf && h('h2', {}, 'On ', visible(run.planOf)), drawPlan(run.plan)) };
        case 'log':
            return makeLog(run);
        case 'clusters':
            return makeChildren(run);
        case 'check':
            return { element: run.preview.targets ? drawTargets(run.preview) : drawPreview(run.preview) };
        default:
            return {};
    }
}

function makeRows(run) {
    let grid = null;
    const sort = column => {
        if (!run.isOver) {
            said.textContent = 'Rows are sorted when all of them are here.';
            return;
        }
        const isDescending = grid.sorted?.column === column && !grid.sorted.isDescending;
        const refusal = run.source.sort(column, isDescending);
        said.textContent =
            refusal ??
            [
                `Sorted in this browser: the ${count(run.source.length, 'loaded row')}`,
                run.ending?.truncated ? ', not those that the limit cut off.' : '.',
            ].join('');
        grid.sorted = refusal ? grid.sorted : { column, isDescending };
        grid.refresh();
    };
    const said = h('span', { role: 'status', class: 'hc-said' });
    const say = text => {
        said.textContent = text;
    };
    grid = new Grid(run.source, { sort, say });
    let isAway = false;
    run.source.onError = error => {
        if (error !== null || isAway) {
            say(
                error === null ? '' : `Rows cannot be read: ${error.message}${error.isPassing ? ' Asking again.' : ''}`,
            );
        }
        isAway = error !== null;
    };
    const bar = h('div', { class: 'hc-grid-bar' });
    const copyAll = async () => {
        const rows = run.source.loaded;
        await navigator.clipboard.writeText(toLines([run.source.columns.map(column => column.name), ...rows]));
        said.textContent = `Copied ${count(rows.length, 'row')}, with the names.`;
    };
    let wasOver = false;
    return {
        element: h('div', {}, bar, grid.element),
        dispose: () => grid.dispose(),
        update() {
            if (run.isOver && !wasOver) {
                wasOver = true;
                bar.replaceChildren(
                    h(
                        'button',
                        {
                            type: 'button',
                            class: 'btn hc-small',
                            onclick: () => copyAll().catch(() => say('This browser does not let the page copy.')),
                        },
                        run.ending?.stored ? 'Copy what is loaded' : 'Copy all',
                    ),
                    ...(run.ending?.stored ? downloadsOfStored(main.dataset.root, run.id) : downloadLoaded(run)),
                    said,
                );
                grid.refresh();
            }
        },
    };
}

function makeLog(run) {
    const element = h('pre', { class: 'hd-log', tabindex: 0, 'aria-label': 'Log' });
    const leftOut = h('p', { class: 'hd-aside', hidden: true });
    let last = null;
    return {
        element: h('div', {}, leftOut, element),
        update() {
            leftOut.hidden = run.linesLeftOut === 0;
            leftOut.textContent = `The first ${count(run.linesLeftOut, 'line')} are left out here; the job has all.`;
            const begin = last === null ? 0 : run.log.indexOf(last) + 1;
            const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < 40;
            for (const { kind, line } of run.log.slice(begin)) {
                element.append(h('span', { class: kind === 'notice' ? 'hd-notice' : '' }, `${line}\n`));
            }
            last = run.log.at(-1) ?? null;
            while (element.childNodes.length > run.log.length) {
                element.firstChild.remove();
            }
            if (isAtEnd) {
                element.scrollTop = element.scrollHeight;
            }
        },
    };
}

// A row for each cluster, changed in place: what has the focus keeps it.
function makeChildren(run) {
    const body = h('tbody', {}),
        rows = new Map();
    const rowOf = child => {
        const cells = { status: h('td', {}), took: h('td', {}), said: h('td', {}) };
        const href = `${main.dataset.root}/hangfire/sql/jobs/${child.id}`;
        const link = h('a', { href }, visible(child.cluster_name));
        body.append(h('tr', {}, h('th', { scope: 'row' }, link), cells.status, cells.took, cells.said));
        return cells;
    };
    return {
        element: h(
            'table',
            { class: 'table hc-children' },
            h(
                'thead',
                {},
                h(
                    'tr',
                    {},
                    ['Cluster', 'Status', 'Took', 'Said'].map(text => h('th', { scope: 'col' }, text)),
                ),
            ),
            body,
        ),
        update() {
            for (const child of run.children) {
                const cells = rows.get(child.id) ?? rowOf(child);
                rows.set(child.id, cells);
                cells.status.replaceChildren(
                    h('span', { class: `hd-state hd-${child.status.toLowerCase()}` }, child.status),
                );
                const until = child.finished_at ? Date.parse(child.finished_at) : serverTime();
                cells.took.textContent = child.started_at ? duration(until - Date.parse(child.started_at)) : '';
                cells.said.replaceChildren(...(child.error ? visible(child.error) : []));
            }
        },
    };
}

function drawTargets(preview) {
    return h(
        'div',
        {},
        h(
            'p',
            {},
            'It would run with ',
            visible(preview.command_name),
            ` on ${count(preview.targets.length, 'cluster')}. Nothing was run.`,
        ),
        targetList(preview),
        preview.preview && h('h2', {}, 'On ', visible(preview.preview.cluster_name)),
        preview.preview && drawPreview(preview.preview),
    );
}

function drawPreview(preview) {
    return h(
        'div',
        {},
        h(
            'p',
            {},
            `${count(preview.statements_total ?? preview.statements.length, 'statement')} would run with `,
            visible(preview.command_name),
            ' on ',
            visible(preview.cluster_name),
            '. Nothing was run.',
        ),
        h(
            'ol',
            { class: 'hc-statements' },
            preview.statements
                .slice(0, 1000)
                .map(one => h('li', { value: one.statement }, `${one.tag}, line ${one.line}`)),
        ),
        preview.plan && h('details', {}, h('summary', {}, 'Plan'), drawPlan(JSON.stringify(preview.plan))),
    );
}

function leaveEditor() {
    const grid = document.querySelector('.hc-grid, .hd-log, .hc-plan');
    (grid ?? byId('hc-run')).focus();
}
