// A table of which only the visible cells are elements. Rows come from a source: {columns, length, rowAt(i), onChange}.
import { h, visible, byId } from './dom.js';
import { isJson, isNumeric } from './rows.js';

const rowHeight = 26,
    headHeight = 44,
    tallest = 8000000,
    longestShown = 300,
    pixelsPerCharacter = 7.8;

export class Grid {
    constructor(source, { sort, say }) {
        this.source = source;
        this.say = say;
        this.active = { row: 0, column: 0 };
        this.anchor = null;
        this.sorted = null;
        this.widths = [];
        this.head = h('div', { class: 'hc-head', role: 'row', 'aria-rowindex': 1 });
        this.body = h('div', { class: 'hc-rows', role: 'rowgroup' });
        this.element = h(
            'div',
            { class: 'hc-grid', role: 'grid', tabindex: 0, 'aria-label': 'Rows', 'aria-readonly': 'true' },
            h('div', { role: 'rowgroup', class: 'hc-headgroup' }, this.head),
            this.body,
        );
        this.element.addEventListener('scroll', () => this.plan(), { passive: true });
        this.element.addEventListener('keydown', event => this.press(event));
        this.element.addEventListener('copy', event => this.copy(event));
        this.element.addEventListener('pointerdown', event => this.point(event));
        this.element.addEventListener('dblclick', () => this.showValue());
        this.head.addEventListener('click', event => {
            const cell = event.target.closest('[data-column]');
            if (cell) {
                sort(+cell.dataset.column);
            }
        });
        this.observer = new ResizeObserver(() => this.plan());
        this.observer.observe(this.element);
        source.onChange = () => this.refresh();
        this.refresh();
    }

    refresh() {
        this.measure();
        this.last = null;
        this.plan();
    }

    dispose() {
        this.observer.disconnect();
        this.source.onChange = () => {};
    }

    plan() {
        this.planned ??= requestAnimationFrame(() => {
            this.planned = null;
            this.draw();
        });
    }

    // By the names, and by rows that are there: the first, and those in sight. A column never gets narrower.
    measure() {
        const { columns, length } = this.source;
        const sample = [];
        for (const first of [0, this.seen ?? 0]) {
            for (let row = first; row < Math.min(length, first + 50); row++) {
                sample.push(this.source.peek(row) ?? []);
            }
        }
        this.widths = columns.map((column, index) => {
            const longest = sample.reduce(
                (most, values) => Math.max(most, Math.min(60, (values[index] ?? 'NULL').length)),
                Math.max(column.name.length + 2, column.type.length),
            );
            return Math.max(
                this.widths[index] ?? 0,
                24 + Math.ceil(Math.min(60, Math.max(5, longest)) * pixelsPerCharacter),
            );
        });
        this.lefts = [0];
        this.gutter = 22 + 8 * String(length).length;
        for (const width of this.widths) {
            this.lefts.push(this.lefts.at(-1) + width);
        }
        this.element.setAttribute('aria-rowcount', length + 1);
        this.element.setAttribute('aria-colcount', columns.length);
        this.body.style.height = `${Math.min(tallest, length * rowHeight)}px`;
        this.body.style.width = this.head.style.width = `${this.gutter + this.lefts.at(-1)}px`;
        this.head.style.height = `${headHeight}px`;
    }

    get viewHeight() {
        return Math.max(rowHeight, this.element.clientHeight - headHeight);
    }

    // A million rows are higher than an element can be: then the bar moves by more rows than it shows.
    get firstRow() {
        const all = this.source.length * rowHeight;
        if (all <= tallest) {
            return Math.floor(this.element.scrollTop / rowHeight);
        }
        const visibleRows = Math.floor(this.viewHeight / rowHeight);
        return Math.round(
            (this.element.scrollTop / Math.max(1, tallest - this.viewHeight)) * (this.source.length - visibleRows),
        );
    }

    scrollToRow(row) {
        const visibleRows = Math.floor(this.viewHeight / rowHeight),
            first = this.firstRow;
        const target = row < first ? row : row >= first + visibleRows ? row - visibleRows + 1 : null;
        if (target === null) {
            return;
        }
        const all = this.source.length * rowHeight;
        this.element.scrollTop =
            all <= tallest
                ? target * rowHeight
                : (target / Math.max(1, this.source.length - visibleRows)) * (tallest - this.viewHeight);
    }

