using System.Net.Http.Headers;
using System.Security.Claims;
using System.Text;
using System.Text.Encodings.Web;
using Heimdall.Api.Problems;
using Heimdall.Core.Configuration;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Heimdall.Api.Callers;

/// <summary>
/// Finds out who calls: by API key (<c>Authorization: Bearer</c>, <c>X-Api-Key</c>, or as the password of HTTP Basic, for
/// browsers at the dashboard), by the configured header, or, on a server that is open to its own machine only, by the
/// original's header with <c>anonymous</c> as the fallback.
/// </summary>
internal sealed class CallerAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, AuthConfig config, ApiKeyRing keys)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public const string SchemeName = "Heimdall";

    private const string DefaultHeader = "X-Heimdall-User";
    private const int MaxUserLength = 300;

    protected override Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (PresentedKey() is { } key && config.ApiKeys.Length > 0)
        {
            return Task.FromResult(keys.FindUser(key) is { } owner
                ? Success(owner)
                : AuthenticateResult.Fail("This server does not know the API key of this request: it is mistyped, or is no longer configured."));
        }
        string? user = Request.Headers[config.Header ?? DefaultHeader];
        if (string.IsNullOrWhiteSpace(user) || (config.IsConfigured && config.Header is null))
        {
            user = config.IsConfigured ? null : "anonymous";
        }
        return Task.FromResult(user switch
        {
            null => AuthenticateResult.NoResult(),
            { Length: > MaxUserLength } => AuthenticateResult.Fail($"The user's name is longer than {MaxUserLength} characters."),
            _ => Success(user),
        });
    }

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        var refusal = (await HandleAuthenticateOnceSafeAsync()).Failure?.Message;
        var isBrowser = Request.Path.StartsWithSegments("/hangfire", StringComparison.Ordinal);
        Response.Headers.WWWAuthenticate = isBrowser ? "Basic realm=\"Heimdall\", charset=\"UTF-8\""
            : refusal is null ? "Bearer realm=\"Heimdall\""
            : "Bearer realm=\"Heimdall\", error=\"invalid_token\"";
        await Problem.Of(StatusCodes.Status401Unauthorized, "unauthorized", "Authentication is required.", refusal ?? DescribeNeed()).ExecuteAsync(Context);
    }

    /// <summary>What a request without a key or name lacks; what it has in the wrong place is told too.</summary>
    private string DescribeNeed()
    {
        if (config.ApiKeys.Length == 0)
        {
            return PresentedKey() is null
                ? $"This server needs the header {config.Header}."
                : $"This server takes no API keys: it needs the header {config.Header}.";
        }
        const string Need = "This server needs an API key as 'Authorization: Bearer <key>'";
        return Request.Headers.Authorization.Count == 0
            ? $"{Need}."
            : $"{Need}: this request's header Authorization holds none, or lacks the word 'Bearer' before it.";
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        Problem.Of(StatusCodes.Status403Forbidden, "forbidden", "You may not do this.", "Your user is not allowed to do this.").ExecuteAsync(Context);

    private static AuthenticateResult Success(string user)
    {
        var identity = new ClaimsIdentity([new Claim(ClaimTypes.Name, user)], SchemeName);
        return AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(identity), SchemeName));
    }

    private string? PresentedKey()
    {
        if (Request.Headers["X-Api-Key"] is [{ } key])
        {
            return key;
        }
        if (!AuthenticationHeaderValue.TryParse(Request.Headers.Authorization, out var header) || header.Parameter is null)
        {
            return null;
        }
        return header.Scheme.ToUpperInvariant() switch
        {
            "BEARER" => header.Parameter,
            "BASIC" => BasicPassword(header.Parameter),
            _ => null,
        };
    }

    private static string BasicPassword(string parameter)
    {
        var bytes = new byte[parameter.Length];
        return Convert.TryFromBase64String(parameter, bytes, out var length)
            ? Encoding.UTF8.GetString(bytes, 0, length).Split(':', 2)[^1]
            : "";
    }
}
