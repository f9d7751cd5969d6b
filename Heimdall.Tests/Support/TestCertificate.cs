using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;

namespace Heimdall.Tests.Support;

/// <summary>An RSA certificate with its private key, in one PEM file.</summary>
internal static class TestCertificate
{
    public static void Write(string file)
    {
        using var key = RSA.Create(2048);
        var request = new CertificateRequest("CN=keys", key, HashAlgorithmName.SHA256, RSASignaturePadding.Pkcs1);
        var now = DateTimeOffset.UtcNow;
        using var certificate = request.CreateSelfSigned(now.AddDays(-1), now.AddDays(1));
        File.WriteAllText(file, $"{certificate.ExportCertificatePem()}\n{key.ExportPkcs8PrivateKeyPem()}\n");
    }
}
