using System.Globalization;
using Heimdall.Api.Callers;
using Heimdall.Api.Origins;
using Heimdall.Core.Configuration;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.Authentication.OpenIdConnect;
using Microsoft.IdentityModel.Protocols.OpenIdConnect;
using Microsoft.IdentityModel.Tokens;

namespace Heimdall.Api.SignIn;

/// <summary>
/// The sign-in of browsers by the framework's handler: authorization code with PKCE, state and nonce. What it cannot
/// know is decided here: who the user is, what is recorded, and which message is shown.
/// </summary>
internal static class SignInSetup
{
    public const string SchemeName = "Oidc";

    private const string BegunAt = "begun_at";

    /// <summary>Of the count of codes that were of no use: for each of them the provider was asked.</summary>
    private const string WrongCodes = "wrong_codes";

    private const int LongestReason = 300;

    /// <summary>In bytes. It has the ID token, of which the provider decides how long it is.</summary>
    private const int LongestTicket = 200_000;

    /// <summary>In an address. Providers and what stands before them refuse longer ones.</summary>
    private const int LongestHint = 2000;

    private static readonly object _asksProvider = new();

    /// <summary>How long somebody may take at the provider.</summary>
    private static readonly TimeSpan LongestSignIn = TimeSpan.FromMinutes(15);

    public static void AddSignIn(this IServiceCollection services, OidcConfig? config)
    {
        services.AddSingleton<SessionStore>();
        services.AddSingleton<SignInAudit>();
        services.AddSingleton<SignInProvider>();
        if (config is null)
        {
            return;
        }
        services.AddSingleton<SessionTickets>();
        services.AddKeyedSingleton<WrongCredentials>(WrongCodes);
        services.AddSingleton<SessionCookieFormat>();
        services.AddOptions<CookieAuthenticationOptions>(BrowserSession.SchemeName)
            .Configure<SessionTickets, SessionCookieFormat>((options, tickets, format) =>
            {
                options.SessionStore = tickets;
                options.TicketDataFormat = format;
            });
        // It logs what a browser has sent and exceptions with what the provider said; what matters is logged by us.
        services.AddLogging(logging => logging
            .AddFilter("Microsoft.AspNetCore.Authentication.OpenIdConnect", LogLevel.None)
            .AddFilter("Microsoft.AspNetCore.Authentication.Cookies", LogLevel.None));
        services.AddAuthentication()
            .AddCookie(BrowserSession.SchemeName, options => Apply(options, config))
            .AddOpenIdConnect(SchemeName, options => Apply(options, config));
    }

    private static void Apply(CookieAuthenticationOptions options, OidcConfig config)
    {
        options.Cookie.Name = SessionCookie.Name;
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
        options.BackchannelHttpHandler = new ProviderReplies();
        options.ClientId = config.ClientId;
        options.ResponseType = OpenIdConnectResponseType.Code;
        options.ResponseMode = OpenIdConnectResponseMode.Query; // a form of another site would come without cookies
        options.UsePkce = true;
        options.PushedAuthorizationBehavior = PushedAuthorizationBehavior.Disable; // it would need the secret early
        options.MapInboundClaims = false;
        options.GetClaimsFromUserInfoEndpoint = false;
        options.ClaimActions.Clear(); // they take away acr, iss and others, which a bearer token keeps
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
                if (CodesOf(context.HttpContext).HasSentMost(context.HttpContext.Connection.RemoteIpAddress))
                {
                    context.Fail(new SignInRefusedException(SignInProblem.TooMany, "Too many codes were of no use."));
                    return Task.CompletedTask;
                }
                context.HttpContext.Items[_asksProvider] = true;
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
                return RefuseAsync(context.HttpContext, SignInProblem.Denied, "access_denied", isFault: true);
            },
            OnRemoteFailure = context =>
            {
                context.HandleResponse();
                return RefuseAsync(
                    context.HttpContext, SignInProblems.Of(context.Failure), Describe(context.Failure),
                    !SignInProblems.IsAway(context.Failure));
            },
            OnRedirectToIdentityProviderForSignOut = context =>
            {
                context.ProtocolMessage.ClientId = config.ClientId;
                if (context.ProtocolMessage.IdTokenHint is { Length: > LongestHint })
                {
                    context.ProtocolMessage.IdTokenHint = null;
                }
                return Task.CompletedTask;
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
        var ticket = new AuthenticationTicket(caller, context.Properties, BrowserSession.SchemeName);
        if (TicketSerializer.Default.Serialize(ticket).Length > LongestTicket)
        {
            context.Fail(new SignInRefusedException(SignInProblem.User, "The ID token is too long."));
        }
    }

    private static WrongCredentials CodesOf(HttpContext context) =>
        context.RequestServices.GetRequiredKeyedService<WrongCredentials>(WrongCodes);

    /// <summary>Records why, counts it as wrong credentials, and leads to the page that tells the user.</summary>
    /// <param name="context">The request.</param>
    /// <param name="problem">Why, in a word.</param>
    /// <param name="why">For the log.</param>
    /// <param name="isFault">Whether it counts: not where the provider is away.</param>
    private static async Task RefuseAsync(HttpContext context, SignInProblem problem, string why, bool isFault)
    {
        var (services, address) = (context.RequestServices, context.Connection.RemoteIpAddress);
        var isCanceled = context.RequestAborted.IsCancellationRequested;
        if (context.Items.ContainsKey(_asksProvider) && (isFault || isCanceled))
        {
            CodesOf(context).Count(address);
        }
        if (isCanceled)
        {
            return;
        }
        var isTooMany = problem == SignInProblem.TooMany
            || (isFault && services.GetRequiredService<WrongCredentials>().Count(address) is not null);
        if (!isTooMany)
        {
            await services.GetRequiredService<SignInAudit>().RefuseAsync(context, problem, why);
        }
        SignInEndpoints.GoToProblem(context, isTooMany ? SignInProblem.TooMany : problem);
    }

    /// <summary>
    /// For the log: what the provider says itself. Of tokens and of the protocol only the kind of fault, as the
    /// framework's messages may show them.
    /// </summary>
    private static string Describe(Exception? failure) => failure switch
    {
        null => "unknown",
        OpenIdConnectProtocolException when failure.Data["error"] is string error =>
            ToLine($"{error}: {failure.Data["error_description"]}"),
        SignInRefusedException or SecretReferenceException or HttpRequestException or IOException =>
            ToLine($"{failure.GetType().Name}: {failure.Message}"),
        _ => failure.GetType().Name,
    };

    private static string ToLine(string text) => string.Concat(
        text.Take(LongestReason).Select(letter => char.IsControl(letter) ? ' ' : letter));
}
