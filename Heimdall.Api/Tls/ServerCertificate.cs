using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Heimdall.Core.Configuration;

namespace Heimdall.Api.Tls;

/// <summary>The certificate that new connections are served with: the last one whose files could be used.</summary>
internal sealed class ServerCertificate
{
    private readonly TlsConfig _config;
    private volatile SslStreamCertificateContext _current;
    private PemFiles _used;

    /// <exception cref="CertificateException">The files cannot be used.</exception>
    public ServerCertificate(TlsConfig config)
    {
        _config = config;
        _used = Read(config);
        _current = Load(_used, config);
    }

    /// <summary>The certificate with its chain.</summary>
    public SslStreamCertificateContext Current => _current;

    /// <summary>What is wrong with the files of <c>server.tls</c>.</summary>
    public static IEnumerable<(string Path, string Message)> FindProblems(HeimdallConfig config)
    {
        if (config.Server.Tls is not { } tls)
        {
            yield break;
        }
        CertificateException? problem = null;
        try
        {
            _ = new ServerCertificate(tls);
        }
        catch (CertificateException exception)
        {
            problem = exception;
        }
        if (problem is not null)
        {
            yield return ($"server.tls.{problem.Key}", problem.Message);
        }
    }

    /// <summary>
    /// Takes the files' certificate when they have changed. While they cannot be used, the old certificate stays.
    /// </summary>
    /// <returns>Whether there is a new certificate.</returns>
    /// <exception cref="CertificateException">The files have changed and cannot be used.</exception>
    public bool Renew()
    {
        var files = Read(_config);
        if (files == _used)
        {
            return false;
        }
        _current = Load(files, _config);
        _used = files;
        return true;
    }

    private static PemFiles Read(TlsConfig config) =>
        new(Read("certificate", config.Certificate), Read("key", config.Key));

    private static string Read(string key, string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new CertificateException(key, $"must be a file that exists: {path} is none");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            throw new CertificateException(key, $"must be a file that this user may read: {path}");
        }
        catch (ArgumentException)
        {
            throw new CertificateException(key, "must be the path of a file, and no path holds a NUL character");
        }
    }

    private static SslStreamCertificateContext Load(PemFiles files, TlsConfig config)
    {
        var chain = new X509Certificate2Collection();
        try
        {
            chain.ImportFromPem(files.Certificate);
        }
        catch (CryptographicException)
        {
            chain.Clear();
        }
        if (chain.Count == 0)
        {
            throw new CertificateException(
                "certificate",
                $"must hold certificates in PEM form (-----BEGIN CERTIFICATE-----): {config.Certificate}");
        }
        var others = new X509Certificate2Collection(chain.Skip(1).ToArray());
        var served = WithKey(files, config);
        try
        {
            return SslStreamCertificateContext.Create(served, others, offline: true);
        }
        catch (Exception exception)
            when (exception is CryptographicException or ArgumentException or NotSupportedException)
        {
            throw new CertificateException(
                "certificate",
                $"must hold a certificate that TLS can serve: {config.Certificate}: {exception.Message}");
        }
    }

    private static X509Certificate2 WithKey(PemFiles files, TlsConfig config)
    {
        try
        {
            return config.KeyPassword is null
                ? X509Certificate2.CreateFromPem(files.Certificate, files.Key)
                : X509Certificate2.CreateFromEncryptedPem(
                    files.Certificate, files.Key, SecretReferences.Resolve(config.KeyPassword));
        }
        catch (SecretReferenceException exception)
        {
            throw new CertificateException("key_password", exception.Message);
        }
        // An ArgumentException is for the key of another certificate.
        catch (Exception exception) when (exception is CryptographicException or ArgumentException)
        {
            var encrypted = files.Key.Contains("ENCRYPTED PRIVATE KEY", StringComparison.Ordinal);
            throw (encrypted, config.KeyPassword) switch
            {
                (true, null) => new CertificateException("key_password", "is required, because the key is encrypted"),
                (false, not null) => new CertificateException(
                    "key_password", "must be left out, because the key is not encrypted"),
                (true, _) => new CertificateException(
                    "key_password", "must be the password of the key, and the key that of the certificate"),
                _ => new CertificateException(
                    "key", $"must hold the certificate's private key in PEM form: {config.Key}"),
            };
        }
    }

    private sealed record PemFiles(string Certificate, string Key);
}

/// <summary>The files of <c>server.tls</c> cannot be used.</summary>
/// <param name="key">The key of <c>server.tls</c> that is wrong.</param>
/// <param name="message">What would be right; it holds no secret.</param>
internal sealed class CertificateException(string key, string message) : Exception(message)
{
    public string Key { get; } = key;
}
