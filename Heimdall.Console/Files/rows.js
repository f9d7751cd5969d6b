// Rows of NDJSON as texts. Numbers are taken as they were sent: a number of JavaScript would round them.
import { brokenOff } from './api.js';

/** A line that is a row: its values as text, or null. JSON stays as it was sent: "abc" of it is not abc. */
export function parseRow(line, columns) {
    const values = [];
    let at = 1;
    while (at < line.length && line[at] !== ']') {
        const end = endOf(line, at);
        const token = line.slice(at, end);
        const isText = token[0] === '"' && !isJson(columns[values.length].type);
        values.push(token === 'null' ? null : isText ? JSON.parse(token) : token);
        at = line[end] === ',' ? end + 1 : end;
    }
    return values;
}

function endOf(line, start) {
    let depth = 0;
    for (let at = start; at < line.length; at++) {
        const character = line[at];
        if (character === '"') {
            at = endOfString(line, at);
        } else if (character === '[' || character === '{') {
            depth++;
        } else if (depth > 0) {
            depth -= character === ']' || character === '}' ? 1 : 0;
        } else if (character === ',' || character === ']') {
            return at;
        }
    }
    return line.length;
}

function endOfString(line, start) {
    let at = line.indexOf('"', start + 1);
    while (isEscaped(line, at)) {
        at = line.indexOf('"', at + 1);
    }
    return at;
}

function isEscaped(line, quote) {
    let slashes = 0;
    while (line[quote - 1 - slashes] === '\\') {
        slashes++;
    }
    return slashes % 2 === 1;
}

/**
 * The lines of a body, those of each piece of it together. What follows the last line's end is left out: it has broken
 * off.
 */
export async function* linesOf(body) {
    const reader = body.pipeThrough(new TextDecoderStream()).getReader();
    let begun = []; // the pieces of a line that has not ended
    try {
        for (;;) {
            const { done, value } = await reader.read();
            if (done) {
                return;
            }
            const lines = value.split('\n');
            begun.push(lines[0]);
            if (lines.length > 1) {
                lines[0] = begun.join('');
                begun = [lines.pop()];
                yield lines;
            }
        }
    } catch (error) {
        throw error.name === 'AbortError' ? error : brokenOff('The rows that are shown are not all.');
    } finally {
        reader.cancel().catch(() => {}); // it may have broken off
    }
}

/**
 * Reads a result as it comes: opening({columns, …}), rows([[…]]).
 *
 * @returns what its last line says. A result without one has broken off, and that is thrown.
 */
export async function readNdjson(body, { opening = () => {}, rows }) {
    let columns = null,
        ending = null;
    for await (const lines of linesOf(body)) {
        const found = [];
        for (const line of lines) {
            if (line[0] === '[') {
                found.push(parseRow(line, columns));
            } else if (columns === null && line.includes('"columns"')) {
                const first = JSON.parse(line);
                columns = first.columns;
                opening(first);
            } else {
                ending = JSON.parse(line);
            }
        }
        if (found.length > 0) {
            rows(found);
        }
    }
    if (ending === null) {
        throw brokenOff('The rows that are shown are not all. Look at the job for how it ended.');
    }
    return ending;
}

export function isJson(type) {
    return type === 'json' || type === 'jsonb';
}

const numeric = new Set(['int2', 'int4', 'int8', 'oid', 'numeric', 'float4', 'float8']);

export function isNumeric(type) {
    return numeric.has(type);
}

/**
 * Compares two values of a column: numbers by size however many digits they have, all else by its characters. NULL is
 * last.
 */
export function compare(type, left, right) {
    if (left === null || right === null) {
        return (left === null) - (right === null);
    }
    if (numeric.has(type)) {
        return compareNumbers(left, right);
    }
    return left < right ? -1 : left > right ? 1 : 0;
}

function compareNumbers(left, right) {
    const pattern = /^-?\d+(\.\d+)?$/;
    if (!pattern.test(left) || !pattern.test(right)) {
        const [a, b] = [Number(left), Number(right)];
        return Number.isNaN(a) || Number.isNaN(b) ? Number.isNaN(a) - Number.isNaN(b) : Math.sign(a - b) || 0;
    }
    const [a, b] = [left, right].map(text => ({
        isNegative: text[0] === '-',
        parts: text.replace('-', '').split('.'),
    }));
    if (a.isNegative !== b.isNegative) {
        return a.isNegative ? -1 : 1;
    }
    return (a.isNegative ? -1 : 1) * comparePositive(a.parts, b.parts);
}

function comparePositive([a, aFraction = ''], [b, bFraction = '']) {
    const length = Math.max(a.length, b.length),
        digits = Math.max(aFraction.length, bFraction.length);
    const [x, y] = [
        a.padStart(length, '0') + aFraction.padEnd(digits, '0'),
        b.padStart(length, '0') + bFraction.padEnd(digits, '0'),
    ];
    return x < y ? -1 : x > y ? 1 : 0;
}
