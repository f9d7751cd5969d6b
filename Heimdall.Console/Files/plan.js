// The plan of EXPLAIN (FORMAT JSON) as a tree, with the nodes marked that cost most by themselves.
import { h, number } from './dom.js';

const costly = 0.3,
    dear = 0.1,
    misjudged = 10;

export function drawPlan(text) {
    const [explained] = JSON.parse(text);
    if (typeof explained !== 'object' || !explained.Plan) {
        return h('p', { class: 'hc-plan' }, 'PostgreSQL has no plan for such a statement.');
    }
    const measures = measureAll(explained.Plan),
        { total } = measures.get(explained.Plan);
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
        h('ul', { class: 'hc-tree' }, drawNode(explained.Plan, total, measures)),
    );
}

/**
 * What each node takes with its children, and by itself: time where it was run, cost where not. Workers of a Gather run
 * side by side: their loops are no sum of time. A CTE runs where it is first read, and its time is part of that node's;
 * its cost is part of the node that it belongs to.
 */
function measureAll(plan) {
    const measures = new Map(),
        named = new Map();
    const isInit = node => node['Parent Relationship'] === 'InitPlan';
    const measure = (node, processes) => {
        const isRun = 'Actual Total Time' in node,
            loops = Math.max(1, node['Actual Loops'] ?? 1);
        const children = node.Plans ?? [];
        for (const child of children) {
            const isGathered = /^Gather/.test(node['Node Type']) && !isInit(child);
            measure(child, isGathered ? Math.max(1, (child['Actual Loops'] ?? 1) / loops) : processes);
            named.set(child['Subplan Name'], child);
        }
        const total = isRun ? (node['Actual Total Time'] * loops) / processes : node['Total Cost'];
        const parts = children.filter(child => !isRun || !isInit(child));
        const below = parts.reduce((sum, child) => sum + measures.get(child).total, 0);
        measures.set(node, { total, own: Math.max(0, total - below), isRun });
    };
    measure(plan, 1);
    for (const [node, own] of measures) {
        const cte = own.isRun && node['Node Type'] === 'CTE Scan' ? named.get(`CTE ${node['CTE Name']}`) : undefined;
        if (cte) {
            own.own = Math.max(0, own.own - measures.get(cte).total);
        }
    }
    return measures;
}

function drawNode(node, total, measures) {
    const { own, isRun } = measures.get(node);
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
                node.Plans.map(child => drawNode(child, total, measures)),
            ),
    );
}
