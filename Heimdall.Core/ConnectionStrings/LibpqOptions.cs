using System.Globalization;
using System.Net;
using System.Security.Authentication;
using Npgsql;

namespace Heimdall.Core.ConnectionStrings;

/// <summary>The one table from libpq's options to Npgsql's.</summary>
internal static class LibpqOptions
{
    private static readonly Dictionary<string, Action<NpgsqlConnectionStringBuilder, string>> Setters =
        new(StringComparer.Ordinal)
        {
            ["host"] = (to, value) => to.Host = value,
            ["hostaddr"] = (_, _) => { },
            ["port"] = (_, _) => { },
            ["dbname"] = (to, value) => to.Database = value,
            ["user"] = (to, value) => to.Username = value,
            ["password"] = (to, value) => to.Password = value,
            ["passfile"] = (to, value) => to.Passfile = value,
            ["connect_timeout"] = (to, value) => to.Timeout = ConnectTimeout(value),
            ["client_encoding"] = (_, value) => Expect(value, "UTF8", "utf8", "UTF-8", "auto"),
            ["options"] = (to, value) => to.Options = value,
            ["application_name"] = (to, value) => to.ApplicationName = value,
            ["fallback_application_name"] = (to, value) => to.ApplicationName ??= value,
            ["keepalives"] = (to, value) => to.TcpKeepAlive = Number(value) != 0,
            ["keepalives_idle"] = (to, value) => to.TcpKeepAliveTime = Number(value),
            ["keepalives_interval"] = (to, value) => to.TcpKeepAliveInterval = Number(value),
            ["sslmode"] = (to, value) => to.SslMode = Choose<SslMode>(value),
            ["ssl"] = (to, value) =>
            {
                Expect(value, "true");
                to.SslMode = SslMode.Require;
            },
            ["requiressl"] = (to, value) =>
            {
                Expect(value, "0", "1");
                to.SslMode = value == "1" ? SslMode.Require : SslMode.Prefer;
            },
            ["sslnegotiation"] = (to, value) => to.SslNegotiation = Choose<SslNegotiation>(value),
            ["sslcompression"] = (_, value) => Expect(value, "0"),
            ["sslcert"] = (to, value) => to.SslCertificate = value,
            ["sslkey"] = (to, value) => to.SslKey = value,
            ["sslpassword"] = (to, value) => to.SslPassword = value,
            ["sslrootcert"] = (to, value) => to.RootCertificate = value,
            ["channel_binding"] = (to, value) => to.ChannelBinding = Choose<ChannelBinding>(value),
            ["require_auth"] = (to, value) => to.RequireAuth = Methods(value),
            ["gssencmode"] = (to, value) => to.GssEncryptionMode = Choose<GssEncryptionMode>(value),
            ["gsslib"] = (_, value) => Expect(value, "gssapi"),
            ["gssdelegation"] = (_, value) => Expect(value, "0"),
            ["krbsrvname"] = (to, value) => to.KerberosServiceName = value,
            ["min_protocol_version"] = (_, value) => Expect(value, "3.0"),
            ["max_protocol_version"] = (_, value) => Expect(value, "3.0", "3.2", "latest"),
            ["target_session_attrs"] = (to, value) => to.TargetSessionAttributes = TargetSession(value),
            ["load_balance_hosts"] = (to, value) =>
            {
                Expect(value, "disable", "random");
                to.LoadBalanceHosts = value == "random";
            },
        };

    /// <summary>Options that Npgsql does not have. They are set on the socket or in the TLS handshake.</summary>
    private static readonly Dictionary<string, Action<ConnectionSettings, string>> ClusterOptions = new(StringComparer.Ordinal)
    {
        ["keepalives_count"] = (to, value) => to.KeepAliveCount = Number(value) is > 0 and var count ? count : null,
        ["tcp_user_timeout"] = (to, value) =>
            to.TcpUserTimeout = Number(value) is > 0 and var milliseconds
                ? TimeSpan.FromMilliseconds(milliseconds)
                : null,
        ["sslsni"] = (to, value) =>
        {
            Expect(value, "0", "1");
            to.SendsServerName = value == "1";
        },
        ["sslcertmode"] = (to, value) =>
        {
            Expect(value, "allow", "disable");
            to.SendsCertificate = value == "allow";
        },
        ["ssl_min_protocol_version"] = (to, value) => to.OldestTls = Tls(value),
        ["ssl_max_protocol_version"] = (to, value) =>
        {
            to.NewestTls = Tls(value);
            if (to.NewestTls == SslProtocols.None)
            {
                throw new FormatException("must be TLSv1.2 or TLSv1.3: nothing older is spoken");
            }
        },
    };

