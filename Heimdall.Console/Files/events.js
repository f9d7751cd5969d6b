// Server-sent events, read by fetch: unlike EventSource it tells of a refusal and can be told where to go on.
import { linesOf } from './rows.js';

/** @returns each event as {type, data, id}; data is what its JSON says. */
export async function* eventsOf(body) {
    let event = { type: 'message', data: [] };
    for await (const lines of linesOf(body)) {
        for (const line of lines.map(one => one.replace(/\r$/, ''))) {
            const [, name, value] = /^([a-z]+): ?(.*)$/s.exec(line) ?? [];
            if (line === '') {
                if (event.data.length > 0) {
                    yield { ...event, data: JSON.parse(event.data.join('\n')) };
                }
                event = { type: 'message', data: [] };
            } else if (name === 'event') {
                event.type = value;
            } else if (name === 'data') {
                event.data.push(value);
            } else if (name === 'id') {
                event.id = value;
            }
        }
    }
}
