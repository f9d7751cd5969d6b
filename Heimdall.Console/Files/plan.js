// The plan of EXPLAIN (FORMAT JSON) as a tree, with the nodes marked that cost most by themselves.
import { h, number } from './dom.js';

const costly = 0.3,
    dear = 0.1,
    misjudged = 10;

export function drawPlan(text) {
    const [explained] = JSON.parse(text);
    const total = measure(explained.Plan).total;
    const isAnalyzed = 'Actual Total Time' in explained.Plan;
    return h(
        'div',
        { class: 'hc-plan' },
        h(
            'p',
            { class: 'hc-plan-head' },
            isAnalyzed
                ? `Planned in ${explained['Planning Time']} ms, run in ${explained['Execution Time']} ms. `
                : `Estimated cost ${explained.Plan['Total Cost']}. Nothing was run. `,
            `Bars are the ${isAnalyzed ? 'time' : 'cost'} of a node itself.`,
        ),
        h('ul', { class: 'hc-tree' }, drawNode(explained.Plan, total)),
    );
}

// What a node takes beyond its children: time where it was run, cost where not.
function measure(node) {
    const isRun = 'Actual Total Time' in node;
    const whole = isRun ? node['Actual Total Time'] * Math.max(1, node['Actual Loops']) : node['Total Cost'];
    const children = (node.Plans ?? []).filter(child => child['Parent Relationship'] !== 'InitPlan');
    const below = children.reduce((sum, child) => sum + measure(child).total, 0);
    return { total: whole, own: Math.max(0, whole - below), isRun };
}

function drawNode(node, total) {
    const { own, isRun } = measure(node);
    const loops = node['Actual Loops'] ?? 1;
    const share = total > 0 ? Math.min(1, own / total) : 0;
    const name = [
        node.Strategy === 'Hashed' ? 'Hash' : null,
        node['Node Type'],
        node['Join Type'] && node['Join Type'] !== 'Inner' ? node['Join Type'] : null,
    ]
        .filter(Boolean)
        .join(' ');
    const on = [
        node['Index Name'],
        node['Relation Name'] && [node.Schema, node['Relation Name']].filter(Boolean).join('.'),
        node.Alias && node.Alias !== node['Relation Name'] ? node.Alias : null,
        node['CTE Name'],
        node['Function Name'],
    ]
        .filter(Boolean)
        .join(' · ');
    const details = [
        'Index Cond',
        'Hash Cond',
        'Merge Cond',
        'Recheck Cond',
        'Filter',
        'Join Filter',
        'Rows Removed by Filter',
        'Sort Key',
        'Group Key',
        'Sort Method',
        'Sort Space Used',
        'Heap Fetches',
        'Workers Launched',
        'Shared Hit Blocks',
        'Shared Read Blocks',
    ].filter(key => key in node && node[key] !== 0);
    const estimate = node['Plan Rows'],
        actual = node['Actual Rows'];
    const wrong =
        isRun &&
        node['Actual Loops'] > 0 &&
        Math.max(estimate, actual) / Math.max(1, Math.min(estimate, actual)) >= misjudged;
    return h(
        'li',
        {},
        h(
            'div',
            { class: `hc-node${share >= costly ? ' hc-hot' : share >= dear ? ' hc-warm' : ''}` },
            h(
                'p',
                {},
                h('b', {}, name),
                on ? ` ${on}` : '',
                share >= costly ? h('span', { class: 'hc-flag' }, 'costly') : '',
                wrong ? h('span', { class: 'hc-flag' }, 'rows misjudged') : '',
            ),
            h(
                'p',
                { class: 'hc-numbers' },
                `${Math.round(share * 100)} % · `,
                isRun ? `${own.toFixed(3)} ms · ` : `cost ${own.toFixed(2)} · `,
                isRun
                    ? `${number(actual)} of ${number(estimate)} estimated rows`
                    : `${number(estimate)} rows estimated`,
                loops > 1 ? ` × ${number(loops)}` : '',
            ),
            h(
                'span',
                { class: 'hc-share', 'aria-hidden': 'true' },
                h('span', { style: `width:${(share * 100).toFixed(1)}%` }),
            ),
            details.length > 0 &&
                h(
                    'dl',
                    {},
                    details.map(key =>
                        h(
                            'div',
                            {},
                            h('dt', {}, key),
                            h('dd', {}, String(Array.isArray(node[key]) ? node[key].join(', ') : node[key])),
                        ),
                    ),
                ),
        ),
        node.Plans &&
            h(
                'ul',
                {},
                node.Plans.map(child => drawNode(child, total)),
            ),
    );
}
