using System.Security.Cryptography.X509Certificates;
using Heimdall.Core.Configuration;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.KeyManagement.Internal;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;

namespace Heimdall.Core.Secrets;

public static class SecretServiceCollectionExtensions
{
    private const string KeyReader = "DataProtectionHostedService";

    /// <summary>One key ring for all processes: for secrets, and for forms, sign-ins and sessions.</summary>
    public static IServiceCollection AddSecrets(this IServiceCollection services, SecretsConfig config)
    {
        var protection = services.AddDataProtection().SetApplicationName("heimdall");
        services.ReadKeysOnFirstUse();
        // It warns that keys in the store are stored as they are. SECURITY.md says what follows from that.
        services.AddLogging(logging =>
            logging.AddFilter("Microsoft.AspNetCore.DataProtection.KeyManagement.XmlKeyManager", LogLevel.Error));
        if (config.Directory is { } directory)
        {
            protection.PersistKeysToFileSystem(new DirectoryInfo(directory));
        }
        else
        {
            services.AddSingleton<KeyRingStore>();
            services.AddOptions<KeyManagementOptions>()
                .Configure<KeyRingStore>((options, store) => options.XmlRepository = store);
        }
        if (config.Certificate is { } certificate)
        {
            var present = SecretsConfig.ReadCertificate(certificate).Certificate!;
            protection.ProtectKeysWithCertificate(present);
            services.UseEncryptedKeys(present);
        }
        if (config.FormerCertificates.Length > 0)
        {
            protection.UnprotectKeysWithAnyCertificate(
                [.. config.FormerCertificates.Select(file => SecretsConfig.ReadCertificate(file).Certificate!)]);
        }
        services.Replace(ServiceDescriptor.Singleton<IKeyManager, KeyRing>());
        services.AddSingleton(provider => new SecretBox(
            provider.GetRequiredService<IDataProtectionProvider>(), provider.GetRequiredService<IKeyManager>(),
            isRingInStore: config.Directory is null));
        services.AddSingleton<SecretFingerprints>();
        return services;
    }

    private static void UseEncryptedKeys(this IServiceCollection services, X509Certificate2 certificate)
    {
        var framework = services.Single(service => service.ServiceType == typeof(IDefaultKeyResolver));
        services.Replace(ServiceDescriptor.Singleton<IDefaultKeyResolver>(provider => new EncryptedKeys(
            (IDefaultKeyResolver)ActivatorUtilities.CreateInstance(provider, framework.ImplementationType!),
            provider.GetRequiredService<IOptions<KeyManagementOptions>>(), certificate)));
    }

    /// <summary>
    /// The framework would read the keys, and make the first one, while the process starts: before the store has its
    /// tables. Without that they are read when one is first needed, and none is before the store is ready. Other services
    /// of the framework add it again: a host calls this after them.
    /// </summary>
    public static void ReadKeysOnFirstUse(this IServiceCollection services)
    {
        foreach (var reader in services.Where(service => service.ImplementationType?.Name == KeyReader).ToArray())
        {
            services.Remove(reader);
        }
    }
}
