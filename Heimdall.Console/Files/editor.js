// Monaco, with PostgreSQL's words, a model for each text, and marks where something is wrong.
const main = document.getElementById('hd-main');
const owner = 'heimdall';

/** Loads the editor's files and makes it. */
export async function makeEditor(element, { onRun, onLeave }) {
    const files = new URL(main.dataset.files, location.href).href;
    window.MonacoEnvironment = {
        getWorkerUrl: () => `${files}monaco/vs/base/worker/workerMain.js`,
        baseUrl: `${files}monaco/`,
    };
    await load(`${files}monaco/vs/loader.js`);
    window.require.config({ paths: { vs: `${files}monaco/vs` } });
    const monaco = await new Promise((resolve, reject) =>
        window.require(['vs/editor/editor.main'], () => resolve(window.monaco), reject),
    );
    const { language } = await new Promise((resolve, reject) =>
        window.require(['vs/basic-languages/pgsql/pgsql'], resolve, reject),
    );
    const dark = matchMedia('(prefers-color-scheme: dark)');
    defineThemes(monaco);
    const theme = () => monaco.editor.setTheme(dark.matches ? 'heimdall-dark' : 'heimdall');
    dark.addEventListener('change', theme);
    const editor = monaco.editor.create(element, {
        model: null,
        language: 'pgsql',
        automaticLayout: true,
        minimap: { enabled: false },
        fontSize: 14,
        scrollBeyondLastLine: false,
        ariaLabel: 'SQL. Press F6 to leave it, Control and Enter to run it.',
        renderWhitespace: 'selection',
        wordWrap: 'on',
        tabSize: 2,
        unicodeHighlight: { nonBasicASCII: false, invisibleCharacters: true, ambiguousCharacters: true },
        fixedOverflowWidgets: true,
        wordBasedSuggestions: false,
        padding: { top: 8 },
        scrollbar: { alwaysConsumeMouseWheel: false },
        lineNumbersMinChars: 3,
    });
    theme();
    editor.addAction({
        id: 'heimdall.run',
        label: 'Run',
        keybindings: [monaco.KeyMod.CtrlCmd | monaco.KeyCode.Enter],
        contextMenuGroupId: 'navigation',
        run: onRun,
    });
    editor.addAction({ id: 'heimdall.leave', label: 'Go to the rows', keybindings: [monaco.KeyCode.F6], run: onLeave });
    return new Editor(monaco, editor, language.keywords);
}

// Monaco paints SQL's texts pure red and its functions magenta, which cannot be read on black.
function defineThemes(monaco) {
    const define = (name, base, text, called, operator) =>
        monaco.editor.defineTheme(name, {
            base,
            inherit: true,
            colors: {},
            rules: [
                { token: 'string.sql', foreground: text },
                { token: 'predefined.sql', foreground: called },
                { token: 'operator.sql', foreground: operator },
            ],
        });
    define('heimdall', 'vs', 'a31515', '795e26', '383838');
    define('heimdall-dark', 'vs-dark', 'ce9178', 'dcdcaa', 'd4d4d4');
}

function load(address) {
    return new Promise((resolve, reject) => {
        const script = document.createElement('script');
        script.src = address;
        script.addEventListener('load', resolve);
        script.addEventListener('error', () => reject(new Error('The editor could not be loaded. Reload the page.')));
        document.head.append(script);
    });
}

class Editor {
    constructor(monaco, editor, keywords) {
        this.monaco = monaco;
        this.editor = editor;
        this.keywords = keywords;
        this.models = new Map();
    }

    /** Shows a text, which keeps its own history, place and marks. */
    show(tab, onChange) {
        if (!this.models.has(tab.id)) {
            const model = this.monaco.editor.createModel(tab.sql, 'pgsql');
            model.onDidChangeContent(() => {
                this.monaco.editor.setModelMarkers(model, owner, []);
                onChange(tab, model.getValue());
            });
            this.models.set(tab.id, model);
        }
        this.editor.setModel(this.models.get(tab.id));
    }

    /** Shows what another window has made of it. */
    update(tab) {
        const model = this.models.get(tab.id);
        if (model && model.getValue() !== tab.sql) {
            model.setValue(tab.sql);
        }
    }

    forget(tab) {
        this.models.get(tab.id)?.dispose();
        this.models.delete(tab.id);
    }

    focus() {
        this.editor.focus();
    }

    /** What would run: the selection, or all; and where it begins. */
    get chosen() {
        const model = this.editor.getModel(),
            selection = this.editor.getSelection();
        return selection && !selection.isEmpty()
            ? {
                  sql: model.getValueInRange(selection),
                  line: selection.startLineNumber,
                  column: selection.startColumn,
                  isAll: false,
              }
            : { sql: model.getValue(), line: 1, column: 1, isAll: true };
    }

    /** Marks errors; places count from where the text that ran begins. */
    mark(tab, errors, begin) {
        const model = this.models.get(tab.id);
        if (!model) {
            return;
        }
        this.monaco.editor.setModelMarkers(
            model,
            owner,
            errors
                .filter(error => error.line && !error.file)
                .map(error => {
                    const { line, column } = placeOf(error, begin);
                    const at = model.validatePosition({ lineNumber: line, column });
                    const word = model.getWordAtPosition(at);
                    return {
                        severity: this.monaco.MarkerSeverity.Error,
                        message: [error.message, error.hint].filter(Boolean).join('\n'),
                        code: error.sqlstate,
                        startLineNumber: at.lineNumber,
                        startColumn: at.column,
                        endLineNumber: at.lineNumber,
                        endColumn: word ? word.endColumn : at.column + 1,
                    };
                }),
        );
    }

    unmark(tab) {
        this.mark(tab, [], { line: 1, column: 1 });
    }

    goTo(error, begin) {
        const { line, column } = placeOf(error, begin);
        this.editor.setPosition({ lineNumber: line, column });
        this.editor.revealLineInCenter(line);
        this.editor.focus();
    }
}

/** Of an error within the whole text. */
export function placeOf(error, begin) {
    return {
        line: error.line + begin.line - 1,
        column: Math.max(1, (error.column ?? 1) + (error.line === 1 ? begin.column - 1 : 0)),
    };
}