    /// <summary>Options of libpq that are refused rather than ignored, because each was written for a reason.</summary>
    private static readonly Dictionary<string, string> Unsupported = new(StringComparer.Ordinal)
    {
        ["service"] = "no file of services is read; write the options themselves",
        ["servicefile"] = "no file of services is read; write the options themselves",
        ["replication"] = "a job cannot run on a replication connection",
        ["sslcrl"] = "no file of revoked certificates is read",
        ["sslcrldir"] = "no directory of revoked certificates is read",
        ["sslkeylogfile"] = "the keys of a session are written nowhere",
        ["requirepeer"] = "the user of a socket's other end is not asked for",
        ["scram_client_key"] = "a login is by password, certificate or Kerberos",
        ["scram_server_key"] = "a login is by password, certificate or Kerberos",
    };

    private static readonly Dictionary<string, string> MethodNames = new(StringComparer.Ordinal)
    {
        ["password"] = "Password",
        ["md5"] = "MD5",
        ["gss"] = "GSS",
        ["sspi"] = "SSPI",
        ["scram-sha-256"] = "ScramSHA256",
        ["none"] = "None",
    };

    /// <summary>Asks the keys that were set: the builder's own ContainsKey is true of every keyword it knows.</summary>
    public static bool HasSslMode(NpgsqlConnectionStringBuilder builder) => builder.Keys.Cast<string>().Contains("SSL Mode", StringComparer.OrdinalIgnoreCase);

    public static bool IsKnown(string name) => IsTaken(name) || Unsupported.ContainsKey(name);

    /// <param name="name">The option.</param>
    /// <param name="mayBeSecret">True where it follows a password, of which it may be the second half.</param>
    public static string UnknownOption(string name, bool mayBeSecret) => !mayBeSecret && name.Length <= 40 && name.All(IsWordCharacter)
        ? $"Its option \"{name}\" is not known."
        : "One of its options is not known (a value with special characters must be quoted or percent-encoded).";

    private static bool IsTaken(string name) => Setters.ContainsKey(name) || ClusterOptions.ContainsKey(name);

    private static bool IsWordCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or ' ';

    public static ConnectionSettings Read(IReadOnlyList<KeyValuePair<string, string>> options)
    {
        // As in libpq the last one wins: a query option overrides the same part of the URI.
        var last = new Dictionary<string, string>(StringComparer.Ordinal);
        var previous = "";
        foreach (var (name, value) in options)
        {
            last[name] = IsTaken(name) ? value
                : Unsupported.TryGetValue(name, out var reason)
                    ? throw new ConnectionStringException($"Its option \"{name}\" is not supported: {reason}.")
                    : throw new ConnectionStringException(UnknownOption(name, mayBeSecret: previous == "password"));
            previous = name;
        }

        var settings = new ConnectionSettings();
        foreach (var (name, value) in last.Where(option => option.Value.Length > 0))
        {
            Set(settings, name, value);
        }

        if (settings.OldestTls == SslProtocols.Tls13 && settings.NewestTls == SslProtocols.Tls12)
        {
            throw new ConnectionStringException(
                "Its ssl_min_protocol_version is newer than its ssl_max_protocol_version: no version is left.");
        }

        SetAddress(settings, last.GetValueOrDefault("hostaddr", ""));
        SetHosts(settings.Npgsql, settings.Npgsql.Host ?? "", last.GetValueOrDefault("port", ""));
        SetRootCertificate(settings.Npgsql);
        return settings;
    }

    private static void Set(ConnectionSettings settings, string name, string value)
    {
        try
        {
            if (Setters.TryGetValue(name, out var set))
            {
                set(settings.Npgsql, value);
            }
            else
            {
                ClusterOptions[name](settings, value);
                settings.ClusterOnly.Add(name);
            }
        }
        catch (Exception e) when (e is FormatException or ArgumentException or OverflowException)
        {
            throw new ConnectionStringException(e is FormatException && e.Message.StartsWith("must ", StringComparison.Ordinal)
                ? $"Its option \"{name}\" {e.Message}."
                : $"The value of its option \"{name}\" cannot be read.");
        }
    }

