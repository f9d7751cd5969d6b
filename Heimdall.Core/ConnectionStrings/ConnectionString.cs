using System.Net;
using Npgsql;

namespace Heimdall.Core.ConnectionStrings;

/// <summary>
/// Reads a connection string in any of its three forms: libpq's URI, libpq's <c>key=value</c> with spaces, Npgsql's with semicolons.
/// Host, user, database and TLS mode are always set in what it returns.
/// </summary>
public static class ConnectionString
{
    private const string SocketDirectory = "/var/run/postgresql";

    /// <summary>Reads one of which Npgsql alone makes connections.</summary>
    /// <exception cref="ConnectionStringException">It cannot be read.</exception>
    public static NpgsqlConnectionStringBuilder Parse(string text)
    {
        var settings = Read(text);
        return settings.ClusterOnly is [var option, ..]
            ? throw new ConnectionStringException($"Its option \"{option}\" can be used for clusters only.")
            : settings.Npgsql;
    }

    /// <summary>Reads one of a cluster.</summary>
    /// <param name="text">In any form.</param>
    /// <param name="usesMachine">
    /// False of one that somebody sent: nothing of this machine (a file, a user, a login) may stand in for what it
    /// lacks.
    /// </param>
    /// <exception cref="ConnectionStringException">It cannot be read.</exception>
    public static ConnectionSettings Read(string text, bool usesMachine = true)
    {
        ArgumentNullException.ThrowIfNull(text);

        if (string.IsNullOrWhiteSpace(text))
        {
            throw new ConnectionStringException("It is empty; write postgresql://user:password@host:port/database.");
        }

        if (text.Contains('\0'))
        {
            throw new ConnectionStringException("It holds a NUL character.");
        }

        var settings = ReadForm(text.Trim());
        if (!usesMachine)
        {
            MachineOptions.TakeNone(settings);
        }

        SetDefaults(settings.Npgsql);
        return settings.SendsServerName || settings.Npgsql.SslMode != SslMode.VerifyFull
            ? settings
            : throw new ConnectionStringException(
                "Its sslsni=0 cannot go with sslmode=verify-full: the name that is checked is the name that is sent.");
    }

    private static ConnectionSettings ReadForm(string text)
    {
        if (ConnectionUri.TryRead(text) is { } fromUri)
        {
            return LibpqOptions.Read(fromUri);
        }

        if (text.Contains("://", StringComparison.Ordinal) && !text[..text.IndexOf("://", StringComparison.Ordinal)].Contains('='))
        {
            throw new ConnectionStringException("Its scheme is not known; a URI begins with postgresql:// or postgres://.");
        }

        return KeyValuePairs.TryRead(text) is { } pairs
            ? LibpqOptions.Read(pairs)
            : new ConnectionSettings { Npgsql = NpgsqlKeywords.ToBuilder(text) };
    }

    private static void SetDefaults(NpgsqlConnectionStringBuilder builder)
    {
        if (string.IsNullOrEmpty(builder.Host))
        {
            builder.Host = Directory.Exists(SocketDirectory) ? SocketDirectory : "localhost";
        }

        if (string.IsNullOrEmpty(builder.Username))
        {
            builder.Username = Environment.GetEnvironmentVariable("PGUSER") is { Length: > 0 } user ? user : Environment.UserName;
        }

        if (string.IsNullOrEmpty(builder.Database))
        {
            builder.Database = builder.Username;
        }

        if (builder.Host.Any(c => char.IsWhiteSpace(c) || c == '='))
        {
            throw new ConnectionStringException("Its host has a blank or '=' in it; options are parted by blanks (host=… dbname=…) or by semicolons (Host=…;Database=…).");
        }

        if (!LibpqOptions.HasSslMode(builder))
        {
            builder.SslMode = builder.Host.Split(',').All(IsThisMachine) ? SslMode.Prefer : SslMode.VerifyFull;
        }
        else if (builder.SslMode > SslMode.Prefer && builder.Host.Split(',').All(IsSocket))
        {
            builder.SslMode = SslMode.Disable; // as in libpq: a socket of this machine has no TLS, whatever is asked for
        }
    }

    /// <summary>True for sockets and loopback addresses: what is sent there does not leave the machine.</summary>
    private static bool IsThisMachine(string host)
    {
        host = host.Trim();
        if (IsSocket(host))
        {
            return true;
        }

        var name = WithoutPort(host);
        return name.Equals("localhost", StringComparison.OrdinalIgnoreCase)
            || (IPAddress.TryParse(name, out var address) && IPAddress.IsLoopback(address));
    }

    /// <summary>Whether a host is the directory of a socket of this machine.</summary>
    public static bool IsSocket(string host)
    {
        ArgumentNullException.ThrowIfNull(host);
        return host.TrimStart() is ['/' or '@', ..];
    }

    private static string WithoutPort(string host)
    {
        var colon = host.LastIndexOf(':');
        var isPort = colon > 0 && (host[colon - 1] == ']' || host.IndexOf(':') == colon);
        return isPort ? host[..colon] : host;
    }
}
