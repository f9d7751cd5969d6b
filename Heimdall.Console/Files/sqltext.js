// What can be seen of SQL without understanding it: what is quoted or a comment is left out.
const opening = /--|\/\*|(?<![\w$\u0080-\uffff])(?:[eE]'|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)|'|"/g;
const ends = {
    '--': /(?=\n)/g,
    "'": /'(?:'[^']*')*(?!')/g,
    '"': /"(?:"[^"]*")*(?!")/g,
};

/** The text with blanks where something is quoted or a comment, so that places stay the same. */
export function bare(sql, isBatch = false) {
    let text = '',
        at = 0;
    while (at < sql.length) {
        opening.lastIndex = at;
        const found = opening.exec(sql);
        if (found === null) {
            break;
        }
        const variable = isBatch && isVariable(sql, found.index) ? /['"]\w+['"]/y : null;
        const end = variable ? endAfter(variable, sql, found.index) : endOf(sql, found[0], found.index);
        const part = sql.slice(found.index, end);
        text += sql.slice(at, found.index) + (variable ? part : part.replace(/[^\n]/g, ' '));
        at = end;
    }
    return text + sql.slice(at);
}

// :'name' and :"name" of psql.
function isVariable(sql, at) {
    return /^(?:'\w+'|"\w+")/.test(sql.slice(at, at + 66)) && sql[at - 1] === ':' && sql[at - 2] !== ':';
}

function endOf(sql, sign, at) {
    const from = at + sign.length;
    if (sign === '/*') {
        return endOfComment(sql, from);
    }
    if (sign[0] === '$') {
        const end = sql.indexOf(sign, from);
        return end < 0 ? sql.length : end + sign.length;
    }
    const isEscaped = sign.length === 2 && sign[1] === "'";
    return endAfter(isEscaped ? /(?:[^'\\]|\\[\s\S]|'')*'/y : ends[sign], sql, from);
}

function endAfter(pattern, sql, from) {
    pattern.lastIndex = from;
    const found = pattern.exec(sql);
    return found === null ? sql.length : found.index + found[0].length;
}

// Comments are nested.
function endOfComment(sql, from) {
    const sign = /\/\*|\*\//g;
    sign.lastIndex = from;
    for (let depth = 1, found; (found = sign.exec(sql)) !== null;) {
        depth += found[0] === '/*' ? 1 : -1;
        if (depth === 0) {
            return sign.lastIndex;
        }
    }
    return sql.length;
}

/** Whether a job takes it for the path of a script. */
export function isPath(sql) {
    const text = sql.trim();
    return /\.sql$/i.test(text) && !/[;\n\r'"]/.test(text) && text[0] !== '\\';
}

/** Names of parameters: of a query $1 or :name, of a batch its variables. */
export function placeholders(sql, isBatch) {
    const names = new Set();
    const pattern = isBatch
        ? /(?<![:\w]):(?:'(\w+)'|"(\w+)"|\{\?(\w+)\}|([A-Za-z_]\w*))/g
        : /(?<![:\w]):([A-Za-z_]\w*)|(?<![\w$])(\$\d+)/g;
    for (const match of bare(sql, isBatch).matchAll(pattern)) {
        names.add(match.slice(1).find(Boolean));
    }
    return [...names].sort((a, b) => (a[0] === '$' && b[0] === '$' ? a.slice(1) - b.slice(1) : a < b ? -1 : 1));
}

/** The first line that says something, for a list. */
export function firstLine(sql) {
    const line =
        sql
            .split('\n')
            .map(one => one.trim())
            .find(one => one !== '' && !one.startsWith('--')) ?? sql.trim();
    return line.length > 120 ? `${line.slice(0, 120)}…` : line;
}

/** How many statements there are. */
export function countStatements(sql) {
    return bare(sql)
        .split(';')
        .filter(part => part.trim() !== '').length;
}
