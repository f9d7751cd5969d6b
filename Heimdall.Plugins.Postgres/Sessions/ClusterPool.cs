using System.Collections.Concurrent;
using System.Globalization;
using System.Net.Security;
using System.Security.Authentication;
using Heimdall.Core.ConnectionStrings;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Errors;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>
/// What is kept open for one cluster: data sources for jobs, and others for the connections that stop them or ask about
/// them. They are apart so that a pool full of running jobs can still be told to stop.
/// </summary>
internal sealed class ClusterPool : IAsyncDisposable
{
    private const int ControlConnections = 8;
    private const int ControlTimeoutSeconds = 15; // a busy machine is slow to connect, and a job fails with it

    private const string Control = "control";

    private const int KeepAliveSeconds = 10;

    // How long the connection of a batch is kept for the next one. An idle one counts for the server's limit, and keeps
    // its database from being dropped or copied.
    private const int IdleSeconds = 10;
    private const int PruningSeconds = 5;

    // A busy one is never idle. A changed address, password or right of the login reaches the batches all the same.
    private const int LifetimeSeconds = 60;

    // The most that Npgsql allows, and more than a worker has slots: no batch waits for the connection of another.
    private const int MostTransactions = 1024;

    private readonly string _name;
    private readonly bool _isPut;
    private readonly ConnectionSettings _settings;
    private readonly HostList _queries;
    private readonly HostList _plainQueries;
    private readonly HostList _transactions;
    private readonly HostList _scripts;
    private readonly HostList _control;
    private readonly ConcurrentDictionary<string, Lazy<HostList>> _controls = new(StringComparer.Ordinal);

    private readonly Action<string>? _warn;
    private volatile bool _isRefusedOptions;
    private readonly ConcurrentDictionary<(string? Host, int Port), bool> _poolers = new();
    private bool _hasWarned;

    private ClusterPool(
        string name, ConnectionSettings settings, PoolerMode? pooler, Action<string>? warn, bool isPut)
    {
        (_name, _isPut) = (name, isPut);
        (_settings, Pooler, Silence, _warn) = (settings, pooler, SocketOptions.SilenceOf(settings), warn);
        var jobs = ForJobs(settings.Npgsql);
        _plainQueries = Build(jobs, "plain queries");
        _queries = Build(ForQueries(jobs), "queries");
        _transactions = Build(ForTransactions(jobs), "transactions");
        jobs.Pooling = false; // each connection is closed with its batch
        _scripts = Build(jobs, "scripts");
        _control = Build(ForControl(settings.Npgsql), Control);
    }

    public ReceiptTable Receipts { get; } = new();

    /// <summary>How long a server may be silent before it is given up; null for as long as it likes.</summary>
    public TimeSpan? Silence { get; }

    /// <summary>What the cluster's context says stands in between; null where it says nothing.</summary>
    public PoolerMode? Pooler { get; }

    /// <summary>
    /// Whether a connection to the same host had a process id that is not its backend's. Some poolers count their own
    /// ids, and one of these may be the backend's by chance.
    /// </summary>
    public bool HasMetPooler(NpgsqlConnection connection) => _poolers.ContainsKey((connection.Host, connection.Port));

    /// <summary>As the connection string has them.</summary>
    public ConnectionSettings Settings => _settings;

    /// <param name="name">By which metrics and traces show it.</param>
    /// <param name="connectionString">As it stands in the cluster's context.</param>
    /// <param name="pooler">What stands in between; null where that is to be found out.</param>
    /// <param name="warn">Takes, once, what somebody should know of the server, as a sentence.</param>
    /// <param name="isPut">Whether somebody has sent it: it uses nothing of this machine.</param>
    /// <exception cref="ConnectionStringException">It cannot be read, or no connection can be made of it.</exception>
    public static ClusterPool Create(
        string name, string connectionString, PoolerMode? pooler, Action<string>? warn = null, bool isPut = false)
    {
        var settings = ConnectionString.Read(connectionString, usesMachine: !isPut);
        if (settings.Npgsql.MaxPoolSize < 1)
        {
            throw new ConnectionStringException("Maximum Pool Size must be above 0.");
        }

        try
        {
            return new ClusterPool(name, settings, pooler, warn, isPut);
        }
        catch (Exception e) when (e is ArgumentException or NotSupportedException or FormatException)
        {
            throw new ConnectionStringException($"No connection can be made of it{Reason(e, settings.Npgsql)}");
        }
    }

