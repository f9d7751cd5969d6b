using System.Security.Claims;
using Heimdall.Core.Configuration;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.JwtBearer;
using Microsoft.Extensions.Options;
using Microsoft.IdentityModel.Tokens;

namespace Heimdall.Api.Callers;

/// <summary>Tokens of an identity provider: the framework's handler, which checks all that it can.</summary>
internal static class JwtSetup
{
    public const string SchemeName = "Jwt";

    /// <summary>Signatures by public keys only: with a shared secret, each server that checks tokens could make them.</summary>
    private static readonly string[] Algorithms =
    [
        SecurityAlgorithms.RsaSha256, SecurityAlgorithms.RsaSha384, SecurityAlgorithms.RsaSha512,
        SecurityAlgorithms.RsaSsaPssSha256, SecurityAlgorithms.RsaSsaPssSha384, SecurityAlgorithms.RsaSsaPssSha512,
        SecurityAlgorithms.EcdsaSha256, SecurityAlgorithms.EcdsaSha384, SecurityAlgorithms.EcdsaSha512,
    ];

    private static readonly TimeSpan ClockSkew = TimeSpan.FromSeconds(30);

    /// <summary>How long the identity provider may take to answer with its keys.</summary>
    public static readonly TimeSpan ProviderTimeout = TimeSpan.FromSeconds(10);

    public static AuthenticationBuilder AddJwt(this AuthenticationBuilder authentication, JwtConfig? config) =>
        config is null ? authentication : authentication.AddJwtBearer(SchemeName, options =>
        {
            options.Authority = config.Authority;
            options.Audience = config.Audience;
            options.BackchannelTimeout = ProviderTimeout;
            options.MapInboundClaims = false;
            options.TokenValidationParameters = RulesFor(config.Audience);
            options.TokenValidationParameters.ValidIssuer = config.Issuer;
            options.TokenValidationParameters.IssuerSigningKeys = config.KeysFile is { } file
                ? new JsonWebKeySet(File.ReadAllText(file)).GetSigningKeys()
                : null;
        });

    /// <summary>What each token must be, whether a program sends it or a browser signs in by it.</summary>
    public static TokenValidationParameters RulesFor(string audience) => new()
    {
        ValidateIssuer = true,
        ValidateAudience = true,
        ValidAudience = audience,
        ValidateLifetime = true,
        RequireExpirationTime = true,
        RequireSignedTokens = true,
        ValidateIssuerSigningKey = true,
        ValidAlgorithms = Algorithms,
        ClockSkew = ClockSkew,
    };

    /// <summary>Finds what is wrong with the configured key set.</summary>
    public static IEnumerable<(string Path, string Message)> FindProblems(HeimdallConfig config)
    {
        if (config.Auth.Jwt?.KeysFile is not { } file)
        {
            yield break;
        }
        string? problem = null;
        try
        {
            var keys = new JsonWebKeySet(File.ReadAllText(file)).Keys;
            problem = keys.Count == 0 ? "holds no key"
                : keys.All(IsPublic) ? null
                : "holds a key that is neither RSA nor EC, or a private one: list public keys only";
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            problem = "cannot be read";
        }
        catch (ArgumentException)
        {
            problem = "is no JSON Web Key Set (RFC 7517): {\"keys\": [{\"kty\": \"RSA\", …}]}";
        }
        if (problem is not null)
        {
            yield return ("auth.jwt.keys_file", $"{problem}: {file}");
        }
    }

    /// <summary>
    /// Whether a token is refused only because the identity provider has never told its keys here. The framework's
    /// handler says then that the signature's key is unknown, or the issuer.
    /// </summary>
    public static async Task<bool> IsProviderAwayAsync(HttpContext context, AuthenticateResult result)
    {
        var options = context.RequestServices.GetRequiredService<IOptionsMonitor<JwtBearerOptions>>().Get(SchemeName);
        if (options.Authority is null || options.ConfigurationManager is not { } provider
            || result.Failure is not (SecurityTokenSignatureKeyNotFoundException or SecurityTokenInvalidIssuerException))
        {
            return false;
        }
        try
        {
            await provider.GetConfigurationAsync(context.RequestAborted);
            return false;
        }
        catch (Exception exception) when (exception is InvalidOperationException or IOException or HttpRequestException)
        {
            return true;
        }
    }

    /// <returns>The caller that a token names; null, with the reason, when the token is not accepted.</returns>
    public static (ClaimsPrincipal? Principal, string? Refusal) Read(AuthenticateResult result, JwtConfig config)
    {
        if (result.Principal is not { } token)
        {
            return (null, result.Failure switch
            {
                SecurityTokenExpiredException => "The token of this request has expired.",
                SecurityTokenNotYetValidException => "The token of this request is not valid yet.",
                SecurityTokenInvalidAudienceException => "The token of this request is for another audience.",
                SecurityTokenInvalidIssuerException => "The token of this request is of another issuer.",
                SecurityTokenNoExpirationException =>
                    "The token of this request never expires; such tokens are refused.",
                _ => "The token of this request is not valid: its signature or its form is not as configured.",
            });
        }
        var (caller, refusal) = CallerClaims.Read(token, config.UserClaim, config.RolesClaim, Credentials.Jwt);
        return (caller, refusal is null ? null : $"The token of this request {refusal}.");
    }

    private static bool IsPublic(JsonWebKey key) => key is
    {
        Kty: JsonWebAlgorithmsKeyTypes.RSA or JsonWebAlgorithmsKeyTypes.EllipticCurve, HasPrivateKey: false,
    };
}
