using System.Text;
using Microsoft.Win32.SafeHandles;
using Spectre.Console;

namespace Heimdall.Cli;

/// <summary>
/// What the program reads and writes. Output for programs is stdout; all that is for people is stderr.
/// </summary>
internal sealed class Terminal
{
    private const int AnyWidth = 10_000; // where nothing is wrapped
    private static readonly UTF8Encoding Utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly Lazy<IAnsiConsole> _screen;
    private readonly Lazy<IAnsiConsole> _messages;

    public Terminal()
    {
        // A table is as wide as it is, and the terminal wraps it: cut to the window, it would lose columns.
        _screen = new(() => CreateConsole(Out!, IsOutTerminal, AnyWidth));
        _messages = new(() => CreateConsole(Error!, IsErrorTerminal, IsErrorTerminal ? null : AnyWidth));
    }

    public required TextReader In { get; init; }

    public required TextWriter Out { get; init; }

    public required TextWriter Error { get; init; }

    public bool IsInTerminal { get; init; }

    public bool IsOutTerminal { get; init; }

    public bool IsErrorTerminal { get; init; }

    public Func<string, string?> Variable { get; init; } = Environment.GetEnvironmentVariable;

    /// <summary>Done when somebody presses Ctrl-C.</summary>
    public CancellationToken Interrupt { get; init; }

    /// <summary>stdout for tables.</summary>
    public IAnsiConsole Screen => _screen.Value;

    /// <summary>stderr for a progress bar.</summary>
    public IAnsiConsole Messages => _messages.Value;

    public static Terminal OfProcess(CancellationToken interrupt) => new()
    {
        In = new StreamReader(Console.OpenStandardInput(), Utf8),
        // Not Console.Out, which writes each piece by itself.
        Out = new StreamWriter(OpenOut(), Utf8, bufferSize: 32 * 1024)
        {
            AutoFlush = !Console.IsOutputRedirected,
        },
        Error = new StreamWriter(Console.OpenStandardError(), Utf8) { AutoFlush = true },
        IsInTerminal = !Console.IsInputRedirected,
        IsOutTerminal = !Console.IsOutputRedirected,
        IsErrorTerminal = !Console.IsErrorRedirected,
        Interrupt = interrupt,
    };

    public static void LeaveAtOnce()
    {
        if (!Console.IsErrorRedirected)
        {
            Console.Error.Write("\e[?25h"); // a progress bar hides the cursor
        }
        Environment.Exit(CliExitCode.LeftAtOnce);
    }

    /// <summary>stdout for bytes that are no text.</summary>
    /// <exception cref="UsageException">A person would see them.</exception>
    public Stream OpenBytes() => IsOutTerminal || Out is not StreamWriter writer
        ? throw new UsageException("This format is no text: send the output to a file or to a program.")
        : writer.BaseStream;

    /// <summary>A line for programs.</summary>
    public Task PrintAsync(string line) => Out.WriteLineAsync(IsOutTerminal ? VisibleText.Of(line) : line);

    /// <summary>A text for programs as it is, also at its end.</summary>
    public Task PrintTextAsync(string text) => Out.WriteAsync(IsOutTerminal ? VisibleText.Of(text) : text);

    /// <summary>A line for people.</summary>
    public void Say(string line) => Error.WriteLine(IsErrorTerminal ? VisibleText.Of(line) : line);

    /// <summary>A line for people, above a progress bar where there is one.</summary>
    public void SayAbove(string line)
    {
        if (IsErrorTerminal)
        {
            Messages.Write(new Text($"{VisibleText.Of(line)}\n"));
            return;
        }
        Say(line);
    }

    /// <summary>The text of a file, or of stdin for <c>-</c>.</summary>
    public async Task<string> ReadTextAsync(string file)
    {
        try
        {
            return file == "-"
                ? await In.ReadToEndAsync(Interrupt).WaitAsync(Interrupt) // a read of a terminal ignores the token
                : await File.ReadAllTextAsync(file, Utf8, Interrupt);
        }
        catch (DecoderFallbackException)
        {
            throw new UsageException($"{(file == "-" ? "The text on stdin" : file)} is not UTF-8.");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UsageException(e.Message);
        }
    }

    /// <summary>A line from stdin, which a terminal does not show.</summary>
    public string ReadSecret(string prompt)
    {
        if (!IsInTerminal)
        {
            return In.ReadLine() ?? "";
        }
        Error.Write(prompt);
        var secret = new StringBuilder();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            Interrupt.ThrowIfCancellationRequested();
            if (key.Key == ConsoleKey.Backspace)
            {
                secret.Length = Math.Max(0, secret.Length - 1);
            }
            else if (!char.IsControl(key.KeyChar))
            {
                secret.Append(key.KeyChar);
            }
        }
        Error.WriteLine();
        return secret.ToString();
    }

    /// <summary>
    /// stdout. The stream of Console ignores that nobody reads a pipe any more. A file keeps that stream: it is written
    /// where the last program stopped.
    /// </summary>
    private static Stream OpenOut()
    {
        if (Console.IsOutputRedirected && !OperatingSystem.IsWindows())
        {
            var pipe = new FileStream(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
            if (!pipe.CanSeek)
            {
                return pipe;
            }
        }
        return Console.OpenStandardOutput();
    }

    private IAnsiConsole CreateConsole(TextWriter writer, bool isTerminal, int? width)
    {
        var hasColors = isTerminal && string.IsNullOrEmpty(Variable("NO_COLOR"));
        var console = AnsiConsole.Create(new AnsiConsoleSettings
        {
            Out = new AnsiConsoleOutput(writer),
            Ansi = isTerminal ? AnsiSupport.Detect : AnsiSupport.No,
            ColorSystem = hasColors ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
            Interactive = isTerminal ? InteractionSupport.Yes : InteractionSupport.No,
        });
        console.Profile.Width = width ?? console.Profile.Width;
        return console;
    }
}
