using System.Diagnostics;
using System.Text;
using Apache.Arrow.Ipc;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Clients;

/// <summary>The command line as a process: on a terminal, and asked by a shell.</summary>
[CancelAfter(120_000)]
public sealed class CliProcessTests() : RealProcessTests(processes: 1)
{
    private static readonly string Program = $"dotnet '{Path.Combine(TestContext.CurrentContext.TestDirectory, "heimdall.dll")}'";

    private HeimdallInstance _heimdall = null!;

    [OneTimeSetUp]
    public async Task Start() => _heimdall = await HeimdallInstance.StartAsync();

    [OneTimeTearDown]
    public async Task Stop() => await _heimdall.DisposeAsync();

    [Test]
    public async Task On_a_terminal_a_bar_shows_the_progress_and_an_interrupt_cancels_the_job(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("canceled", cancellationToken);
        using var terminal = Terminal.StartRun(_heimdall.Address, "canceled");

        var id = await _heimdall.FindJobAsync("canceled", "RUNNING", cancellationToken);
        await terminal.ShowsAsync(cancellationToken, "NOTICE:  hello", "━", "running");
        await terminal.InterruptAsync();

        Assert.That(await terminal.EndAsync(cancellationToken), Is.EqualTo(4), terminal.Shown);
        Assert.That(terminal.Shown, Does.Contain("Asking to cancel the job").And.Contain("CANCELED: "));
        Assert.That((await _heimdall.JobAsync(id, cancellationToken))["status"], Is.EqualTo("CANCELED"));
    }

    [Test]
    public async Task A_second_interrupt_leaves_at_once(CancellationToken cancellationToken)
    {
        await _heimdall.CloseGateAsync("left", cancellationToken);
        await using var way = new TcpProxy($"Host=127.0.0.1;Port={_heimdall.Address.Port}");
        using var terminal = Terminal.StartRun(new Uri($"http://127.0.0.1:{way.Port}"), "left");
        var id = await _heimdall.FindJobAsync("left", "RUNNING", cancellationToken);
        await terminal.ShowsAsync(cancellationToken, "running");

        way.Freeze(); // the cancel is not answered
        await terminal.InterruptAsync();
        await terminal.ShowsAsync(cancellationToken, "Asking to cancel the job");
        await terminal.InterruptAsync();

        Assert.That(await terminal.EndAsync(cancellationToken), Is.EqualTo(130), terminal.Shown);
        Assert.That((await _heimdall.JobAsync(id, cancellationToken))["status"], Is.EqualTo("RUNNING"));
        await _heimdall.OpenGateAsync("left", cancellationToken);
    }

    [Test]
    public async Task Bash_completes_what_the_program_suggests(CancellationToken cancellationToken)
    {
        var script = $$"""
            heimdall() { {{Program}} "$@"; }
            eval "$(heimdall completion bash)"
            COMP_LINE='heimdall schedules tr' COMP_POINT=21 COMP_WORDS=(heimdall schedules tr) COMP_CWORD=2
            _heimdall
            printf '%s\n' "${COMPREPLY[@]}"
            """;
        using var shell = Process.Start(new ProcessStartInfo("bash", ["-c", script]) { RedirectStandardOutput = true })!;
        var output = await shell.StandardOutput.ReadToEndAsync(cancellationToken);
        await shell.WaitForExitAsync(cancellationToken);

        Assert.That((shell.ExitCode, output), Is.EqualTo((0, "trigger\n")));
    }

