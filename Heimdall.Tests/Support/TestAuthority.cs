using System.Net;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Heimdall.Tests.Support;

/// <summary>An authority with one below it, which issues certificates as PEM files.</summary>
internal sealed class TestAuthority : IDisposable
{
    private static readonly DateTimeOffset From = DateTimeOffset.UtcNow.AddDays(-1);
    private static readonly DateTimeOffset Until = From.AddDays(365);

    private readonly X509Certificate2 _root;
    private readonly X509Certificate2 _intermediate;

    public TestAuthority()
    {
        using var rootKey = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _root = Request("CN=Heimdall tests root", rootKey, isAuthority: true).CreateSelfSigned(From, Until);
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var issued = Request("CN=Heimdall tests intermediate", key, isAuthority: true).Create(_root, From, Until, [1]);
        _intermediate = issued.CopyWithPrivateKey(key);
    }

    /// <summary>What a client trusts.</summary>
    public string Root => _root.ExportCertificatePem();

    /// <summary>What a server trusts, which may be sent certificates alone.</summary>
    public string Authorities => $"{Root}\n{_intermediate.ExportCertificatePem()}\n";

    /// <summary>A certificate with the one it was issued by, and its key.</summary>
    /// <param name="name">Whose it is.</param>
    /// <param name="password">Of the key; null for none.</param>
    /// <param name="host">The host that it is for; null for 127.0.0.1.</param>
    /// <param name="isExpired">True for one whose time is over.</param>
    public (string Certificate, string Key) Issue(
        string name, string? password = null, string? host = null, bool isExpired = false)
    {
        using var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        using var certificate = Request($"CN={name}", key, isAuthority: false, host)
            .Create(_intermediate, From, isExpired ? From.AddHours(1) : Until, RandomNumberGenerator.GetBytes(8));
        return (
            $"{certificate.ExportCertificatePem()}\n{_intermediate.ExportCertificatePem()}\n",
            password is null
                ? key.ExportPkcs8PrivateKeyPem()
                : key.ExportEncryptedPkcs8PrivateKeyPem(password, new PbeParameters(PbeEncryptionAlgorithm.Aes256Cbc, HashAlgorithmName.SHA256, 1_000)));
    }

    public void Dispose()
    {
        _root.Dispose();
        _intermediate.Dispose();
    }

    private static CertificateRequest Request(string subject, ECDsa key, bool isAuthority, string? host = null)
    {
        var request = new CertificateRequest(subject, key, HashAlgorithmName.SHA256);
        request.CertificateExtensions.Add(new X509BasicConstraintsExtension(isAuthority, false, 0, true));
        if (!isAuthority)
        {
            var names = new SubjectAlternativeNameBuilder();
            if (host is null)
            {
                names.AddIpAddress(IPAddress.Loopback);
            }
            else
            {
                names.AddDnsName(host);
            }

            request.CertificateExtensions.Add(names.Build());
        }
        return request;
    }
}
