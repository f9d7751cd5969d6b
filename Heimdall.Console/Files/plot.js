// Two or three columns as a line, bars or dots. What is drawn is kept in the address.
import { h, svg, number } from './dom.js';
import { isNumeric } from './rows.js';

const width = 960,
    height = 380,
    edge = { left: 74, right: 18, top: 14, bottom: 58 },
    mostPoints = 5000,
    longestLabel = 14;
const kinds = { line: 'Line', bar: 'Bars', scatter: 'Dots' };
const zones = { timestamptz: ', in UTC', timestamp: ', without a time zone', date: '' };

export class Plot {
    constructor(source) {
        this.source = source;
        this.element = h('div', { class: 'hc-plot' });
        this.choice = this.read();
        this.draw();
    }

    // The columns of the address if the result has them, else those that fit best.
    read() {
        const [kind, x, y, second] = (new URLSearchParams(location.hash.slice(1)).get('plot') ?? '')
            .split('|')
            .map(decoded);
        const names = this.source.columns.map(column => column.name);
        const numbers = this.source.columns.filter(column => isNumeric(column.type)).map(column => column.name);
        const firstOther = names.find(name => !numbers.includes(name)) ?? names[0];
        return {
            kind: kinds[kind] ? kind : 'line',
            x: names.includes(x) ? x : firstOther,
            y: numbers.includes(y) ? y : (numbers.find(name => name !== firstOther) ?? numbers[0] ?? ''),
            second: numbers.includes(second) ? second : '',
        };
    }

    keep() {
        const { kind, x, y, second } = this.choice;
        history.replaceState(
            null,
            '',
            `#plot=${[kind, x, y, second].map(part => encodeURIComponent(encodeURIComponent(part))).join('|')}`,
        );
    }

    draw() {
        const names = this.source.columns.map(column => column.name);
        const numbers = this.source.columns.filter(column => isNumeric(column.type)).map(column => column.name);
        const pick = (key, label, options) =>
            h(
                'label',
                {},
                `${label} `,
                h(
                    'select',
                    {
                        class: 'form-control',
                        onchange: event => {
                            this.choice[key] = event.target.value;
                            this.keep();
                            this.draw();
                            this.element.querySelector(`[data-pick="${key}"]`).focus();
                        },
                        'data-pick': key,
                    },
                    options.map(([value, text]) => h('option', { value, selected: value === this.choice[key] }, text)),
                ),
            );
        const chart = numbers.length === 0 ? h('p', {}, 'The result has no column of numbers.') : this.chart();
        this.element.replaceChildren(
            h(
                'div',
                { class: 'hc-plot-bar' },
                pick('kind', 'As', Object.entries(kinds)),
                pick(
                    'x',
                    'Across',
                    names.map(name => [name, name]),
                ),
                pick(
                    'y',
                    'Up',
                    numbers.map(name => [name, name]),
                ),
                pick('second', 'And', [['', 'nothing else'], ...numbers.map(name => [name, name])]),
            ),
            chart,
        );
    }

    chart() {
        const { kind, x, y, second } = this.choice;
        const at = name => this.source.columns.findIndex(column => column.name === name);
        const loaded = this.source.loaded,
            rows = loaded.slice(0, mostPoints);
        const { type } = this.source.columns[at(x)];
        const axis =
            kind === 'bar'
                ? 'words'
                : kindOfAxis(
                      type,
                      rows.map(row => row[at(x)]),
                  );
        const points = rows.map((row, index) => ({
            label: row[at(x)] ?? 'NULL',
            x: axis === 'words' ? index : placeOf(axis, row[at(x)]),
            index,
        }));
        const series = [y, second].filter(Boolean).map(name => ({
            name,
            points: points
                .map((point, index) => ({
                    ...point,
                    y: rows[index][at(name)] === null ? NaN : Number(rows[index][at(name)]),
                }))
                .filter(point => Number.isFinite(point.x) && Number.isFinite(point.y)),
        }));
        const all = series.flatMap(one => one.points);
        if (all.length === 0) {
            return h('p', {}, 'There is no value to draw.');
        }
        const lows = all.map(point => point.y);
        const up = scale(
            Math.min(kind === 'scatter' ? Infinity : 0, ...lows),
            Math.max(kind === 'scatter' ? -Infinity : 0, ...lows),
        );
        const [least, most] = axis === 'words' ? [-0.5, rows.length - 0.5] : extent(all.map(point => point.x));
        const across = value =>
            edge.left + (most === least ? 0.5 : (value - least) / (most - least)) * (width - edge.left - edge.right);
        const above = value =>
            height - edge.bottom - ((value - up.low) / (up.high - up.low)) * (height - edge.top - edge.bottom);
        const title = `${kinds[kind]} of ${[y, second].filter(Boolean).join(' and ')} by ${x}`;
        const parts = up.ticks
            .map(tick => [
                svg('line', {
                    class: 'hc-rule',
                    x1: edge.left,
                    x2: width - edge.right,
                    y1: above(tick),
                    y2: above(tick),
                }),
                label(edge.left - 8, above(tick) + 4, shortNumber(tick), 'end'),
            ])
            .flat();
        parts.push(...this.acrossLabels(axis, points, least, most, across));
        series.forEach((one, index) =>
            parts.push(...drawSeries(kind, one, index, series.length, across, above, rows.length)),
        );
        return h(
            'figure',
            {},
            svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': title }, parts),
            h(
                'figcaption',
                {},
                series.map((one, index) => h('span', { class: `hc-series-${index}` }, one.name)),
                h(
                    'span',
                    {},
                    ` by ${x}${axis === 'times' ? zones[type] : ''}. `,
                    loaded.length > mostPoints
                        ? `The first ${number(mostPoints)} of ${number(loaded.length)} loaded rows. `
                        : '',
                    loaded.length < this.source.length
                        ? `Only the ${number(loaded.length)} loaded of ${number(this.source.length)} rows. `
                        : '',
                ),
            ),
        );
    }

