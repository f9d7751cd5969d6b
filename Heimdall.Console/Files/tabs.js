// The texts that are open, kept in this browser for each user.
import { user } from './api.js';

const key = `heimdall.console:${user}`;
const most = 50;

export class Tabs {
    constructor() {
        this.all = [];
        this.current = null;
        this.read();
    }

    read() {
        try {
            const kept = JSON.parse(localStorage.getItem(key) ?? '{}');
            this.all = (kept.tabs ?? []).map(tab => ({ ...blank(tab.name), ...tab }));
            this.current = this.all.find(tab => tab.id === kept.current) ?? this.all[0] ?? null;
        } catch {
            this.all = []; // what cannot be read is not worth more than a page that works
        }
    }

    /** @returns whether the browser has kept it. */
    keep() {
        try {
            localStorage.setItem(key, JSON.stringify({ current: this.current?.id, tabs: this.all }));
            return true;
        } catch {
            return false;
        }
    }

    add(values = {}) {
        if (this.all.length >= most) {
            throw new Error(`${most} texts are open: close one first.`);
        }
        const numbers = this.all.map(tab => /^Text (\d+)$/.exec(tab.name)?.[1] ?? 0);
        const tab = { ...blank(`Text ${Math.max(0, ...numbers) + 1}`), ...this.targetOf(this.current), ...values };
        this.all.push(tab);
        this.current = tab;
        return tab;
    }

    close(tab) {
        const at = this.all.indexOf(tab);
        this.all.splice(at, 1);
        if (this.current === tab) {
            this.current = this.all[Math.min(at, this.all.length - 1)] ?? null;
        }
    }

    targetOf(tab) {
        return tab === null
            ? {}
            : {
                  command: tab.command,
                  commandCriteria: tab.commandCriteria,
                  cluster: tab.cluster,
                  clusterCriteria: tab.clusterCriteria,
              };
    }
}

function blank(name) {
    return {
        id: crypto.getRandomValues(new Uint32Array(2)).join('-'),
        name,
        sql: '',
        command: null,
        commandCriteria: '',
        cluster: null,
        clusterCriteria: '',
        mode: 'query',
        options: {},
        values: {},
        saved: null,
    };
}