    /// <summary>A connection for a session of a job.</summary>
    public ValueTask<NpgsqlConnection> OpenAsync(SessionUse use, CancellationToken cancellationToken) => use switch
    {
        SessionUse.Query => OpenForQueryAsync(cancellationToken),
        SessionUse.Transaction => _transactions.OpenConnectionAsync(cancellationToken),
        _ => _scripts.OpenConnectionAsync(cancellationToken),
    };

    /// <summary>A connection that does not wait for the jobs: a busy cluster is not a dead one.</summary>
    public ValueTask<NpgsqlConnection> OpenControlAsync(CancellationToken cancellationToken) =>
        _control.OpenConnectionAsync(cancellationToken);

    /// <summary>
    /// A second connection to the very server that a first one reached: of several hosts another would not know its
    /// backends.
    /// </summary>
    public ValueTask<NpgsqlConnection> OpenControlAsync(string host, int port, CancellationToken cancellationToken) =>
        _controls.GetOrAdd(
            $"{host} {port}", _ => new(() => BuildForControl(host, port))).Value.OpenConnectionAsync(cancellationToken);

    /// <summary>Whether a pooler may give each transaction of a new connection another backend.</summary>
    /// <param name="connection">It has the process id that it began with.</param>
    /// <param name="backendPid">That of the backend.</param>
    public bool SharesBackends(NpgsqlConnection connection, int backendPid)
    {
        if (Pooler is { } known)
        {
            return known == PoolerMode.Transaction;
        }

        // In whatever mode it pools: that of transactions needs the most care.
        if (connection.ProcessID != backendPid)
        {
            _poolers.TryAdd((connection.Host, connection.Port), true);
        }

        return HasMetPooler(connection);
    }

    /// <summary>Makes sure that a server is one that Heimdall works with. Nothing has been asked of it.</summary>
    /// <exception cref="JobFailedException">It is not.</exception>
    public void RequireSupported(NpgsqlConnection connection)
    {
        if (ServerVersions.FindRefusal(connection) is { } refusal)
        {
            throw new JobFailedException(new JobFailure
            {
                Kind = JobFailureKind.Unavailable,
                Message = $"The cluster's server cannot be used. {refusal}",
                IsUndone = true,
            });
        }

        if (ServerVersions.FindWarning(connection) is { } warning && !Interlocked.Exchange(ref _hasWarned, true))
        {
            _warn?.Invoke(warning);
        }
    }

    /// <summary>Closes the idle connections of jobs, and each other one when its job is done.</summary>
    public void Renew(SessionUse use)
    {
        HostList[] sources = use switch
        {
            SessionUse.Query => [_queries, _plainQueries],
            SessionUse.Transaction => [_transactions],
            _ => [], // none is kept
        };
        foreach (var source in sources)
        {
            source.Clear();
        }
    }

    /// <summary>The same of those that do not wait for the jobs.</summary>
    public void RenewControl() => _control.Clear();

