// Mends what Hangfire's frame lacks for keyboards and screen readers, and keeps the page of an open job up to date.
(function () {
    'use strict';

    function mendFrame() {
        document.documentElement.lang = 'en'; // the process has no culture, and Hangfire writes that down as a language
        give('.navbar', { role: 'navigation', 'aria-label': 'Pages of the dashboard' });
        give('#footer', { role: 'contentinfo' });
        give('.navbar-toggle', { 'aria-label': 'Menu' });
        document.querySelectorAll('.navbar-nav > .active > a').forEach(function (link) {
            link.setAttribute('aria-current', 'page');
        });
        var main = document.getElementById('hd-main');
        if (main) {
            var skip = document.createElement('a');
            skip.className = 'hd-skip';
            skip.href = '#hd-main';
            skip.textContent = 'Skip to the content';
            document.body.insertBefore(skip, document.body.firstChild);
        }
    }

    function give(selector, attributes) {
        var element = document.querySelector(selector);
        Object.keys(element ? attributes : {}).forEach(function (name) { element.setAttribute(name, attributes[name]); });
    }

    // What the server sends is HTML of its own making; what jobs have put into it is encoded there.
    function follow(page) {
        var interval = 1000, longest = 10000, pause = interval;
        var after = page.dataset.after;
        var log = document.getElementById('hd-log'), away = document.getElementById('hd-away');

        // What shows the same as before is left alone: a click or the focus of a keyboard may be on it.
        function show(id, news) {
            var part = document.getElementById(id);
            if (!part || part.dataset.mark === news.mark) {
                return;
            }
            part.dataset.mark = news.mark;
            var focused = part.contains(document.activeElement) ? nameOf(document.activeElement) : null;
            part.innerHTML = news.html;
            if (focused !== null) {
                var same = Array.prototype.find.call(part.querySelectorAll('a, button, [tabindex]'), function (one) { return nameOf(one) === focused; });
                (same || document.getElementById('hd-main')).focus({ preventScroll: true });
            }
        }

        function nameOf(element) {
            return element.getAttribute('aria-label') || element.textContent;
        }

        function append(news) {
            var atEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
            if (news.cut) {
                log.textContent = '';
                document.getElementById('hd-log-cut').hidden = false;
            }
            log.insertAdjacentHTML('beforeend', news.html);
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

        function take(news) {
            document.title = document.title.replace(/^.* – (?=[^–]*$)/, function () { return news.title + ' – '; });
            Object.keys(news.parts).forEach(function (id) { show(id, news.parts[id]); });
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
                        throw new Error('status ' + reply.status);
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
                }, function () {
                    if (away.hidden) { // said once, not at each try
                        away.hidden = false;
                        away.textContent = 'The server does not answer; what this page shows is old. It goes on asking.';
                    }
                    pause = Math.min(longest, pause * 2);
                    return true;
                })
                .then(function (more) {
                    if (more) {
                        setTimeout(ask, pause);
                    }
                });
        }

        if (page.dataset.more === 'true') {
            log.scrollTop = log.scrollHeight;
            setTimeout(ask, interval);
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
        mendFrame();
        focusLines();
        var page = document.getElementById('hd-live');
        if (page) {
            follow(page);
        }
    }
})();
