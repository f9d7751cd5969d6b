using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;

namespace Heimdall.Api.SignIn;

/// <summary>What the identity provider publishes of itself.</summary>
internal sealed class SignInProvider(IOptionsMonitor<OpenIdConnectOptions> options)
{
    /// <returns>Null while the provider does not answer, and has not answered before.</returns>
    public async Task<OpenIdConnectConfiguration?> FindAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await options.Get(SignInSetup.SchemeName).ConfigurationManager!
                .GetConfigurationAsync(cancellationToken);
        }
        catch (Exception exception) when (exception is InvalidOperationException or IOException or HttpRequestException)
        {
            return null;
        }
    }
}