    [TestCase("heimdall schedules tr", "schedules trigger")]
    [TestCase("true && heimdall query 'select 1' --format nd", "query select 1 --format ndjson")]
    [TestCase("heimdall run {folder}/some", "run {folder}/some script.sql")]
    public async Task Zsh_completes_what_the_program_suggests_and_else_files(
        string typed, string expected, CancellationToken cancellationToken)
    {
        InstalledPrograms.Require("zsh");
        var folder = Directory.CreateTempSubdirectory("heimdall-zsh-").FullName;
        await File.WriteAllTextAsync(Path.Combine(folder, "some script.sql"), "select 1", cancellationToken);
        var (setup, arguments) = (Path.Combine(folder, "setup"), Path.Combine(folder, "arguments"));
        await File.WriteAllTextAsync(
            setup,
            $$"""
            PS1='ready> '
            autoload -Uz compinit && compinit -D -u
            heimdall() {
              case $1 in
                completion|\[suggest:*) {{Program}} "$@" ;;
                *) print -r -- "$@" >{{arguments}}.new && mv {{arguments}}.new {{arguments}} ;;
              esac
            }
            eval "$(heimdall completion zsh)"
            """,
            cancellationToken);
        using var terminal = Terminal.Start("exec zsh -f -i", _heimdall.Address);

        await terminal.TypeAsync($"source {setup}\n");
        await terminal.ShowsAsync(cancellationToken, "ready> ");
        await terminal.TypeAsync($"{typed.Replace("{folder}", folder, StringComparison.Ordinal)}\t\n");
        await Eventually.Is(() => Task.FromResult(File.Exists(arguments)), cancellationToken);
        await terminal.TypeAsync("exit\n");

        await terminal.EndAsync(cancellationToken);
        Assert.That(
            await File.ReadAllTextAsync(arguments, cancellationToken),
            Is.EqualTo($"{expected.Replace("{folder}", folder, StringComparison.Ordinal)}\n"), terminal.Shown);
        Directory.Delete(folder, recursive: true);
    }

    [Test]
    public async Task A_query_whose_rows_nobody_reads_ends(CancellationToken cancellationToken)
    {
        var (code, output, error) = await ShellAsync(
            $"{Program} query 'select generate_series(1, 1000000000) as n' --name unread --cluster data:local | head -1; exit ${{PIPESTATUS[0]}}", cancellationToken);

        Assert.That((code, output, error), Is.EqualTo((141, "n\n", "")));
        await _heimdall.FindJobAsync("unread", "CANCELED", cancellationToken);
    }

    [Test]
    public async Task Output_that_cannot_be_written_is_a_failure(CancellationToken cancellationToken)
    {
        var (code, _, error) = await ShellAsync($"{Program} completion bash >/dev/full", cancellationToken);

        Assert.That((code, error.StartsWith("heimdall: cannot read or write: ", StringComparison.Ordinal)), Is.EqualTo((1, true)), error);
    }

    [Test]
    public async Task Two_programs_write_one_file(CancellationToken cancellationToken)
    {
        var file = Path.GetTempFileName();

        var (code, _, error) = await ShellAsync(
            $"{{ echo first; {Program} query 'select 7 as n' --cluster data:local; echo last; }} >{file}", cancellationToken);

        Assert.That((code, await File.ReadAllTextAsync(file, cancellationToken)), Is.EqualTo((0, "first\nn\n7\nlast\n")), error);
        File.Delete(file);
    }

    [Test]
    public async Task Arrow_goes_to_a_file_and_not_to_a_terminal(CancellationToken cancellationToken)
    {
        InstalledPrograms.Require("script");
        var file = Path.GetTempFileName();
        var query = $"{Program} query 'select n from generate_series(1, 50000) n' --cluster data:local --format arrow";

        var (code, _, error) = await ShellAsync($"{query} >{file}", cancellationToken);
        var (refused, shown, _) = await ShellAsync($"script --quiet --return --command \"{query}\" /dev/null", cancellationToken);

        Assert.That(code, Is.Zero, error);
        using var reader = new ArrowStreamReader(new MemoryStream(await File.ReadAllBytesAsync(file, cancellationToken)));
        var rows = 0;
        while (await reader.ReadNextRecordBatchAsync(cancellationToken) is { } batch)
        {
            rows += batch.Length;
        }
        Assert.That(rows, Is.EqualTo(50_000));
        Assert.That(refused, Is.Not.Zero);
        Assert.That(shown, Does.Contain("send the output to a file"));
        File.Delete(file);
    }

    [TestCase("arrow", 30000, 1, "What was written is not the whole: it breaks off.")]
    [TestCase("arrow", 3, 0, "A limit has cut the result after 3 rows.")]
    [TestCase("csv", 30000, 0, "A limit has cut the result after 30000 rows.")]
    public async Task Rows_that_a_limit_has_cut_are_said_to_be(
        string format, int limit, int code, string said, CancellationToken cancellationToken)
    {
        var (found, _, error) = await ShellAsync(
            $"{Program} query \"select repeat('x', 1000) as x from generate_series(1, 60000)\" --cluster data:local "
            + $"--limit {limit} --format {format} >/dev/null",
            cancellationToken);

        Assert.That(found, Is.EqualTo(code), error);
        Assert.That(error, Does.Contain(said).And.Contain($"A limit has cut the result after {limit} rows."));
    }

