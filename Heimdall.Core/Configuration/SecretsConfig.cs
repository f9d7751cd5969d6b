using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Heimdall.Core.Configuration;

/// <summary>The keys by which secrets are encrypted in the store. They must be the same for all processes.</summary>
public sealed record SecretsConfig
{
    /// <summary>Where the keys are, as files that all processes share. Default: none, they are in the store.</summary>
    public string? Directory { get; init; }

    /// <summary>
    /// A PEM file with an RSA certificate and its private key, with which new keys are encrypted. Default: none.
    /// </summary>
    public string? Certificate { get; init; }

    /// <summary>Files of earlier certificates: with their private keys older keys are read. Default: none.</summary>
    public string[] FormerCertificates { get; init; } = [];

    /// <summary>Reads one of the files.</summary>
    /// <returns>The certificate, or what is wrong with the file.</returns>
    internal static (X509Certificate2? Certificate, string? Fault) ReadCertificate(string file)
    {
        try
        {
            var certificate = X509Certificate2.CreateFromPemFile(file);
            using var key = certificate.GetRSAPrivateKey();
            return key is null ? (null, "must have a private key for RSA") : (certificate, null);
        }
        catch (Exception exception) when (exception is FileNotFoundException or DirectoryNotFoundException)
        {
            return (null, "the file does not exist");
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return (null, "the file cannot be read");
        }
        catch (CryptographicException)
        {
            return (null, "must be a PEM file with a certificate and its private key, which has no password");
        }
    }
}
