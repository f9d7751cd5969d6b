// Which command and cluster: chosen from the catalogue, or by tags, and what would match.
import { ask } from './api.js';
import { byId, count, h, visible } from './dom.js';
import { typedNumber, writeExact } from './exact.js';

const byTags = '\u0000tags';
const allThatMatch = '\u0000all';
const fanOutFields = ['max_parallel', 'canary', 'stop_after_failures'];

export class Target {
    constructor(onChange) {
        this.command = byId('hc-command');
        this.cluster = byId('hc-cluster');
        this.commandCriteria = byId('hc-command-criteria');
        this.clusterCriteria = byId('hc-cluster-criteria');
        this.fanOut = fanOutFields.map(name => byId(`hc-${name.replaceAll('_', '-')}`));
        this.onChange = onChange;
        const fields = [this.command, this.cluster, this.commandCriteria, this.clusterCriteria, ...this.fanOut];
        for (const element of fields) {
            element.addEventListener('change', () => this.take());
        }
    }

    async load() {
        const [commands, clusters] = await Promise.all([ask('GET', '/commands'), ask('GET', '/clusters')]);
        this.commands = listOf(commands);
        this.clusters = listOf(clusters);
    }

    show(tab) {
        this.tab = tab;
        tab.command ??= firstOf(this.commands);
        tab.cluster ??= firstOf(this.clusters);
        fill(this.command, this.commands, tab.command);
        fill(this.cluster, this.clusters, tab.cluster, [allThatMatch, 'all that have these tags …']);
        this.fanOut.forEach((element, at) => {
            element.value = tab.fanOut[fanOutFields[at]] ?? '';
        });
        this.commandCriteria.value = tab.commandCriteria;
        this.clusterCriteria.value = tab.clusterCriteria;
        this.reveal();
        this.resolve();
    }

    take() {
        Object.assign(this.tab, {
            command: this.command.value,
            cluster: this.cluster.value,
            commandCriteria: this.commandCriteria.value,
            clusterCriteria: this.clusterCriteria.value,
            fanOut: Object.fromEntries(this.fanOut.map((element, at) => [fanOutFields[at], element.value.trim()])),
        });
        this.reveal();
        this.resolve();
        this.onChange();
    }

    reveal() {
        byId('hc-command-criteria-label').hidden = this.command.value !== byTags;
        byId('hc-cluster-criteria-label').hidden = ![byTags, allThatMatch].includes(this.cluster.value);
        byId('hc-fan-out').hidden = this.cluster.value !== allThatMatch;
    }

    /** Whether a job of a text runs on all clusters that match. */
    static isForAll(tab) {
        return tab.cluster === allThatMatch;
    }

    /** The members of a job that say where it runs. */
    static criteriaOf(tab) {
        return {
            command_criteria: tab.command === byTags ? words(tab.commandCriteria) : [`_id:${tab.command}`],
            cluster_criteria: [byTags, allThatMatch].includes(tab.cluster)
                ? words(tab.clusterCriteria)
                : [`_id:${tab.cluster}`],
        };
    }

    /** The same of a job that may have children: on how many clusters, and how many at once. */
    static fanOutOf(tab) {
        const given = fanOutFields.filter(name => (tab.fanOut[name] ?? '') !== '');
        return Target.isForAll(tab)
            ? { target: 'all', ...Object.fromEntries(given.map(name => [name, typedNumber(tab.fanOut[name])])) }
            : {};
    }

    /**
     * The most that a job of a text may ask of a limit: what the page would like, or what the command has as its
     * default or ceiling. A limit that a command fixes is left out.
     */
    limitOf(tab, name, wished) {
        const contexts = this.commandsOf(tab).map(command => command.context ?? {});
        return contexts.some(context => name in (context.fixed ?? {}))
            ? undefined
            : Math.min(
                  wished,
                  ...contexts.flatMap(context => [context[name] ?? wished, context[`max_${name}`] ?? wished]),
              );
    }

    commandsOf(tab) {
        if (tab.command !== byTags) {
            return this.commands.filter(command => command.id === tab.command);
        }
        const tags = words(tab.commandCriteria);
        const found = this.commands.filter(command => tags.every(tag => command.tags.includes(tag)));
        return found.length > 0 ? found : this.commands;
    }

    /** Whether a job is a query: where it does not say so itself, its command does. */
    isQuery(job) {
        const { context = {} } = this.commands.find(command => command.id === job.command_id) ?? {};
        return (
            job.context.return_result ?? context.fixed?.return_result ?? context.return_result ?? job.is_sync === true
        );
    }