    draw() {
        const { columns, length } = this.source;
        const rows = Math.ceil(this.viewHeight / rowHeight) + 1;
        const first = Math.max(0, Math.min(this.firstRow, length - rows + 1)),
            end = Math.min(length, first + rows);
        this.seen = first;
        const [left, right] = [this.element.scrollLeft, this.element.scrollLeft + this.element.clientWidth];
        const shown = [];
        for (let column = 0; column < columns.length; column++) {
            if (this.lefts[column + 1] + this.gutter > left && this.lefts[column] + this.gutter < right) {
                shown.push(column);
            }
        }
        const isScaled = length * rowHeight > tallest;
        const offset = isScaled
            ? Math.min(this.element.scrollTop, tallest - (end - first) * rowHeight)
            : first * rowHeight;
        this.head.replaceChildren(
            h(
                'span',
                {
                    class: 'hc-gutter',
                    role: 'columnheader',
                    'aria-label': 'Number of the row',
                    style: `width:${this.gutter}px`,
                },
                '#',
            ),
            ...shown.map(column => this.headCell(columns[column], column)),
        );
        const lines = [];
        for (let row = first; row < end; row++) {
            lines.push(this.line(row, offset + (row - first) * rowHeight, shown));
        }
        this.body.replaceChildren(...lines);
        this.source.want?.(first, end);
        const active = this.body.querySelector('.hc-active');
        if (active) {
            this.element.setAttribute('aria-activedescendant', active.id);
        } else {
            this.element.removeAttribute('aria-activedescendant');
        }
    }

    headCell(column, index) {
        const order = this.sorted?.column === index ? (this.sorted.isDescending ? 'descending' : 'ascending') : 'none';
        return h(
            'div',
            {
                class: `hc-cell${isNumeric(column.type) ? ' hc-number' : ''}`,
                role: 'columnheader',
                'data-column': index,
                'aria-colindex': index + 1,
                'aria-sort': order,
                style: `left:${this.gutter + this.lefts[index]}px;width:${this.widths[index]}px`,
                title: `${column.name} ${column.type}: click to sort what is loaded`,
            },
            h('b', {}, visible(column.name), order === 'none' ? '' : order === 'ascending' ? ' ▲' : ' ▼'),
            h('span', { class: 'hc-type' }, column.type),
        );
    }

    line(row, top, shown) {
        const values = this.source.peek(row);
        return h(
            'div',
            { class: 'hc-row', role: 'row', 'aria-rowindex': row + 2, style: `top:${top}px` },
            h('span', { class: 'hc-gutter', role: 'rowheader', style: `width:${this.gutter}px` }, String(row + 1)),
            shown.map(column => this.cell(row, column, values)),
        );
    }

    cell(row, column, values) {
        const value = values?.[column];
        const isActive = row === this.active.row && column === this.active.column;
        const classes = [
            'hc-cell',
            isNumeric(this.source.columns[column].type) && 'hc-number',
            value === null && 'hc-null',
            isActive && 'hc-active',
            this.isSelected(row, column) && 'hc-selected',
        ]
            .filter(Boolean)
            .join(' ');
        return h(
            'div',
            {
                class: classes,
                role: 'gridcell',
                id: isActive ? 'hc-active-cell' : null,
                'data-row': row,
                'data-column': column,
                'aria-colindex': column + 1,
                style: `left:${this.gutter + this.lefts[column]}px;width:${this.widths[column]}px`,
            },
            values === undefined
                ? '…'
                : value === null
                  ? 'NULL'
                  : visible(value.length > longestShown ? `${value.slice(0, longestShown)}…` : value),
        );
    }

    get range() {
        const other = this.anchor ?? this.active;
        const ends = (a, b) => (a < b ? [a, b] : [b, a]);
        return { rows: ends(this.active.row, other.row), columns: ends(this.active.column, other.column) };
    }

    isSelected(row, column) {
        const { rows, columns } = this.range;
        return this.anchor !== null && row >= rows[0] && row <= rows[1] && column >= columns[0] && column <= columns[1];
    }

