using Heimdall.Cli;

namespace Heimdall.Tests.Clients;

/// <summary>The command line, called in the tests' process with streams of its own.</summary>
internal sealed class CliRun(Uri address)
{
    private readonly SharedText _out = new();
    private readonly SharedText _error = new();

    /// <summary>The environment that it sees.</summary>
    public Dictionary<string, string> Variables { get; } = new()
    {
        ["HEIMDALL_URL"] = address.AbsoluteUri,
        ["HEIMDALL_CLUSTER"] = "data:local",
    };

    public string Input { get; init; } = "";

    public bool IsTerminal { get; init; }

    public CancellationToken Interrupt { get; init; }

    /// <summary>What it has written to stdout.</summary>
    public string Out => _out.Read();

    /// <summary>What it has written to stderr.</summary>
    public string Error => _error.Read();

    public Task<int> RunAsync(params string[] arguments) => HeimdallCommands.RunAsync(arguments, new Terminal
    {
        In = new StringReader(Input),
        Out = _out.Writer,
        Error = _error.Writer,
        IsOutTerminal = IsTerminal,
        Variable = name => Variables.GetValueOrDefault(name),
        Interrupt = Interrupt,
    });

    /// <summary>A text that a test reads while the program writes it.</summary>
    private sealed class SharedText
    {
        private readonly StringWriter _text = new();

        public SharedText() => Writer = TextWriter.Synchronized(_text);

        public TextWriter Writer { get; }

        public string Read()
        {
            lock (Writer) // which is what the writer itself locks
            {
                return _text.ToString();
            }
        }
    }
}
