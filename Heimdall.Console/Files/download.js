// Rows as a file: of a stored result from the server, whole; else those that the page has.
import { h } from './dom.js';
import { isJson, isNumeric } from './rows.js';

const kinds = {
    csv: ['CSV', 'text/csv', csv],
    ndjson: ['NDJSON', 'application/x-ndjson', ndjson],
    json: ['JSON', 'application/json', json],
};

// The server alone writes these.
const binary = { arrow: ['Arrow'], parquet: ['Parquet'] };

export function downloadsOfStored(root, id) {
    return Object.entries({ ...kinds, ...binary }).map(([kind, [name]]) =>
        h('a', { class: 'btn hc-small', href: `${root}/hangfire/sql/jobs/${id}/result/${kind}`, download: true }, name),
    );
}

export function downloadLoaded(run) {
    return Object.entries(kinds).map(([kind, [name, type, write]]) =>
        h(
            'button',
            {
                type: 'button',
                class: 'btn hc-small',
                title: `The ${run.source.length} rows of this page as a file`,
                onclick: () => {
                    const address = URL.createObjectURL(
                        new Blob([...write(run.source.columns, run.source.rows, endingOf(run))], { type }),
                    );
                    h('a', { href: address, download: `${run.tab.name.replace(/[^\w.-]+/g, '-')}.${kind}` }).click();
                    setTimeout(() => URL.revokeObjectURL(address), 60000);
                },
            },
            name,
        ),
    );
}

// As the server ends its own: rows that are not all must not look like all.
function endingOf(run) {
    return {
        row_count: run.source.length,
        truncated: run.ending?.truncated ?? false,
        status: run.cancelled ? 'CANCELED' : run.error ? 'FAILED' : 'SUCCEEDED',
        ...(run.error ? { error: run.error.message } : {}),
    };
}

function* csv(columns, rows, { row_count: length, truncated, status, error }) {
    const quote = text =>
        text === null ? '' : text === '' || /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    const value = (text, index) => (columns[index].type === 'bool' && text !== null ? text[0] : quote(text));
    yield `${columns.map(column => quote(column.name)).join(',')}\r\n`;
    for (const row of rows) {
        yield `${row.map(value).join(',')}\r\n`;
    }
    // A quote that is never closed: no reader takes the line for a row.
    if (status !== 'SUCCEEDED') {
        yield `"heimdall: ${status} after ${length} rows${error ? `: ${error.replaceAll('"', '""')}` : ''}\r\n`;
    } else if (truncated) {
        yield `"heimdall: TRUNCATED by a limit after ${length} rows\r\n`;
    }
}

function* ndjson(columns, rows, ending) {
    yield `${JSON.stringify({ columns })}\n`;
    for (const row of rows) {
        yield `${rowOf(columns, row)}\n`;
    }
    yield `${JSON.stringify(ending)}\n`;
}

function* json(columns, rows, ending) {
    yield `{"columns":${JSON.stringify(columns)},"data":[`;
    for (const [index, row] of rows.entries()) {
        yield `${index === 0 ? '' : ','}\n${rowOf(columns, row)}`;
    }
    yield `],${JSON.stringify(ending).slice(1)}\n`;
}

// Numbers and JSON stand as they came; everything else is a text.
function rowOf(columns, row) {
    const values = row.map((value, index) =>
        value !== null && isPlain(columns[index].type, value) ? value : JSON.stringify(value),
    );
    return `[${values.join(',')}]`;
}

function isPlain(type, value) {
    return isJson(type) || type === 'bool' || (isNumeric(type) && /^-?\d/.test(value));
}
