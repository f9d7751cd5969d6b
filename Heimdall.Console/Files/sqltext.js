// What can be seen of SQL without understanding it: what is quoted or a comment is left out.
const token = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$([A-Za-z_]\w*)?\$[\s\S]*?\$\1\$/g;

/** The text with blanks where something is quoted or a comment, so that places stay the same. */
export function bare(sql) {
    return sql.replace(token, found => found.replace(/[^\n]/g, ' '));
}

/** Names of parameters: of a query $1 or :name, of a batch its variables. */
export function placeholders(sql, isBatch) {
    const text = isBatch
        ? sql
              .replace(/--[^\n]*|\/\*[\s\S]*?\*\//g, ' ')
              .replace(/'(?:[^']|'')*'/g, (found, at) => (sql[at - 1] === ':' ? found : ' '))
        : bare(sql);
    const names = new Set();
    const pattern = isBatch
        ? /(?<![:\w]):(?:'(\w+)'|"(\w+)"|([A-Za-z_]\w*))/g
        : /(?<![:\w]):([A-Za-z_]\w*)|(?<![\w$])(\$\d+)/g;
    for (const match of text.matchAll(pattern)) {
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
