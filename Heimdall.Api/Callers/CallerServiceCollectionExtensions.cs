using Heimdall.Core.Audit;
using Heimdall.Core.Configuration;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authorization;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Heimdall.Api.Callers;

internal static class CallerServiceCollectionExtensions
{
    /// <summary>Every endpoint needs a caller, unless the table of rights says otherwise.</summary>
    public static IServiceCollection AddCallers(this IServiceCollection services, AuthConfig config)
    {
        services.AddSingleton(config);
        services.AddSingleton<KnownCallers>();
        services.AddSingleton<ApiKeyRing>();
        services.TryAddSingleton<KeyUseStore>();
        services.AddSingleton<KeyUses>();
        services.AddHostedService(provider => provider.GetRequiredService<KeyUses>());
        services.AddSingleton<ProxyAddresses>();
        services.AddSingleton<WrongCredentials>();
        services.AddAuthentication(CallerAuthentication.SchemeName)
            .AddScheme<AuthenticationSchemeOptions, CallerAuthentication>(
                CallerAuthentication.SchemeName, configureOptions: null)
            .AddJwt(config.Jwt);
        services.AddHostedService<CallerReload>();
        services.AddAuthorizationBuilder()
            .SetFallbackPolicy(new AuthorizationPolicyBuilder().RequireAuthenticatedUser().Build());
        return services;
    }

    /// <summary>The user a request comes from.</summary>
    public static string CallerName(this HttpContext context) =>
        context.User.Identity?.Name ?? throw new InvalidOperationException("An endpoint without a caller asked for its name.");
}
