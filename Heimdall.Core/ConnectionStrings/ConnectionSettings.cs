using System.Security.Authentication;
using Npgsql;

namespace Heimdall.Core.ConnectionStrings;

/// <summary>
/// A connection string as it was read: what Npgsql has options for, and what is set on the socket or in the TLS
/// handshake.
/// </summary>
public sealed class ConnectionSettings
{
    public NpgsqlConnectionStringBuilder Npgsql { get; internal init; } = new();

    /// <summary>
    /// Probes that go unanswered before a silent server is given up; null for the operating system's number.
    /// </summary>
    public int? KeepAliveCount { get; internal set; }

    /// <summary>
    /// How long what was sent may stay unacknowledged, which includes the time in which a busy server reads nothing;
    /// null for the operating system's time.
    /// </summary>
    public TimeSpan? TcpUserTimeout { get; internal set; }

    /// <summary>False to keep the server's name out of the TLS handshake.</summary>
    public bool SendsServerName { get; internal set; } = true;

    /// <summary>
    /// The name that the server's certificate must bear, where the host is an address; null for the host.
    /// </summary>
    public string? ServerName { get; internal set; }

    public SslProtocols OldestTls { get; internal set; } = SslProtocols.None;

    public SslProtocols NewestTls { get; internal set; } = SslProtocols.None;

    /// <summary>What may be spoken; <see cref="SslProtocols.None"/> for what this machine speaks by itself.</summary>
    public SslProtocols TlsVersions => (OldestTls, NewestTls) switch
    {
        (SslProtocols.None, SslProtocols.None) => SslProtocols.None,
        (SslProtocols.Tls13, _) => SslProtocols.Tls13,
        (_, SslProtocols.Tls12) => SslProtocols.Tls12,
        _ => SslProtocols.Tls12 | SslProtocols.Tls13,
    };

    /// <summary>False to present no certificate of the client's.</summary>
    public bool SendsCertificate { get; internal set; } = true;

    /// <summary>Whether an option is set in the TLS handshake.</summary>
    public bool ChangesHandshake =>
        ServerName is not null || !SendsServerName || !SendsCertificate
        || OldestTls != SslProtocols.None || NewestTls != SslProtocols.None;

    /// <summary>Of the options that were given, those that Npgsql does not have.</summary>
    internal List<string> ClusterOnly { get; } = [];
}