    /// <summary>The address is where to connect, and the host, where it is given too, who must be there.</summary>
    private static void SetAddress(ConnectionSettings settings, string address)
    {
        if (address.Length == 0)
        {
            return;
        }

        if (settings.Npgsql.Host is { Length: > 0 } host)
        {
            if (host.Contains(',') || address.Contains(','))
            {
                throw new ConnectionStringException(
                    "It has \"hostaddr\" beside several hosts; give the addresses alone, or the hosts alone.");
            }

            settings.ServerName = host;
            settings.ClusterOnly.Add("hostaddr");
        }

        if (!address.Split(',').All(one => IPAddress.TryParse(one, out _)))
        {
            throw new ConnectionStringException("Its option \"hostaddr\" must be an IP address; a name is a \"host\".");
        }

        settings.Npgsql.Host = address;
    }

    private static void SetHosts(NpgsqlConnectionStringBuilder builder, string hosts, string ports)
    {
        var host = hosts.Split(',');
        var port = ports.Split(',');
        if (port.Length != 1 && port.Length != host.Length)
        {
            throw new ConnectionStringException($"It has {host.Length} hosts and {port.Length} ports; give one port, or one for each host.");
        }

        var numbers = port.Select(Port).ToArray();
        if (host.Length == 1)
        {
            builder.Port = numbers[0];
            return;
        }

        builder.Host = string.Join(',', host.Select((name, i) => WithPort(name, numbers[port.Length == 1 ? 0 : i])));
    }

    private static string WithPort(string host, int port) => host switch
    {
        "" => throw new ConnectionStringException("One of its hosts is empty."),
        _ when host.Contains(':') => $"[{host}]:{port}",
        _ => $"{host}:{port}",
    };

    private static int Port(string text) => text.Length == 0
        ? NpgsqlConnection.DefaultPort
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out var port) && port is >= 1 and <= 65535
            ? port
            : throw new ConnectionStringException("Its port is not a number from 1 to 65535.");

    /// <summary>libpq: a root certificate raises "require" to "verify-ca", and "system" means the machine's own with "verify-full".</summary>
    private static void SetRootCertificate(NpgsqlConnectionStringBuilder builder)
    {
        if (builder.RootCertificate == "system")
        {
            builder.RootCertificate = null;
            builder.SslMode = !HasSslMode(builder) || builder.SslMode == SslMode.VerifyFull
                ? SslMode.VerifyFull
                : throw new ConnectionStringException("Its sslrootcert=system needs sslmode=verify-full.");
        }
        else if (builder.RootCertificate is not null && builder.SslMode == SslMode.Require)
        {
            builder.SslMode = SslMode.VerifyCA;
        }
    }

    private static int ConnectTimeout(string text) => Number(text) switch
    {
        < 0 => 0,
        1 => 2,
        var seconds => seconds,
    };

    /// <summary>libpq's names, each perhaps with a <c>!</c> before it, as Npgsql spells them.</summary>
    private static string Methods(string value) => string.Join(',', value.Split(',').Select(method =>
    {
        var name = method.Trim();
        var isForbidden = name.StartsWith('!');
        return MethodNames.TryGetValue(isForbidden ? name[1..] : name, out var known)
            ? $"{(isForbidden ? "!" : "")}{known}"
            : throw new FormatException(
                $"must be of {string.Join(", ", MethodNames.Keys)}, each perhaps with a ! before it");
    }));

    private static SslProtocols Tls(string value)
    {
        Expect(value, "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3");
        return value switch
        {
            "TLSv1.2" => SslProtocols.Tls12,
            "TLSv1.3" => SslProtocols.Tls13,
            _ => SslProtocols.None, // older than all that is spoken
        };
    }

    private static int Number(string text) => int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
        ? number
        : throw new FormatException("must be a number");

    private static string TargetSession(string value)
    {
        Expect(value, "any", "read-write", "read-only", "primary", "standby", "prefer-standby");
        return value;
    }

    private static void Expect(string value, params string[] allowed)
    {
        if (!allowed.Contains(value, StringComparer.Ordinal))
        {
            throw new FormatException($"must be {string.Join(" or ", allowed)}");
        }
    }

    /// <summary>libpq spells <c>verify-full</c> what Npgsql's enumeration calls <c>VerifyFull</c>.</summary>
    private static TEnum Choose<TEnum>(string value)
        where TEnum : struct, Enum
    {
        foreach (var candidate in Enum.GetValues<TEnum>())
        {
            if (value.Replace("-", "", StringComparison.Ordinal).Equals(candidate.ToString(), StringComparison.OrdinalIgnoreCase)
                && !value.Any(char.IsAsciiLetterUpper))
            {
                return candidate;
            }
        }

        var names = Enum.GetValues<TEnum>().Select(name => name.ToString() switch
        {
            "VerifyCA" => "verify-ca",
            "VerifyFull" => "verify-full",
            var other => other.ToLowerInvariant(),
        });
        throw new FormatException($"must be {string.Join(" or ", names)}");
    }
}
