// The texts that are open, kept in this browser for each user: one by one, because several windows may show them.
import { user } from './api.js';

const place = `heimdall.console:${encodeURIComponent(user)}:`;
const currentKey = `heimdall.console.current:${user}`;
const most = 50;

export class Tabs {
    constructor() {
        this.all = [];
        this.current = null;
        this.written = new Map(); // each as it was last read or written
        this.read();
    }

    read() {
        try {
            const kept = Object.keys(localStorage).filter(key => key.startsWith(place));
            this.all = kept.map(key => this.take(key.slice(place.length), localStorage.getItem(key))).filter(Boolean);
            this.all.sort((a, b) => a.opened - b.opened);
            const id = sessionStorage.getItem(currentKey) ?? localStorage.getItem(currentKey);
            this.current = this.all.find(tab => tab.id === id) ?? this.all[0] ?? null;
        } catch {
            this.all = []; // a page that works is worth more than what cannot be read
        }
    }

    take(id, json) {
        try {
            const values = JSON.parse(json);
            this.written.set(id, json);
            return { ...blank(values.name), ...values, id };
        } catch {
            return null;
        }
    }

    /**
     * Keeps the texts that were changed here, and no others: another window may have changed those since.
     *
     * @returns whether the browser has kept them.
     */
    keep() {
        try {
            for (const tab of this.all) {
                const json = JSON.stringify(tab);
                if (this.written.get(tab.id) !== json) {
                    localStorage.setItem(place + tab.id, json);
                    this.written.set(tab.id, json);
                }
            }
            if (this.current !== null) {
                sessionStorage.setItem(currentKey, this.current.id);
                localStorage.setItem(currentKey, this.current.id);
            }
            return true;
        } catch {
            return false;
        }
    }

    /**
     * Takes over what other windows have changed: tells onChange(tab) of a text that is new or another, and asks
     * mayClose(tab) of one that was closed. One that was changed here too stays as it is here.
     */
    listen({ onChange, mayClose, onClose }) {
        const look = (id, json) => {
            const tab = this.all.find(one => one.id === id);
            if (json === null) {
                this.written.delete(id);
                if (tab && mayClose(tab)) {
                    this.all.splice(this.all.indexOf(tab), 1);
                    onClose(tab);
                }
            } else if (tab && this.written.get(id) === JSON.stringify(tab)) {
                onChange(Object.assign(tab, this.take(id, json)));
            } else if (!tab) {
                const added = this.take(id, json);
                if (added) {
                    this.all.push(added);
                    onChange(added);
                }
            }
        };
        addEventListener('storage', event => {
            if (event.storageArea === localStorage && event.key?.startsWith(place)) {
                look(event.key.slice(place.length), event.newValue);
            }
        });
        // A page that comes back from the browser's memory was not told.
        addEventListener('pageshow', event => {
            if (event.persisted) {
                const ids = new Set([...this.written.keys(), ...this.all.map(tab => tab.id)]);
                Object.keys(localStorage)
                    .filter(key => key.startsWith(place))
                    .forEach(key => ids.add(key.slice(place.length)));
                ids.forEach(id => look(id, localStorage.getItem(place + id)));
            }
        });
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
        this.written.delete(tab.id);
        try {
            localStorage.removeItem(place + tab.id);
        } catch {
            // where nothing is kept, nothing stays
        }
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
                  fanOut: { ...tab.fanOut },
              };
    }
}

function blank(name) {
    return {
        id: crypto.getRandomValues(new Uint32Array(2)).join('-'),
        opened: Date.now(),
        name,
        sql: '',
        command: null,
        commandCriteria: '',
        cluster: null,
        clusterCriteria: '',
        fanOut: {}, // of a job for all clusters that match
        onEnd: [], // hooks that are notified at the end, as on_end of a job has them
        mode: 'query',
        about: { description: '', tags: '', priority: '' },
        options: {},
        values: {}, // of parameters and variables, by their names
        given: [], // names that a job had, which the text need not show
        kept: {}, // what else its context had, as JSON
        saved: null,
    };
}
