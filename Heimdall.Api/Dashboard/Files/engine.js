// Mends what the frame of Hangfire's own pages lacks for screen readers.
(function () {
    'use strict';

    function give(selector, attributes) {
        var element = document.querySelector(selector);
        Object.keys(element ? attributes : {}).forEach(function (name) { element.setAttribute(name, attributes[name]); });
    }

    function mend() {
        document.documentElement.lang = 'en'; // the process has no culture, and Hangfire writes that down as a language
        give('.navbar', { role: 'navigation', 'aria-label': 'Pages of the dashboard' });
        give('#footer', { role: 'contentinfo' });
        give('.navbar-toggle', { 'aria-label': 'Menu' });
    }

    document.addEventListener('DOMContentLoaded', mend);
    if (document.readyState !== 'loading') {
        mend();
    }
})();
