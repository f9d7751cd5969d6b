using System.Net.Security;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Heimdall.Core.Configuration;

namespace Heimdall.Api.Tls;

/// <summary>The certificate that new connections are served with, as its files said when they were last right.</summary>
internal sealed class ServerCertificate
{
    private readonly TlsConfig _config;
    private volatile SslStreamCertificateContext _current;
    private PemFiles _seen;

    /// <exception cref="CertificateException">The files cannot be used.</exception>
    public ServerCertificate(TlsConfig config)
    {
        _config = config;
        _seen = Read(config);
        _current = Load(_seen, config);
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

    /// <summary>Takes the files' certificate when they have changed. One that cannot be used is reported once, and the old one stays.</summary>
    /// <returns>Whether there is a new certificate.</returns>
    /// <exception cref="CertificateException">The files have changed and cannot be used.</exception>
    public bool Renew()
    {
        var files = Read(_config);
        if (files == _seen)
        {
            return false;
        }
        _seen = files;
        _current = Load(files, _config);
        return true;
    }

    private static PemFiles Read(TlsConfig config) => new(Read("certificate", config.Certificate), Read("key", config.Key));

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
            throw new CertificateException("certificate", $"must hold certificates in PEM form (-----BEGIN CERTIFICATE-----): {config.Certificate}");
        }
        var others = new X509Certificate2Collection(chain.Skip(1).ToArray());
        return SslStreamCertificateContext.Create(WithKey(files, config), others, offline: true);
    }

    private static X509Certificate2 WithKey(PemFiles files, TlsConfig config)
    {
        try
        {
            return config.KeyPassword is null
                ? X509Certificate2.CreateFromPem(files.Certificate, files.Key)
                : X509Certificate2.CreateFromEncryptedPem(files.Certificate, files.Key, SecretReferences.Resolve(config.KeyPassword));
        }
        catch (SecretReferenceException exception)
        {
            throw new CertificateException("key_password", exception.Message);
        }
        catch (Exception exception) when (exception is CryptographicException or ArgumentException) // the latter for another certificate's key
        {
            var encrypted = files.Key.Contains("ENCRYPTED PRIVATE KEY", StringComparison.Ordinal);
            throw (encrypted, config.KeyPassword) switch
            {
                (true, null) => new CertificateException("key_password", "is required, because the key is encrypted"),
                (false, not null) => new CertificateException("key_password", "must be left out, because the key is not encrypted"),
                (true, _) => new CertificateException("key_password", "must be the password of the key, and the key that of the certificate"),
                _ => new CertificateException("key", $"must hold the certificate's private key in PEM form: {config.Key}"),
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
