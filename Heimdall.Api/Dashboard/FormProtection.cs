using System.Xml.Linq;
using Microsoft.AspNetCore.DataProtection;
using Microsoft.AspNetCore.DataProtection.KeyManagement;
using Microsoft.AspNetCore.DataProtection.Repositories;

namespace Heimdall.Api.Dashboard;

/// <summary>
/// Protects the dashboard's buttons from forged requests: Hangfire checks the framework's antiforgery token once the
/// framework offers one. The keys are in the store, so that a form made by one API process is taken by another.
/// </summary>
internal static class FormProtection
{
    public static IServiceCollection AddFormProtection(this IServiceCollection services)
    {
        services.AddAntiforgery(options => options.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest);
        services.AddSingleton<DashboardKeyStore>();
        services.AddDataProtection().SetApplicationName("heimdall");
        ReadKeysOnFirstUse(services);
        // It warns that keys are stored as they are. They protect forms only, and who reads the store needs no forged form.
        services.AddLogging(logging => logging.AddFilter("Microsoft.AspNetCore.DataProtection.KeyManagement.XmlKeyManager", LogLevel.Error));
        services.AddOptions<KeyManagementOptions>()
            .Configure<DashboardKeyStore>((options, store) => options.XmlRepository = new KeyRepository(store));
        return services;
    }

    /// <summary>
    /// The framework would read the keys, and make the first one, while the process starts: before the store has its tables.
    /// Without that they are read when a form is first drawn, and no form is drawn before the store is ready.
    /// </summary>
    private static void ReadKeysOnFirstUse(IServiceCollection services) =>
        services.Remove(services.Single(service => service.ImplementationType?.Name == "DataProtectionHostedService"));

    private sealed class KeyRepository(DashboardKeyStore store) : IXmlRepository
    {
        public IReadOnlyCollection<XElement> GetAllElements() => [.. store.ReadAll().Select(xml => XElement.Parse(xml))];

        public void StoreElement(XElement element, string friendlyName) => store.Write(friendlyName, element.ToString(SaveOptions.DisableFormatting));
    }
}