    [Test]
    public async Task An_error_after_the_first_rows_of_arrow_is_told(CancellationToken cancellationToken)
    {
        var (code, _, error) = await ShellAsync(
            $"{Program} query \"select repeat('x', 1000) as x, 1 / (50000 - n) as y from generate_series(1, 60000) n\" "
            + "--cluster data:local --format arrow >/dev/null",
            cancellationToken);

        Assert.That(code, Is.EqualTo(2), error);
        Assert.That(error, Does.Contain("not the whole").And.Contain("22012"));
    }

    private async Task<(int Code, string Output, string Error)> ShellAsync(string script, CancellationToken cancellationToken)
    {
        using var shell = Process.Start(new ProcessStartInfo("bash", ["-c", script])
        {
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["HEIMDALL_URL"] = _heimdall.Address.AbsoluteUri },
        })!;
        var error = shell.StandardError.ReadToEndAsync(cancellationToken);
        var output = await shell.StandardOutput.ReadToEndAsync(cancellationToken);
        await shell.WaitForExitAsync(cancellationToken);
        return (shell.ExitCode, output, await error);
    }

    /// <summary>A program on a terminal.</summary>
    private sealed class Terminal : IDisposable
    {
        private readonly StringBuilder _shown = new();
        private readonly Process _process;
        private readonly Task _reading;
        private readonly string? _file;

        private Terminal(string command, Uri address, string? file)
        {
            _file = file;
            _process = Process.Start(new ProcessStartInfo("script", ["--quiet", "--return", "--command", command, "/dev/null"])
            {
                RedirectStandardInput = true,
                RedirectStandardOutput = true,
                Environment = { ["HEIMDALL_URL"] = address.AbsoluteUri, ["TERM"] = "xterm-256color" },
            })!;
            _reading = ReadAsync();
        }

        public string Shown
        {
            get
            {
                lock (_shown)
                {
                    return _shown.ToString();
                }
            }
        }

        public static Terminal Start(string command, Uri address, string? file = null)
        {
            InstalledPrograms.Require("script");
            return new Terminal(command, address, file);
        }

        /// <summary><c>heimdall run</c> of a script that says hello and waits at a gate.</summary>
        public static Terminal StartRun(Uri address, string gate)
        {
            var file = Path.GetTempFileName();
            File.WriteAllText(
                file, $"do $$ begin raise notice 'hello'; end $$;\n{HeimdallInstance.WaitAt(gate)};\nselect 1;");
            // Tests in the background ignore the interrupt, and so would the program. And a shell between the terminal
            // and the program would take the interrupt too: the exit code would be the shell's.
            var run = $"{Program} run {file} --cluster data:local --name {gate}";
            return Start($"exec env --default-signal=INT {run}", address, file);
        }

        public Task<string> ShowsAsync(CancellationToken cancellationToken, params string[] texts) => Eventually.Becomes(
            () => Task.FromResult(Shown), () => NUnit.Framework.Is.Not.Null.And.Matches<string>(shown => texts.All(text => shown?.Contains(text) == true)), cancellationToken);

        /// <summary>What Ctrl-C types.</summary>
        public Task InterruptAsync() => TypeAsync("\u0003");

        public async Task TypeAsync(string text)
        {
            await _process.StandardInput.WriteAsync(text);
            await _process.StandardInput.FlushAsync();
        }

        public async Task<int> EndAsync(CancellationToken cancellationToken)
        {
            await _process.WaitForExitAsync(cancellationToken);
            await _reading;
            return _process.ExitCode;
        }

        public void Dispose()
        {
            if (!_process.HasExited)
            {
                _process.Kill(entireProcessTree: true);
            }
            _process.Dispose();
            if (_file is not null)
            {
                File.Delete(_file);
            }
        }

        private async Task ReadAsync()
        {
            var buffer = new char[4096];
            while (await _process.StandardOutput.ReadAsync(buffer) is > 0 and var count)
            {
                lock (_shown)
                {
                    _shown.Append(buffer, 0, count);
                }
            }
        }
    }
}