    move(row, column, extends_) {
        this.anchor = extends_ ? (this.anchor ?? { ...this.active }) : null;
        this.active = {
            row: Math.max(0, Math.min(this.source.length - 1, row)),
            column: Math.max(0, Math.min(this.source.columns.length - 1, column)),
        };
        this.scrollToRow(this.active.row);
        const [from, to] = [this.lefts[this.active.column], this.lefts[this.active.column + 1] + this.gutter];
        if (from < this.element.scrollLeft) {
            this.element.scrollLeft = from;
        } else if (to > this.element.scrollLeft + this.element.clientWidth) {
            this.element.scrollLeft = to - this.element.clientWidth;
        }
        this.plan();
    }

    press(event) {
        const { row, column } = this.active,
            page = Math.max(1, Math.floor(this.viewHeight / rowHeight) - 1);
        const all = event.ctrlKey || event.metaKey;
        const moves = {
            ArrowUp: [all ? 0 : row - 1, column],
            ArrowDown: [all ? this.source.length - 1 : row + 1, column],
            ArrowLeft: [row, all ? 0 : column - 1],
            ArrowRight: [row, all ? this.source.columns.length - 1 : column + 1],
            PageUp: [row - page, column],
            PageDown: [row + page, column],
            Home: [all ? 0 : row, 0],
            End: [all ? this.source.length - 1 : row, this.source.columns.length - 1],
        };
        if (moves[event.key]) {
            this.move(...moves[event.key], event.shiftKey);
            event.preventDefault();
        } else if (event.key === 'Enter') {
            this.showValue();
            event.preventDefault();
        }
    }

    point(event) {
        const cell = event.target.closest('.hc-row [data-column]');
        if (cell && event.button === 0) {
            this.move(+cell.dataset.row, +cell.dataset.column, event.shiftKey);
        }
    }

    copy(event) {
        const { rows, columns } = this.range;
        const lines = [];
        for (let row = rows[0]; row <= rows[1]; row++) {
            const values = this.source.peek(row);
            if (values === undefined) {
                getSelection().removeAllRanges(); // nor are those copied that happen to be drawn
                this.say('Nothing is copied: not all of the selected rows are loaded. Download the whole instead.');
                return;
            }
            lines.push(values.slice(columns[0], columns[1] + 1));
        }
        event.clipboardData.setData(
            'text/plain',
            lines.length === 1 && lines[0].length === 1 ? (lines[0][0] ?? '') : toLines(lines),
        );
        event.preventDefault();
    }

    showValue() {
        const value = this.source.peek(this.active.row)?.[this.active.column],
            column = this.source.columns[this.active.column];
        if (value === undefined) {
            return;
        }
        const dialog = byId('hc-value');
        dialog.replaceChildren(
            h('h2', {}, visible(column.name), ' ', h('small', {}, `${column.type}, row ${this.active.row + 1}`)),
            h(
                'pre',
                { tabindex: 0, 'aria-label': 'The value' },
                value === null ? 'NULL' : value === '' ? visible(value) : pretty(column.type, value),
            ),
            h(
                'p',
                {},
                h('button', { type: 'button', class: 'btn btn-primary', onclick: () => dialog.close() }, 'Close'),
                ' ',
                h(
                    'button',
                    { type: 'button', class: 'btn', onclick: () => navigator.clipboard.writeText(value ?? '') },
                    'Copy',
                ),
            ),
        );
        dialog.onclose = () => this.element.focus();
        dialog.showModal();
    }
}

// Structure is shown by lines and indents; each number and text stays as it was sent.
function pretty(type, value) {
    if (!isJson(type)) {
        return value;
    }
    let depth = 0;
    return value.replace(/"(?:[^"\\]|\\.)*"|[{}[\],:]|[^\S]+|[^"{}[\],:\s]+/g, token => {
        switch (token) {
            case '{':
            case '[':
                depth++;
                return `${token}\n${'  '.repeat(depth)}`;
            case '}':
            case ']':
                depth--;
                return `\n${'  '.repeat(depth)}${token}`;
            case ',':
                return `,\n${'  '.repeat(depth)}`;
            case ':':
                return ': ';
            default:
                return token.trim();
        }
    });
}

/** For a spreadsheet: a tab between values, and quotes where one holds a tab or a line's end. */
export function toLines(rows) {
    return rows
        .map(row =>
            row
                .map(value =>
                    value === null ? '' : /[\t\n\r"]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value,
                )
                .join('\t'),
        )
        .join('\n');
}
