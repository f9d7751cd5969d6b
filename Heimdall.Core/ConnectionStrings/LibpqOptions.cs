using System.Globalization;
using Npgsql;

namespace Heimdall.Core.ConnectionStrings;

/// <summary>The one table from libpq's options to Npgsql's.</summary>
internal static class LibpqOptions
{
    private static readonly Dictionary<string, Action<NpgsqlConnectionStringBuilder, string>> Setters = new(StringComparer.Ordinal)
    {
        ["host"] = (to, value) => to.Host = value,
        ["hostaddr"] = (to, value) => to.Host = value,
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
        ["ssl"] = (to, value) => { Expect(value, "true"); to.SslMode = SslMode.Require; },
        ["sslnegotiation"] = (to, value) => to.SslNegotiation = Choose<SslNegotiation>(value),
        ["sslcompression"] = (_, value) => Expect(value, "0"),
        ["sslcert"] = (to, value) => to.SslCertificate = value,
        ["sslkey"] = (to, value) => to.SslKey = value,
        ["sslpassword"] = (to, value) => to.SslPassword = value,
        ["sslrootcert"] = (to, value) => to.RootCertificate = value,
        ["channel_binding"] = (to, value) => to.ChannelBinding = Choose<ChannelBinding>(value),
        ["require_auth"] = (to, value) => to.RequireAuth = value,
        ["gssencmode"] = (to, value) => to.GssEncryptionMode = Choose<GssEncryptionMode>(value),
        ["krbsrvname"] = (to, value) => to.KerberosServiceName = value,
        ["target_session_attrs"] = (to, value) => to.TargetSessionAttributes = TargetSession(value),
        ["load_balance_hosts"] = (to, value) => { Expect(value, "disable", "random"); to.LoadBalanceHosts = value == "random"; },
    };

    /// <summary>Options libpq has and Npgsql has not: refused rather than ignored, because each was written for a reason.</summary>
    private static readonly HashSet<string> Unsupported = new(StringComparer.Ordinal)
    {
        "service", "servicefile", "keepalives_count", "tcp_user_timeout", "replication", "sslcertmode", "sslcrl", "sslcrldir", "sslsni",
        "requirepeer", "requiressl", "ssl_min_protocol_version", "ssl_max_protocol_version", "gsslib", "gssdelegation", "scram_client_key",
        "scram_server_key", "min_protocol_version", "max_protocol_version", "sslkeylogfile",
    };

    /// <summary>Asks the keys that were set: the builder's own ContainsKey is true of every keyword it knows.</summary>
    public static bool HasSslMode(NpgsqlConnectionStringBuilder builder) => builder.Keys.Cast<string>().Contains("SSL Mode", StringComparer.OrdinalIgnoreCase);

    public static bool IsKnown(string name) => Setters.ContainsKey(name) || Unsupported.Contains(name);

    /// <param name="name">The option.</param>
    /// <param name="mayBeSecret">True where it follows a password, of which it may be the second half.</param>
    public static string UnknownOption(string name, bool mayBeSecret) => !mayBeSecret && name.Length <= 40 && name.All(IsWordCharacter)
        ? $"Its option \"{name}\" is not known."
        : "One of its options is not known (a value with special characters must be quoted or percent-encoded).";

    private static bool IsWordCharacter(char c) => char.IsAsciiLetterOrDigit(c) || c is '_' or ' ';

    public static NpgsqlConnectionStringBuilder ToBuilder(IReadOnlyList<KeyValuePair<string, string>> options)
    {
        // As in libpq the last one wins: a query option overrides the same part of the URI.
        var last = new Dictionary<string, string>(StringComparer.Ordinal);
        var previous = "";
        foreach (var (name, value) in options)
        {
            last[name] = Setters.ContainsKey(name) ? value
                : Unsupported.Contains(name) ? throw new ConnectionStringException($"Its option \"{name}\" is not supported.")
                : throw new ConnectionStringException(UnknownOption(name, mayBeSecret: previous == "password"));
            previous = name;
        }

        if (last.ContainsKey("hostaddr") && last.ContainsKey("host"))
        {
            throw new ConnectionStringException("It has both \"host\" and \"hostaddr\"; give one of them.");
        }

        var builder = new NpgsqlConnectionStringBuilder();
        foreach (var (name, value) in last.Where(option => option.Value.Length > 0))
        {
            Set(builder, name, value);
        }

        SetHosts(builder, builder.Host ?? "", last.GetValueOrDefault("port", ""));
        SetRootCertificate(builder);
        return builder;
    }

    private static void Set(NpgsqlConnectionStringBuilder builder, string name, string value)
    {
        try
        {
            Setters[name](builder, value);
        }
        catch (Exception e) when (e is FormatException or ArgumentException or OverflowException)
        {
            throw new ConnectionStringException(e is FormatException && e.Message.StartsWith("must ", StringComparison.Ordinal)
                ? $"Its option \"{name}\" {e.Message}."
                : $"The value of its option \"{name}\" cannot be read.");
        }
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
        ['/' or '@', ..] => throw new ConnectionStringException("A socket cannot be one of several hosts."),
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