    /** What a job has been submitted with, as choices. */
    choiceOf(job) {
        const choose = (criteria, list) => {
            const id = criteria.length === 1 && criteria[0].startsWith('_id:') ? criteria[0].slice(4) : null;
            return list.some(item => item.id === id) ? [id, ''] : [byTags, criteria.join(', ')];
        };
        const [command, commandCriteria] = choose(job.command_criteria, this.commands);
        const [cluster, clusterCriteria] =
            job.target === 'all'
                ? [allThatMatch, job.cluster_criteria.join(', ')]
                : choose(job.cluster_criteria, this.clusters);
        const fanOut = Object.fromEntries(
            fanOutFields.filter(name => job[name]).map(name => [name, String(job[name].text ?? job[name])]),
        );
        return { command, commandCriteria, cluster, clusterCriteria, fanOut };
    }

    async resolve() {
        const tab = this.tab,
            said = byId('hc-match'),
            why = byId('hc-why');
        this.controller?.abort();
        this.controller = new AbortController();
        const criteria = Target.criteriaOf(tab);
        if (criteria.command_criteria.length === 0 || criteria.cluster_criteria.length === 0) {
            said.className = 'hd-failure';
            said.textContent = 'Give at least one tag.';
            why.replaceChildren();
            return;
        }
        try {
            const found = await ask('POST', '/resolve', {
                body: writeExact({ name: 'console', ...criteria, ...Target.fanOutOf(tab) }),
                headers: { 'Content-Type': 'application/json' },
                signal: this.controller.signal,
            });
            said.className = found.found ? '' : 'hd-failure';
            said.textContent = found.found ? saidOf(found) : found.reason;
            why.replaceChildren(...this.explain(found));
        } catch (error) {
            if (error.name !== 'AbortError') {
                said.className = 'hd-failure';
                said.textContent = error.message;
                why.replaceChildren();
            }
        }
    }

    explain(found) {
        if (found.targets) {
            return [targetList(found)];
        }
        const chances = found.pairs.map(pair =>
            h('li', {}, `${pair.command_name} on ${pair.cluster_name}: ${Math.round(pair.probability * 1000) / 10} %`),
        );
        const others = [
            ...found.commands.map(item => ['Command', item]),
            ...found.clusters.map(item => ['Cluster', item]),
        ].filter(([, item]) => !item.candidate);
        return [
            found.pairs.length > 0 && h('ul', {}, chances),
            others.length > 0 && h('p', {}, 'Not taken:'),
            others.length > 0 &&
                h(
                    'ul',
                    {},
                    others.map(([kind, item]) => h('li', {}, `${kind} ${item.name}: ${item.reason}`)),
                ),
            others.length === 0 && h('p', {}, 'Nothing else is configured that you may use.'),
        ].filter(Boolean);
    }
}

function saidOf({ pairs, targets }) {
    return targets
        ? `Runs on ${count(targets.length, 'cluster')}`
        : pairs.length === 1
          ? `Runs with ${pairs[0].command_name} on ${pairs[0].cluster_name}`
          : `One of ${pairs.length} would run it`;
}

/** The clusters of a job for all of them, in their order, and those that are left out. */
export function targetList({ targets, left_out: leftOut }) {
    const about = target =>
        [
            target.is_canary ? 'goes first, alone' : target.waits ? 'waits for others of them' : '',
            target.is_healthy ? '' : 'did not answer its last health check: its job waits for it',
        ]
            .filter(Boolean)
            .join('; ');
    return h(
        'div',
        {},
        h(
            'ol',
            { class: 'hc-targets' },
            targets.map(target =>
                h('li', {}, visible(target.cluster_name), about(target) ? `: ${about(target)}` : ''),
            ),
        ),
        leftOut.length > 0 && h('p', {}, 'Left out:'),
        leftOut.length > 0 &&
            h(
                'ul',
                {},
                leftOut.map(one => h('li', {}, visible(one.cluster_id), ': ', visible(one.reason))),
            ),
    );
}

function listOf(reply) {
    return Array.isArray(reply) ? reply : reply.data;
}

function words(text) {
    return text.split(/[,\s]+/).filter(Boolean);
}

function firstOf(items) {
    return (items.find(item => item.status === 'ACTIVE') ?? items[0])?.id ?? byTags;
}

// What a text has chosen stays its choice when it is gone: SQL for one database is not for another.
function fill(select, items, chosen, ...more) {
    const others = [[byTags, 'whichever has these tags …'], ...more];
    const isGone = !others.some(([value]) => value === chosen) && !items.some(item => item.id === chosen);
    select.replaceChildren(
        ...(isGone ? [h('option', { value: chosen }, `${chosen} (gone)`)] : []),
        ...items.map(item =>
            h(
                'option',
                { value: item.id },
                item.name,
                item.status === 'ACTIVE' ? '' : ` (${item.status.toLowerCase()})`,
                item.paused ? ' (paused)' : '',
            ),
        ),
        ...others.map(([value, text]) => h('option', { value }, text)),
    );
    select.value = chosen;
}