    acrossLabels(axis, points, least, most, across) {
        if (axis === 'words') {
            const longest = points.reduce(
                (wide, point) => Math.max(wide, Math.min(longestLabel + 1, point.label.length)),
                1,
            );
            const step = Math.ceil((points.length * (longest * 7 + 16)) / (width - edge.left - edge.right));
            return points
                .filter((_, index) => index % step === 0)
                .map(point =>
                    label(across(point.x), height - edge.bottom + 18, shorten(point.label, longestLabel), 'middle'),
                );
        }
        const ticks =
            axis === 'times'
                ? Array.from({ length: 6 }, (_, index) => least + ((most - least) * index) / 5)
                : scale(least, most).ticks.filter(tick => tick >= least && tick <= most);
        return ticks.map(tick =>
            label(
                across(tick),
                height - edge.bottom + 18,
                axis === 'times' ? timeLabel(tick, most - least) : shortNumber(tick),
                'middle',
            ),
        );
    }
}

function drawSeries(kind, { name, points }, index, count, across, above, rows) {
    const title = point => svg('title', {}, `${point.label}: ${name} ${point.y}`);
    if (kind === 'bar') {
        const room = (across(1) - across(0)) * 0.8,
            bar = Math.max(1, Math.min(60, room / count));
        return points.map(point =>
            svg(
                'rect',
                {
                    class: `hc-fill-${index}`,
                    x: across(point.index) - (bar * count) / 2 + bar * index,
                    width: bar,
                    y: Math.min(above(point.y), above(0)),
                    height: Math.max(0.5, Math.abs(above(0) - above(point.y))),
                },
                title(point),
            ),
        );
    }
    const dots = () =>
        points.map(point =>
            svg(
                'circle',
                { class: `hc-fill-${index}`, cx: across(point.x), cy: above(point.y), r: kind === 'line' ? 2.5 : 3.5 },
                title(point),
            ),
        );
    if (kind === 'scatter') {
        return dots();
    }
    const ordered = [...points].sort((a, b) => a.x - b.x);
    return [
        svg('polyline', {
            class: `hc-line-${index}`,
            points: ordered.map(point => `${across(point.x).toFixed(1)},${above(point.y).toFixed(1)}`).join(' '),
        }),
        ...(rows <= 200 ? dots() : []),
    ];
}

function kindOfAxis(type, values) {
    return isNumeric(type)
        ? 'numbers'
        : /^(date|timestamp|timestamptz)$/.test(type) &&
            values.every(value => value === null || !Number.isNaN(timeOf(value)))
          ? 'times'
          : 'words';
}

function placeOf(axis, value) {
    return value === null ? NaN : axis === 'times' ? timeOf(value) : Number(value);
}

// A time without a zone is drawn as it is written: the browser's own zone has nothing to do with it.
function timeOf(value) {
    return Date.parse(
        /^\d{4,}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d+)?$/.test(value) ? `${value.replace(' ', 'T')}Z` : value,
    );
}

function decoded(text) {
    try {
        return decodeURIComponent(text);
    } catch {
        return '';
    }
}

function extent(values) {
    return [values.reduce((a, b) => Math.min(a, b), Infinity), values.reduce((a, b) => Math.max(a, b), -Infinity)];
}

function scale(low, high) {
    const span = high - low || Math.abs(high) || 1,
        rough = span / 5,
        power = 10 ** Math.floor(Math.log10(rough));
    const step = [1, 2, 5, 10].map(one => one * power).find(one => one >= rough);
    const [first, last] = [Math.floor(low / step), Math.ceil(high / step)];
    const digits = Math.min(100, Math.max(0, -Math.floor(Math.log10(step))));
    const ticks = Array.from({ length: Math.max(2, last - first + 1) }, (_, index) =>
        Number(((first + index) * step).toFixed(digits)),
    );
    return { low: ticks[0], high: ticks.at(-1), ticks };
}

function shortNumber(value) {
    return Math.abs(value) >= 1e15
        ? value.toExponential(2)
        : value.toLocaleString('en', {
              notation: Math.abs(value) >= 1e6 ? 'compact' : 'standard',
              maximumFractionDigits: 6,
          });
}

function timeLabel(time, span) {
    const text = new Date(time).toISOString();
    return span > 3 * 86400000 ? text.slice(0, 10) : text.slice(11, 19);
}

function shorten(text, most) {
    return text.length > most ? `${text.slice(0, most)}…` : text;
}

function label(x, y, text, anchor) {
    return svg('text', { x, y, 'text-anchor': anchor }, text);
}
