// JSON whose numbers keep every digit: a number of JavaScript would round them.

/** A number as it is written. */
export class ExactNumber {
    constructor(text) {
        this.text = text;
    }

    toJSON() {
        return mark + this.text;
    }
}

// No text of a job holds it: PostgreSQL has no such character, and the server refuses it.
const mark = '\u0000';
const number = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/;
const token = new RegExp(`"(?:[^"\\\\]|\\\\.)*"|${number.source}`, 'gs');
const whole = new RegExp(`^${number.source}$`);
const marked = new RegExp(`"\\\\u0000(${number.source})"`, 'g');

export function parseExact(json) {
    JSON.parse(json); // what is no JSON is refused before anything is put into it
    return JSON.parse(
        json.replace(token, found => (found[0] === '"' ? found : `"\\u0000${found}"`)),
        (_, value) =>
            typeof value === 'string' && value[0] === mark && whole.test(value.slice(1))
                ? new ExactNumber(value.slice(1))
                : value,
    );
}

export function writeExact(value) {
    return JSON.stringify(value).replace(marked, '$1');
}

/** What somebody has typed: a number if it is one, else its text, which the server refuses in its own words. */
export function typedNumber(text) {
    return whole.test(text) ? new ExactNumber(text) : text;
}
