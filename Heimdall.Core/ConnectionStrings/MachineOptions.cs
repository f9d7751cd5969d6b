using Npgsql;

namespace Heimdall.Core.ConnectionStrings;

/// <summary>
/// What a connection takes of the machine that it is made on: files, the name of the operating system's user, its
/// login to a socket or with Kerberos. Of a connection string that somebody sent it may take nothing.
/// </summary>
internal static class MachineOptions
{
    private const string NoKerberos = "!GSS,!SSPI";

    /// <summary>As Npgsql spells them.</summary>
    private static readonly HashSet<string> OwnLogins =
        new(["Password", "MD5", "ScramSHA256", "ScramSHA256Plus", "None"], StringComparer.OrdinalIgnoreCase);

    private static readonly Dictionary<string, Func<NpgsqlConnectionStringBuilder, string?>> Files =
        new(StringComparer.Ordinal)
        {
            ["passfile"] = settings => settings.Passfile,
            ["sslcert"] = settings => settings.SslCertificate,
            ["sslkey"] = settings => settings.SslKey,
            ["sslrootcert"] = settings => settings.RootCertificate,
        };

    /// <exception cref="ConnectionStringException">It needs something of the machine.</exception>
    public static void TakeNone(ConnectionSettings settings)
    {
        var npgsql = settings.Npgsql;
        foreach (var (option, find) in Files)
        {
            if (!string.IsNullOrEmpty(find(npgsql)))
            {
                throw new ConnectionStringException(
                    $"Its option \"{option}\" names a file of the hosts, which only a configuration file may.");
            }
        }

        if (string.IsNullOrEmpty(npgsql.Host) || npgsql.Host.Split(',').Any(ConnectionString.IsSocket))
        {
            throw new ConnectionStringException(
                "It must name its host, and no socket of this machine: these only a configuration file may use.");
        }

        if (string.IsNullOrEmpty(npgsql.Username))
        {
            throw new ConnectionStringException("It must name its user.");
        }

        if (npgsql.RequireAuth is { Length: > 0 } methods && methods.Split(',').Select(method => method.Trim())
            .Any(method => !method.StartsWith('!') && !OwnLogins.Contains(method)))
        {
            throw new ConnectionStringException(
                "Its login must be its own, and not that of the operating system's user (gss, sspi).");
        }

        npgsql.RequireAuth = npgsql.RequireAuth switch
        {
            null or "" => NoKerberos,
            ['!', ..] and var forbidden => $"{forbidden},{NoKerberos}",
            var named => named,
        };
        npgsql.GssEncryptionMode = GssEncryptionMode.Disable;
        settings.SendsCertificate = false;
    }
}
