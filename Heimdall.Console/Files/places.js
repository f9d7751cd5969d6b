// A browser opens six connections to a host over HTTP/1.1, and a query holds one until its last row. So few queries of
// this page run at once: others wait here, and what looks at jobs and cancels them has room.
const mostOverOldHttp = 4,
    mostElse = 32;

let taken = 0;
const waiting = [];

function most() {
    const [navigation] = performance.getEntriesByType('navigation');
    return /^h[23]/.test(navigation?.nextHopProtocol ?? '') ? mostElse : mostOverOldHttp;
}

/**
 * Runs an action when there is room for it.
 *
 * @param onWait Told when there is none yet.
 */
export async function inPlace(action, { signal, onWait }) {
    if (taken >= most()) {
        onWait();
        await turn(signal);
    } else {
        taken++;
    }
    try {
        return await action();
    } finally {
        const next = waiting.shift();
        if (next) {
            next();
        } else {
            taken--;
        }
    }
}

// Whoever leaves gives the place to who comes next; who gives up waiting leaves the line.
function turn(signal) {
    return new Promise((resolve, reject) => {
        const take = () => {
            signal.removeEventListener('abort', leave);
            resolve();
        };
        const leave = () => {
            waiting.splice(waiting.indexOf(take), 1);
            reject(new DOMException('Not waited for any more.', 'AbortError'));
        };
        waiting.push(take);
        signal.addEventListener('abort', leave, { once: true });
    });
}
