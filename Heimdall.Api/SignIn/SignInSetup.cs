using System.Globalization;
using Heimdall.Api.Callers;
using Heimdall.Core.Configuration;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Heimdall.Api.SignIn;

/// <summary>
/// The sign-in of browsers by the framework's handler: authorization code with PKCE, state and nonce. What it cannot
/// know is decided here: who the user is, what is recorded, and what they are told.
/// </summary>
internal static class SignInSetup
{
    public const string SchemeName = "Oidc";

    private const string BegunAt = "begun_at";
    private const int LongestReason = 300;

    /// <summary>How long somebody may take at the provider.</summary>
    private static readonly TimeSpan LongestSignIn = TimeSpan.FromMinutes(15);

    public static AuthenticationBuilder AddSignIn(this AuthenticationBuilder authentication, OidcConfig? config)
    {
        var services = authentication.Services;
        services.AddSingleton<SessionStore>();
        services.AddSingleton<SignInAudit>();
        services.AddSingleton<SignInProvider>();
        if (config is null)
        {
            return authentication;
        }
        services.AddSingleton<SessionTickets>();
        services.AddOptions<CookieAuthenticationOptions>(BrowserSession.SchemeName)
            .Configure<SessionTickets>((options, tickets) => options.SessionStore = tickets);
        // It logs what a browser has sent and exceptions with what the provider said; what matters is logged by us.
        services.AddLogging(logging => logging
            .AddFilter("Microsoft.AspNetCore.Authentication.OpenIdConnect", LogLevel.None)
            .AddFilter("Microsoft.AspNetCore.Authentication.Cookies", LogLevel.None));
        return authentication
            .AddCookie(BrowserSession.SchemeName, options => Apply(options, config))
            .AddOpenIdConnect(SchemeName, options => Apply(options, config));
    }

    private static void Apply(CookieAuthenticationOptions options, OidcConfig config)
    {
        options.Cookie.Name = BrowserSession.Cookie;
        options.Cookie.HttpOnly = true;
        options.Cookie.SameSite = SameSiteMode.Lax;
        options.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest; // by the address that the browser sees
        options.SlidingExpiration = false; // the store knows when it was used
        options.ExpireTimeSpan = config.SessionLifetime;
    }

    private static void Apply(OpenIdConnectOptions options, OidcConfig config)
    {
        options.SignInScheme = BrowserSession.SchemeName;
        options.Authority = config.Authority;
        options.RequireHttpsMetadata = new Uri(config.Authority).Scheme == Uri.UriSchemeHttps;
        options.BackchannelTimeout = JwtSetup.ProviderTimeout;
        options.ClientId = config.ClientId;
        options.ResponseType = OpenIdConnectResponseType.Code;
        options.ResponseMode = OpenIdConnectResponseMode.Query; // a form of another site would come without cookies
        options.UsePkce = true;
        options.PushedAuthorizationBehavior = PushedAuthorizationBehavior.Disable; // it would need the secret early
        options.MapInboundClaims = false;
        options.GetClaimsFromUserInfoEndpoint = false;
        options.CallbackPath = SignInPages.Callback;
        options.SignedOutCallbackPath = SignInPages.SignedOutCallback;
        options.SignedOutRedirectUri = SignInPages.SignIn;
        options.RemoteSignOutPath = default; // a page within a page of the provider has no cookies
        options.RemoteAuthenticationTimeout = LongestSignIn;
        options.ProtocolValidator.NonceLifetime = LongestSignIn;
        foreach (var cookie in new[] { options.CorrelationCookie, options.NonceCookie })
        {
            cookie.SameSite = SameSiteMode.Lax;
            cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
        }
        options.CorrelationCookie.Name = "heimdall_state.";
        options.NonceCookie.Name = "heimdall_nonce.";
        options.Scope.Clear();
        foreach (var scope in config.Scopes)
        {
            options.Scope.Add(scope);
        }
        options.TokenValidationParameters = JwtSetup.RulesFor(config.ClientId);
        options.Events = new OpenIdConnectEvents
        {
            OnRedirectToIdentityProvider = context =>
            {
                var now = context.HttpContext.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();
                context.Properties.Items[BegunAt] = now.ToString("O", CultureInfo.InvariantCulture);
                return Task.CompletedTask;
            },
            OnMessageReceived = context =>
            {
                RefuseLate(context);
                return Task.CompletedTask;
            },
            OnAuthorizationCodeReceived = context =>
            {
                // Resolved for this one request: the file of the secret may have been replaced.
                context.TokenEndpointRequest!.ClientSecret =
                    config.ClientSecret is { } secret ? SecretReferences.Resolve(secret) : null;
                return Task.CompletedTask;
            },
            OnTokenValidated = context =>
            {
                TakeUser(context, config);
                return Task.CompletedTask;
            },
            OnAccessDenied = context =>
            {
                context.HandleResponse();
                return RefuseAsync(context.HttpContext, SignInProblem.Denied, "access_denied");
            },
            OnRemoteFailure = context =>
            {
                context.HandleResponse();
                return RefuseAsync(
                    context.HttpContext, SignInProblems.Of(context.Failure), Describe(context.Failure));
            },
        };
    }

