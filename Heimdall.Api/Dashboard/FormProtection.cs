using Heimdall.Core.Secrets;

namespace Heimdall.Api.Dashboard;

/// <summary>
/// Protects the dashboard's buttons from forged requests: Hangfire checks the framework's antiforgery token once the
/// framework offers one. A form made by one API process is taken by another, for all have one key ring. It protects
/// sessions and sign-ins too.
/// </summary>
internal static class FormProtection
{
    public static void AddFormProtection(this IServiceCollection services)
    {
        services.AddAntiforgery(options => options.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest);
        services.ReadKeysOnFirstUse();
    }
}
