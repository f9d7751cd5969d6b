using Heimdall.Cli;

namespace Heimdall.Tests.Clients;

/// <summary>The command line, called in the tests' process with streams of its own.</summary>
internal sealed class CliRun(Uri address)
{
    private readonly StringWriter _out = new();
    private readonly StringWriter _error = new();

    /// <summary>The environment that it sees.</summary>
    public Dictionary<string, string> Variables { get; } = new() { ["HEIMDALL_URL"] = address.AbsoluteUri, ["HEIMDALL_CLUSTER"] = "data:local" };

    public string Input { get; init; } = "";

    public bool IsTerminal { get; init; }

    public CancellationToken Interrupt { get; init; }

    /// <summary>What it has written to stdout.</summary>
    public string Out => _out.ToString();

    /// <summary>What it has written to stderr.</summary>
    public string Error => _error.ToString();

    public Task<int> RunAsync(params string[] arguments) => CommandLine.RunAsync(arguments, new Terminal
    {
        In = new StringReader(Input),
        Out = TextWriter.Synchronized(_out),
        Error = TextWriter.Synchronized(_error),
        IsOutTerminal = IsTerminal,
        Variable = name => Variables.GetValueOrDefault(name),
        Interrupt = Interrupt,
    });
}
