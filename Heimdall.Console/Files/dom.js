// Elements are made of text, never of HTML: what the database says cannot become markup.
export function h(tag, attributes, ...children) {
    const element = document.createElement(tag);
    apply(element, attributes);
    element.append(...children.flat().filter(child => child !== null && child !== undefined && child !== false));
    return element;
}

export function svg(tag, attributes, ...children) {
    const element = document.createElementNS('http://www.w3.org/2000/svg', tag);
    for (const [name, value] of Object.entries(attributes ?? {})) {
        element.setAttribute(name, value);
    }
    element.append(...children.flat());
    return element;
}

export function byId(id) {
    return document.getElementById(id);
}

function apply(element, attributes) {
    for (const [name, value] of Object.entries(attributes ?? {})) {
        if (name.startsWith('on')) {
            element.addEventListener(name.slice(2), value);
        } else if (value === true) {
            element.setAttribute(name, '');
        } else if (value !== false && value !== null && value !== undefined) {
            element.setAttribute(name, value);
        }
    }
}

// Characters that reorder what stands around them or that nobody sees: the same as on the other pages.
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\u115F\u1160\u3164\uFFA0\u2800\u034F\u17B4\u17B5\u{E0100}-\u{E01EF}]/u;
const marked = new RegExp(`\\r\\n|[\\n\\r\\t]|^ +| +$|\\u00A0|${hidden.source}`, 'gu');

/** Text with marks where white space could be overlooked. */
export function visible(text) {
    if (text === '') {
        return [h('i', { class: 'hc-mark' }, 'empty')];
    }
    const nodes = [];
    let last = 0;
    for (const match of text.matchAll(marked)) {
        nodes.push(text.slice(last, match.index), markOf(match[0]));
        last = match.index + match[0].length;
    }
    nodes.push(text.slice(last));
    return nodes.filter(node => node !== '');
}

function markOf(found) {
    const sign =
        found === '\t'
            ? '→'
            : /^[\r\n]+$/.test(found)
              ? '↵'
              : /^ +$/.test(found)
                ? '·'.repeat(found.length)
                : found === '\u00A0'
                  ? '⍽'
                  : null;
    return sign !== null || !hidden.test(found)
        ? h('i', { class: 'hc-mark' }, sign ?? found)
        : h(
              'span',
              { class: 'hd-hidden', title: 'a character that is not seen' },
              'U+' + found.codePointAt(0).toString(16).toUpperCase().padStart(4, '0'),
          );
}

export function number(value) {
    return String(value).replace(/\B(?=(\d{3})+$)/g, ',');
}

export function count(value, word) {
    return `${number(value)} ${word}${value === 1 ? '' : 's'}`;
}

export function duration(milliseconds) {
    return milliseconds < 1000
        ? `${Math.round(milliseconds)} ms`
        : milliseconds < 60000
          ? `${(milliseconds / 1000).toFixed(1)} s`
          : `${Math.floor(milliseconds / 60000)} min ${Math.floor(milliseconds / 1000) % 60} s`;
}

export function when(text) {
    const at = new Date(text),
        two = part => String(part).padStart(2, '0');
    const day = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(two).join('-');
    return `${day} ${[at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':')}`;
}
