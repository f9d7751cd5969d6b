using System.Diagnostics;
using Npgsql;
using NUnit.Framework;

namespace Heimdall.Tests.Support;

/// <summary>
/// PgBouncer in front of a server. One database it offers twice: once it pools transactions, and once sessions; and all
/// others with sessions.
/// </summary>
internal sealed class PgBouncer : IAsyncDisposable
{
    /// <summary>How many backends all transactions share.</summary>
    public const int Backends = 4;

    private readonly string _folder;
    private readonly Process _process;

    private PgBouncer(string folder, Process process, int port)
    {
        (_folder, _process) = (folder, process);
        OfTransactions = To("transactions");
        OfSessions = To("sessions");

        string To(string database) => new NpgsqlConnectionStringBuilder
        {
            Host = "127.0.0.1",
            Port = port,
            Username = "somebody",
            Database = database,
        }.ConnectionString;
    }

    public string OfTransactions { get; }

    public string OfSessions { get; }

    /// <summary>Any database of the server.</summary>
    public string SessionsOf(string connectionString) => new NpgsqlConnectionStringBuilder(OfSessions)
    {
        Database = new NpgsqlConnectionStringBuilder(connectionString).Database,
    }.ConnectionString;

    public static async Task<PgBouncer> StartAsync(string connectionString)
    {
        var server = new NpgsqlConnectionStringBuilder(connectionString);
        var port = FreePort.Find();
        var to = $"host={server.Host} port={server.Port} dbname={server.Database} user={server.Username}";

        // It may run as another user, who has to read its settings.
        var folder = Directory.CreateTempSubdirectory("heimdall-pgbouncer").FullName;
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(
                folder,
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
                | UnixFileMode.OtherRead | UnixFileMode.OtherExecute);
        }

        var settings = Path.Combine(folder, "pgbouncer.ini");
        await File.WriteAllTextAsync(
            settings,
            $"""
            [databases]
            transactions = {to} pool_mode=transaction pool_size={Backends}
            sessions = {to} pool_mode=session
            * = host={server.Host} port={server.Port} user={server.Username} pool_mode=session
            [pgbouncer]
            listen_addr = 127.0.0.1
            listen_port = {port}
            unix_socket_dir =
            auth_type = any
            max_client_conn = 300
            default_pool_size = 100
            """);
        string[] user = Environment.IsPrivilegedProcess ? ["-u", "nobody"] : []; // it refuses to run as root
        var process = Process.Start(new ProcessStartInfo("pgbouncer", ["-q", .. user, settings]))
            ?? throw new InvalidOperationException("PgBouncer did not start.");
        var started = new PgBouncer(folder, process, port);
        await Eventually.Is(() => started.AnswersAsync(), CancellationToken.None);
        return started;
    }

    public async ValueTask DisposeAsync()
    {
        _process.Kill();
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<bool> AnswersAsync()
    {
        Assert.That(_process.HasExited, Is.False, "PgBouncer has ended: see above.");
        try
        {
            await using var connection = new NpgsqlConnection(OfSessions + ";Pooling=false");
            await connection.OpenAsync();
            return true;
        }
        catch (NpgsqlException)
        {
            return false;
        }
    }
}