    /// <summary>The same of the second connections to a server.</summary>
    public void RenewControl(string host, int port)
    {
        if (_controls.TryGetValue($"{host} {port}", out var control))
        {
            control.Value.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _queries.DisposeAsync();
        await _plainQueries.DisposeAsync();
        await _transactions.DisposeAsync();
        await _scripts.DisposeAsync();
        await _control.DisposeAsync();
        foreach (var control in _controls.Values)
        {
            await control.Value.DisposeAsync();
        }
    }

    private static NpgsqlConnectionStringBuilder ForJobs(NpgsqlConnectionStringBuilder settings)
    {
        var jobs = Common(settings);

        // A job's session cleans up when the job ends, not when the next one begins: locks and temporary tables must
        // not linger.
        jobs.NoResetOnClose = true;

        // How long a cancel request may stay unanswered before the session is given up and its backend terminated.
        jobs.CancellationTimeout = 2000;

        // The operating system looks after a silent server: Npgsql's own sign of life would come in between a job's
        // messages.
        jobs.KeepAlive = 0;
        return jobs;
    }

    /// <summary>
    /// With the settings of all queries as the session's defaults: each is then set once in the life of a connection,
    /// not for each query.
    /// </summary>
    private static NpgsqlConnectionStringBuilder ForQueries(NpgsqlConnectionStringBuilder jobs)
    {
        var settings = SessionSettings.AtStartOfQueries.Where(setting => setting.Key != "TimeZone").Select(
            setting => $"-c {setting.Key}={setting.Value}");
        return new NpgsqlConnectionStringBuilder(jobs.ConnectionString)
        {
            // Npgsql sends the time zone as a parameter of its own, which counts for more than the options.
            Timezone = SessionSettings.OfAllQueries.Single(setting => setting.Key == "TimeZone").Value,
            Options = string.Join(' ', new[] { jobs.Options }.Concat(settings)).TrimStart(),
        };
    }

    /// <summary>Where a pooler in between refuses the settings of all queries, it comes without them.</summary>
    private async ValueTask<NpgsqlConnection> OpenForQueryAsync(CancellationToken cancellationToken)
    {
        if (!_isRefusedOptions)
        {
            try
            {
                return await _queries.OpenConnectionAsync(cancellationToken);
            }
            catch (PostgresException e) when (PostgresErrors.IsRefusedOption(e))
            {
                _isRefusedOptions = true;
            }
        }

        return await _plainQueries.OpenConnectionAsync(cancellationToken);
    }

    private static NpgsqlConnectionStringBuilder ForTransactions(NpgsqlConnectionStringBuilder jobs) =>
        new(jobs.ConnectionString)
        {
            MinPoolSize = 0,
            MaxPoolSize = MostTransactions,
            ConnectionIdleLifetime = IdleSeconds,
            ConnectionPruningInterval = PruningSeconds,
            ConnectionLifetime = jobs.ConnectionLifetime is > 0 and < LifetimeSeconds and var shorter
                ? shorter
                : LifetimeSeconds,
        };

    private HostList Build(NpgsqlConnectionStringBuilder settings, string use) =>
        new([.. Roads(settings).Select(road => BuildSource(road, use))], settings.TargetSessionAttributes);

    /// <summary>
    /// The hosts in order, in groups that are reached alike. As in libpq, a socket of this machine has no TLS, also
    /// beside hosts that must have it.
    /// </summary>
    private static List<NpgsqlConnectionStringBuilder> Roads(NpgsqlConnectionStringBuilder settings)
    {
        var roads = new List<NpgsqlConnectionStringBuilder>();
        if (settings.SslMode <= SslMode.Prefer)
        {
            return [settings];
        }

        foreach (var host in settings.Host!.Split(','))
        {
            var isSocket = ConnectionString.IsSocket(host);
            if (roads is [.., var last] && isSocket == (last.SslMode == SslMode.Disable))
            {
                last.Host += $",{host}";
                continue;
            }

            var road = new NpgsqlConnectionStringBuilder(settings.ConnectionString) { Host = host };
            if (isSocket)
            {
                (road.SslMode, road.SslNegotiation) = (SslMode.Disable, SslNegotiation.Postgres);
            }

            roads.Add(road);
        }

        foreach (var road in roads.Where(road => road.SslMode == SslMode.Disable))
        {
            SplitPort(road);
        }

        return roads;
    }

    /// <summary>Only among several hosts Npgsql finds the port behind the directory of a socket.</summary>
    private static void SplitPort(NpgsqlConnectionStringBuilder road)
    {
        var colon = road.Host!.LastIndexOf(':');
        if (colon > 0 && !road.Host.Contains(',')
            && int.TryParse(road.Host[(colon + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out var port))
        {
            (road.Host, road.Port) = (road.Host[..colon], port);
        }
    }

    private NpgsqlDataSource BuildSource(NpgsqlConnectionStringBuilder settings, string use)
    {
        // Npgsql takes this option of a data source only elsewhere: see HostList.
        var connection = new NpgsqlConnectionStringBuilder(settings.ConnectionString)
        {
            TargetSessionAttributes = null,
        };
        // Without a name they show the connection string.
        var builder = new NpgsqlDataSourceBuilder(connection.ConnectionString) { Name = $"{_name} {use}" };
        if (_settings.ChangesHandshake)
        {
            builder.UseSslClientAuthenticationOptionsCallback(SetTls);
        }

        if (_isPut && string.IsNullOrEmpty(connection.Password))
        {
            // Without any, Npgsql takes that of its environment or of a file, and sends it to whatever host this is.
            builder.UsePasswordProvider(_ => "", (_, _) => ValueTask.FromResult(""));
        }

        // Values of jobs are not read by Npgsql, and what we ask for has built-in types: no need to list the server's.
        builder.ConfigureTypeLoading(types => types.EnableTypeLoading(false));
        return settings.TargetSessionAttributes is null ? builder.Build() : builder.BuildMultiHost();
    }

    private void SetTls(SslClientAuthenticationOptions tls)
    {
        tls.TargetHost = !_settings.SendsServerName ? "" : _settings.ServerName ?? tls.TargetHost;
        if (!_settings.SendsCertificate)
        {
            (tls.ClientCertificates, tls.ClientCertificateContext) = (null, null);
        }

        if (_settings.TlsVersions is not SslProtocols.None and var versions)
        {
            tls.EnabledSslProtocols = versions;
        }
    }

    private HostList BuildForControl(string host, int port)
    {
        var control = ForControl(_settings.Npgsql);
        control.Host = host;
        control.Port = port;
        control.TargetSessionAttributes = null;
        return Build(control, Control);
    }

    private static NpgsqlConnectionStringBuilder ForControl(NpgsqlConnectionStringBuilder settings)
    {
        var control = Common(settings);
        control.ApplicationName = "heimdall control";
        control.NoResetOnClose = true; // nothing is set there; and behind a pooler the reset would be somebody else's
        control.MaxPoolSize = ControlConnections;
        control.MinPoolSize = 0;
        control.Timeout = ControlTimeoutSeconds;
        control.CommandTimeout = ControlTimeoutSeconds;
        return control;
    }

    private static NpgsqlConnectionStringBuilder Common(NpgsqlConnectionStringBuilder settings)
    {
        var common = new NpgsqlConnectionStringBuilder(settings.ConnectionString)
        {
            ApplicationName = settings.ApplicationName ?? "heimdall",

            // Deadlines are the runner's: a timeout of the driver's own would end long statements behind its back.
            CommandTimeout = 0,
            Pooling = true,
            Enlist = false,
            ClientEncoding = "UTF8",

            // Our "discard all" drops prepared statements that Npgsql would go on using.
            MaxAutoPrepare = 0,

            // Set on the socket, which knows whether it is one of TCP: see SocketOptions.
            TcpKeepAlive = false,
            TcpKeepAliveTime = 0,
            TcpKeepAliveInterval = 0,

            // Error detail holds values of the job's own rows, and is shown to the job's own caller.
            IncludeErrorDetail = true,
            IncludeFailedBatchedCommand = true,
        };

        // Without it a server that vanished (a pulled cable, a firewall) is waited for until the job's deadline, or for
        // ever.
        if (common.KeepAlive == 0)
        {
            common.KeepAlive = KeepAliveSeconds;
        }

        return common;
    }

    /// <summary>Npgsql's own words, unless they repeat a secret.</summary>
    private static string Reason(Exception exception, NpgsqlConnectionStringBuilder settings)
    {
        string?[] secrets = [settings.Password, settings.SslPassword, settings.Username, settings.Host];
        return secrets
            .Any(secret => !string.IsNullOrEmpty(secret)
                && exception.Message.Contains(secret, StringComparison.OrdinalIgnoreCase))
            ? "."
            : $": {exception.Message}";
    }
}
