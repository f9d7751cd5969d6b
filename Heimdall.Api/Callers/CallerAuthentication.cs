using System.Globalization;
using System.Net.Http.Headers;
using System.Security.Claims;
using System.Text;
using System.Text.Encodings.Web;
using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
using Heimdall.Api.Requests;
using Heimdall.Core.Configuration;
using Microsoft.AspNetCore.Authentication;
using Microsoft.Extensions.Options;

namespace Heimdall.Api.Callers;

/// <summary>
/// Finds out who calls: by API key (<c>Authorization: Bearer</c>, <c>X-Api-Key</c>, or as the password of HTTP Basic,
/// for browsers at the dashboard), by a token of the identity provider, by the header of a trusted proxy, by the
/// session of a browser that is signed in, or, on a server that is open to its own machine only, by the original's
/// header with <c>anonymous</c> as the fallback.
/// </summary>
internal sealed class CallerAuthentication(
    IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory loggers, UrlEncoder encoder, AuthConfig config,
    KnownCallers known, ApiKeyRing keys, KeyUses uses, ProxyAddresses proxies, WrongCredentials wrong)
    : AuthenticationHandler<AuthenticationSchemeOptions>(options, loggers, encoder)
{
    public const string SchemeName = "Heimdall";

    public const string KeyHeader = "X-Api-Key";
    public const string DefaultHeader = "X-Heimdall-User";

    /// <summary>What people open in a browser, which asks them for a key; the document is read by a page.</summary>
    private static readonly PathString[] _pages = ["/hangfire", "/console", DocumentAddress.Pages, "/openapi"];

    protected override async Task<AuthenticateResult> HandleAuthenticateAsync()
    {
        if (config.Jwt is { } jwt && PresentedToken() is not null)
        {
            var token = await Context.AuthenticateAsync(JwtSetup.SchemeName);
            if (await JwtSetup.IsProviderAwayAsync(Context, token))
            {
                return AuthenticateResult.Fail(new ProviderAwayException());
            }
            var (caller, refusal) = JwtSetup.Read(token, jwt);
            return caller is null ? AuthenticateResult.Fail(refusal!) : Success(caller);
        }
        if (PresentedKey() is { } key && TakesKeys)
        {
            return keys.Find(key) switch
            {
                null => AuthenticateResult.Fail(
                    "This server does not know the API key of this request: "
                    + "it is mistyped, or is no longer configured."),
                { Config.Expires: { } expires } when expires <= TimeProvider.GetUtcNow() =>
                    AuthenticateResult.Fail("The API key of this request has expired."),
                var found => SuccessOf(found),
            };
        }
        var header = ReadHeader();
        return header.None && known.TakesSessions && BrowserSession.Offers(Context) ? await ReadSessionAsync() : header;
    }

    /// <summary>Whether there are keys or tokens that a header could have, right or wrong.</summary>
    private bool TakesKeys => known.Config.ApiKeys.Length > 0 || config.Jwt is not null || config.Oidc is not null;

    /// <summary>A session that is over is none. A cookie that is not ours, or was changed, is a wrong one.</summary>
    private async Task<AuthenticateResult> ReadSessionAsync()
    {
        var session = await Context.AuthenticateAsync(BrowserSession.SchemeName);
        return session.Principal is { } caller ? Success(caller)
            : BrowserSession.IsOurs(Context) ? AuthenticateResult.NoResult()
            : AuthenticateResult.Fail("The cookie of this browser's session is not one of this server.");
    }

    protected override async Task HandleChallengeAsync(AuthenticationProperties properties)
    {
        var failure = (await HandleAuthenticateOnceSafeAsync()).Failure;
        if (failure is ProviderAwayException)
        {
            Response.Headers.RetryAfter = "10";
            await Problem.Of(
                StatusCodes.Status503ServiceUnavailable, "identity-provider-away",
                "Tokens cannot be checked at the moment.", failure.Message).ExecuteAsync(Context);
            return;
        }
        var refusal = failure?.Message;
        var tooSoon = refusal is null ? null : wrong.Count(Context.Connection.RemoteIpAddress);
        if (refusal is not null && tooSoon is null)
        {
            Credentials.MarkWrong(Context);
        }
        BrowserSession.Forget(Context);
        // A person can do nothing about a cookie that is not ours, and it may be that everybody has one.
        if ((refusal is null || BrowserSession.IsPresented(Context)) && config.Oidc is not null
            && SignInPages.Takes(Context, _pages))
        {
            SignInPages.SendThere(Context);
            return;
        }
        if (tooSoon is { } wait)
        {
            Response.SetUsedUp(
                RateLimits.Refusals, WrongCredentials.MostPerWindow, WrongCredentials.Window, wait);
            await Problem.Of(
                StatusCodes.Status429TooManyRequests, "too-many-wrong-credentials", "Too many wrong credentials.",
                $"More than {WrongCredentials.MostPerWindow} requests with wrong credentials have come from your "
                + "address within a minute.").ExecuteAsync(Context);
            return;
        }
        Response.Headers.WWWAuthenticate = AsksForKey() ? "Basic realm=\"Heimdall\", charset=\"UTF-8\""
            : refusal is null ? "Bearer realm=\"Heimdall\""
            : "Bearer realm=\"Heimdall\", error=\"invalid_token\"";
        await Problem.Of(StatusCodes.Status401Unauthorized, "unauthorized", "Authentication is required.", refusal ?? DescribeNeed()).ExecuteAsync(Context);
    }

    /// <summary>
    /// Whether the browser is to ask its user for a key. Where people sign in, only those are asked who have chosen it.
    /// </summary>
    private bool AsksForKey() => IsOwnPage() && (config.Oidc is null || SignInPages.HasChosenKey(Context));

    /// <summary>
    /// Whether a page of ours is asked for, or asks itself: the browser then adds the key that it has, or asks its user for
    /// one. No page can write this header, and one of another site has another value in it.
    /// </summary>
    private bool IsOwnPage() =>
        _pages.Any(page => Request.Path.StartsWithSegments(page, StringComparison.Ordinal))
        || Request.Path == SignInPages.Key
        || Request.Headers["Sec-Fetch-Site"] is ["same-origin"];

    /// <summary>What a request without a key or name lacks; what it has in the wrong place is told too.</summary>
    private string DescribeNeed()
    {
        if (known.Config.ApiKeys.Length == 0 && config.Jwt is null && config.Oidc is not null)
        {
            return config.Header is null
                ? "This server needs a browser that is signed in: open one of its pages."
                : $"This server needs the header {config.Header}, or a browser that is signed in.";
        }
        if (known.Config.ApiKeys.Length == 0 && config.Jwt is null)
        {
            return PresentedKey() is null
                ? $"This server needs the header {config.Header}."
                : $"This server takes no API keys: it needs the header {config.Header}.";
        }
        var what = (known.Config.ApiKeys.Length > 0, config.Jwt is not null) switch
        {
            (true, true) => "an API key or a token as 'Authorization: Bearer <key>'",
            (true, false) => "an API key as 'Authorization: Bearer <key>'",
            _ => "a token as 'Authorization: Bearer <token>'",
        };
        var need = $"This server needs {what}";
        return Request.Headers.Authorization.Count == 0
            ? $"{need}."
            : $"{need}: this request's header Authorization holds none, or lacks the word 'Bearer' before it.";
    }

    protected override Task HandleForbiddenAsync(AuthenticationProperties properties) =>
        Problem.Of(StatusCodes.Status403Forbidden, "forbidden", "You may not do this.", "Your user is not allowed to do this.").ExecuteAsync(Context);

    /// <summary>The name that a trusted proxy gives; without <c>auth</c>, that anybody on this machine gives.</summary>
    private AuthenticateResult ReadHeader()
    {
        if (config.IsConfigured && config.Header is null)
        {
            return AuthenticateResult.NoResult();
        }
        var values = Request.Headers[config.Header ?? DefaultHeader];
        var user = values.Count == 0 ? null : values[0];
        if (string.IsNullOrWhiteSpace(user) && values.Count < 2)
        {
            return config.IsConfigured
                ? AuthenticateResult.NoResult()
                : Success(Credentials.Of("anonymous", Credentials.Loopback));
        }
        if (config.IsConfigured && !proxies.Include(Context.Connection.RemoteIpAddress))
        {
            return AuthenticateResult.Fail(
                $"The header {config.Header} is taken from the proxies in auth.trusted_proxies only, "
                + "and this request comes from elsewhere.");
        }
        // A proxy may join headers that are there more than once, by commas.
        if (values.Count > 1 || (config.IsConfigured && user!.Contains(',')))
        {
            return AuthenticateResult.Fail(
                $"The header {config.Header ?? DefaultHeader} must be there once, and name one user without a comma.");
        }
        if (config.IsConfigured && Credentials.IsReserved(user!))
        {
            return AuthenticateResult.Fail(
                $"The header {config.Header} names the user {user}, whose name is Heimdall's own.");
        }
        return user!.Length > CallerClaims.MaxUserLength
            ? AuthenticateResult.Fail($"The user's name is longer than {CallerClaims.MaxUserLength} characters.")
            : Success(Credentials.Of(user, config.IsConfigured ? Credentials.Header : Credentials.Loopback));
    }

    private static Claim[] Expiry(DateTimeOffset? expires) =>
        expires is { } time ? [new Claim(Credentials.Expires, time.ToString("O", CultureInfo.InvariantCulture))] : [];

    private AuthenticateResult SuccessOf(KnownKey key)
    {
        uses.Note(key, Context.Connection.RemoteIpAddress);
        return Success(Credentials.Of(key.Config.User, Credentials.Key, Expiry(key.Config.Expires)));
    }

    private static AuthenticateResult Success(ClaimsPrincipal caller) =>
        AuthenticateResult.Success(new AuthenticationTicket(caller, SchemeName));

    /// <summary>A bearer token that is no API key of ours.</summary>
    private string? PresentedToken() =>
        AuthenticationHeaderValue.TryParse(Request.Headers.Authorization, out var header)
        && header.Scheme.Equals("Bearer", StringComparison.OrdinalIgnoreCase)
        && header.Parameter is { } token && token.Contains('.')
            ? token
            : null;

    private string? PresentedKey()
    {
        if (Request.Headers[KeyHeader] is [{ } key])
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
