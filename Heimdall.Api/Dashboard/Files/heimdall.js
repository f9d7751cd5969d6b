// Shows times by the reader's clock, and keeps pages up to date. The pages do without it.
(function () {
    'use strict';

    var signedOut = 'You are not signed in any more; reload this page to sign in.';

    function toWords(status) {
        return status === 401 ? signedOut : 'status ' + status;
    }

    // Times are shown by the reader's clock; the server writes them in UTC, and so they stay in the title.
    function localize(root) {
        if (new Date().getTimezoneOffset() === 0) {
            return;
        }
        root.querySelectorAll('time[datetime]:not([title])').forEach(function (time) {
            var at = new Date(time.dateTime);
            if (!isNaN(at)) {
                time.title = time.textContent.replace('Z', ' UTC');
                time.textContent = [at.getFullYear(), at.getMonth() + 1, at.getDate()].map(two).join('-') + ' '
                    + [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join(':');
            }
        });
    }

    function two(number) {
        return String(number).padStart(2, '0');
    }

    function tellClock() {
        var clock = document.getElementById('hd-clock'), zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
        if (clock && new Date().getTimezoneOffset() !== 0) {
            clock.textContent = 'Times are of ' + zone + '; point at one for UTC.';
        }
    }

    // What shows the same as before is left alone: a click or the focus of a keyboard may be on it.
    function replace(part, html, mark) {
        if (!part || part.dataset.mark === mark || part.querySelector('details[open]')) {
            return;
        }
        part.dataset.mark = mark;
        var focused = part.contains(document.activeElement) ? nameOf(document.activeElement) : null;
        part.innerHTML = html;
        localize(part);
        if (focused !== null) {
            var same = Array.prototype.find.call(part.querySelectorAll('a, button, summary, [tabindex]'), function (one) { return nameOf(one) === focused; });
            (same || document.getElementById('hd-main')).focus({ preventScroll: true });
        }
    }

    function nameOf(element) {
        return element.getAttribute('aria-label') || element.textContent;
    }

    // A page asks for itself anew while it is looked at, for an hour after the reader has last done something.
    function refresh(main) {
        var interval = main.dataset.refresh * 1000, longest = 60000, tired = 3600000, pause = interval;
        var told = document.getElementById('hd-refresh'), button = document.createElement('button'), says = document.createElement('span');
        var isStopped = false, timer = null, last = Date.now(), fault = '';
        button.type = 'button';
        told.append(says, button);
        button.addEventListener('click', function () {
            isStopped = !isStopped;
            last = Date.now();
            plan(0);
        });
        ['pointerdown', 'keydown'].forEach(function (name) {
            document.addEventListener(name, function () { last = Date.now(); }, { passive: true });
        });
        document.addEventListener('visibilitychange', function () { plan(document.hidden ? pause : 0); });
        plan(pause);

        function plan(wait) {
            clearTimeout(timer);
            if (Date.now() - last > tired) {
                isStopped = true;
            }
            says.textContent = fault
                + (isStopped ? 'This page does not refresh itself.' : 'This page refreshes itself.');
            button.textContent = isStopped ? 'Refresh' : 'Stop';
            if (!isStopped && !document.hidden) {
                timer = setTimeout(ask, wait);
            }
        }

        function ask() {
            var begun = Date.now();
            fetch(location.href, { credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(longest) })
                .then(function (reply) {
                    if (!reply.ok) {
                        throw new Error(toWords(reply.status));
                    }
                    return reply.text();
                })
                .then(function (text) {
                    var news = new DOMParser().parseFromString(text, 'text/html');
                    news.querySelectorAll('[data-part]').forEach(function (part) {
                        replace(document.getElementById(part.id), part.innerHTML, part.dataset.mark);
                    });
                    pause = Math.max(interval, 20 * (Date.now() - begun)); // a slow server is asked less often
                    fault = '';
                }, function (error) {
                    pause = Math.min(longest, pause * 2);
                    fault = error.message === signedOut ? signedOut + ' '
                        : 'The server does not answer; what this page shows is old. ';
                })
                .then(function () { plan(Math.min(pause, longest)); });
        }
    }

    // What the server sends is HTML of its own making; what jobs have put into it is encoded there.
    function follow(page) {
        var interval = 1000, longest = 10000, pause = interval;
        var after = page.dataset.after;
        var log = document.getElementById('hd-log'), away = document.getElementById('hd-away');

        function append(news) {
            var atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
            if (news.cut) {
                log.textContent = '';
                document.getElementById('hd-log-cut').hidden = false;
            }
            log.insertAdjacentHTML('beforeend', news.html);
            tick(log.textContent.slice(-news.html.length));
            forget(log.textContent.length - log.dataset.most);
            if (atEnd) {
                log.scrollTop = log.scrollHeight;
            }
        }

        // The page of a job that tells much shows as much of its log as one that is opened now.
        function forget(length) {
            if (length <= 0) {
                return;
            }
            document.getElementById('hd-log-cut').hidden = false;
            while (length > 0 && log.firstChild) {
                var first = log.firstChild, text = first.textContent;
                var line = first.nodeType === Node.TEXT_NODE ? text.indexOf('\n', length - 1) + 1 : 0;
                if (line > 0) {
                    first.deleteData(0, line);
                } else {
                    first.remove();
                }
                length -= line || text.length;
            }
        }

        // A line of the log that tells of a statement is a mark beside that statement's line in the SQL.
        function tick(text) {
            var sql = document.querySelector('.hd-sql'), pattern = /^\d+  line (\d+)  .*  \d+ rows?  ([\d.]+) ms$/gm, last = 0, found;
            while (sql && (found = pattern.exec(text)) !== null) {
                var line = document.getElementById('L' + found[1]);
                last = Math.max(last, +found[1]);
                if (line && !line.classList.contains('hd-done')) {
                    mark(line, 'hd-done', '✓ ' + found[2] + ' ms');
                }
            }
            if (last > 0) {
                sql.querySelectorAll('.hd-now').forEach(function (line) {
                    line.classList.remove('hd-now');
                });
                var now = Array.prototype.find.call(sql.querySelectorAll('.hd-start'), function (line) { return line.value > last; });
                if (now) {
                    mark(now, 'hd-now', 'runs now');
                    sql.scrollTop += now.getBoundingClientRect().top - sql.getBoundingClientRect().top - sql.clientHeight / 2;
                }
            }
        }

        function mark(line, kind, text) {
            var code = line.querySelector('code');
            if (code) {
                code.dataset.took = text;
            }
            line.classList.remove('hd-now');
            line.classList.add(kind);
        }

        function take(news) {
            document.title = document.title.replace(/^.* – (?=[^–]*$)/, function () { return news.title + ' – '; });
            Object.keys(news.parts).forEach(function (id) { replace(document.getElementById(id), news.parts[id].html, news.parts[id].mark); });
            if (news.log.html) {
                append(news.log);
            }
            after = news.log.after;
            return news.more;
        }

        function ask() {
            fetch(page.dataset.url + '?after=' + encodeURIComponent(after), { credentials: 'same-origin', cache: 'no-store', signal: AbortSignal.timeout(longest) })
                .then(function (reply) {
                    if (!reply.ok) {
                        throw new Error(toWords(reply.status));
                    }
                    return reply.json();
                })
                .then(function (news) {
                    away.hidden = true;
                    pause = interval;
                    try {
                        return take(news);
                    } catch (error) { // the next answer may be one that can be shown
                        console.error(error);
                        return true;
                    }
                }, function (error) {
                    if (away.hidden) { // said once, not at each try
                        away.hidden = false;
                        away.textContent = error.message === signedOut ? signedOut
                            : 'The server does not answer; what this page shows is old. It goes on asking.';
                    }
                    pause = Math.min(longest, pause * 2);
                    return true;
                })
                .then(function (more) {
                    if (more) {
                        setTimeout(askIfSeen, pause);
                    }
                });
        }

        // A page that is not looked at asks when it is looked at again.
        function askIfSeen() {
            if (document.hidden) {
                document.addEventListener('visibilitychange', askIfSeen, { once: true });
            } else {
                ask();
            }
        }

        if (page.dataset.more === 'true') {
            log.scrollTop = log.scrollHeight;
            setTimeout(askIfSeen, interval);
        }
    }

    // The line of an error is reached by keyboard, too: it takes the focus.
    function focusLines() {
        document.addEventListener('click', function (event) {
            var link = event.target.closest && event.target.closest('a[href^="#L"]');
            var line = link && document.getElementById(link.getAttribute('href').slice(1));
            if (line) {
                line.focus();
            }
        });
    }

    document.addEventListener('DOMContentLoaded', start);
    if (document.readyState !== 'loading') {
        start();
    }

    function start() {
        if (start.done) {
            return;
        }
        start.done = true;
        localize(document);
        tellClock();
        focusLines();
        var page = document.getElementById('hd-live'), main = document.getElementById('hd-main');
        if (page) {
            follow(page);
        } else if (main && main.dataset.refresh) {
            refresh(main);
        }
    }
})();
