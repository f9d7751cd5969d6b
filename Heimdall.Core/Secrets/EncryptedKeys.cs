using System.Security.Cryptography.X509Certificates;
using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.KeyManagement.Internal;
using Microsoft.Extensions.Options;

namespace Heimdall.Core.Secrets;

/// <summary>
/// With a certificate, the only keys that encrypt are those that are encrypted with it. The framework would go on with
/// a key that was there before, or that a process without the certificate has made. With all of them it still decrypts.
/// </summary>
/// <param name="resolver">The framework's own choice among keys.</param>
/// <param name="options">They say where the keys are.</param>
/// <param name="certificate">The present one.</param>
internal sealed class EncryptedKeys(
    IDefaultKeyResolver resolver, IOptions<KeyManagementOptions> options, X509Certificate2 certificate)
    : IDefaultKeyResolver
{
    private readonly string _certificate = Convert.ToBase64String(certificate.RawData);

    public DefaultKeyResolution ResolveDefaultKeyPolicy(DateTimeOffset now, IEnumerable<IKey> allKeys)
    {
        var encrypted = options.Value.XmlRepository!.GetAllElements().Where(IsEncrypted)
            .Select(key => (Guid?)key.Attribute("id")).ToHashSet();
        return resolver.ResolveDefaultKeyPolicy(now, allKeys.Where(key => encrypted.Contains(key.KeyId)));
    }

    private bool IsEncrypted(XElement key) => key.Descendants()
        .Any(element => element.Name.LocalName == "X509Certificate"
            && element.Value.ReplaceLineEndings("").Trim() == _certificate);
}