    /// <summary>The browser forgets a sign-in that takes too long. One that was kept is refused here.</summary>
    private static void RefuseLate(MessageReceivedContext context)
    {
        var now = context.HttpContext.RequestServices.GetRequiredService<TimeProvider>().GetUtcNow();
        if (context.Properties?.Items.TryGetValue(BegunAt, out var begun) != true
            || !DateTimeOffset.TryParse(begun, CultureInfo.InvariantCulture, out var at) || at + LongestSignIn < now)
        {
            context.Fail(new SignInRefusedException(
                SignInProblem.State, "It belongs to no sign-in here, or to one that took too long."));
        }
    }

    /// <summary>Of the token there remain its claims, and itself for the sign-out at the provider.</summary>
    private static void TakeUser(TokenValidatedContext context, OidcConfig config)
    {
        // Of a token that comes for a code the framework checks a signature, and lets one pass that has none.
        if (context.TokenEndpointResponse?.IdToken is not { } token || token.Split('.') is not [_, _, { Length: > 0 }])
        {
            context.Fail(new SignInRefusedException(SignInProblem.Token, "The ID token is not signed."));
            return;
        }
        var (caller, refusal) = CallerClaims.Read(
            context.Principal!, config.UserClaim, config.RolesClaim, Credentials.Oidc);
        if (caller is null)
        {
            context.Fail(new SignInRefusedException(SignInProblem.User, $"The ID token {refusal}."));
            return;
        }
        context.Principal = caller;
        context.Properties!.StoreTokens(
            [new AuthenticationToken { Name = OpenIdConnectParameterNames.IdToken, Value = token }]);
    }

    /// <summary>Records why, counts it as wrong credentials, and leads to the page that tells the user.</summary>
    private static async Task RefuseAsync(HttpContext context, SignInProblem problem, string why)
    {
        var services = context.RequestServices;
        var isTooMany = problem != SignInProblem.Provider
            && services.GetRequiredService<WrongCredentials>().Count(context.Connection.RemoteIpAddress) is not null;
        if (!isTooMany)
        {
            await services.GetRequiredService<SignInAudit>().RefuseAsync(context, problem, why);
        }
        SignInEndpoints.GoToProblem(context, isTooMany ? SignInProblem.TooMany : problem);
    }

    /// <summary>For the log. Of tokens only the kind of fault: the framework's messages may show them.</summary>
    private static string Describe(Exception? failure) => failure switch
    {
        null => "unknown",
        SecurityTokenException or ArgumentException => failure.GetType().Name,
        _ => ToLine($"{failure.GetType().Name}: {failure.Message}"),
    };

    private static string ToLine(string text) => string.Concat(
        text.Take(LongestReason).Select(letter => char.IsControl(letter) ? ' ' : letter));
}
