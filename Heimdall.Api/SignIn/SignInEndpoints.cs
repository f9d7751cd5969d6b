using Heimdall.Api.Callers;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Origins;
using Heimdall.Api.Problems;
using Heimdall.Api.Requests;
using Heimdall.Core.Configuration;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.SignIn;

/// <summary>
/// <c>/signin</c> and <c>/signout</c>: pages for browsers. The two addresses to which the provider sends browsers back
/// are answered by the framework's handler; here they are for those who come there without a sign-in.
/// </summary>
internal static class SignInEndpoints
{
    private const string Problem = "problem";

    public static void MapSignIn(this WebApplication app, IEndpointRouteBuilder endpoints)
    {
        app.UseSecurityHeaders(SignInPages.SignIn);
        app.UseSecurityHeaders(SignInPages.SignOut);
        endpoints.MapGet(SignInPages.SignIn, ShowAsync).ExcludeFromDescription();
        endpoints.MapGet(SignInPages.Start, StartAsync).ExcludeFromDescription();
        endpoints.MapGet(SignInPages.Key, TakeKey).ExcludeFromDescription();
        endpoints.MapPost(SignInPages.SignOut, SignOutAsync).ExcludeFromDescription();
    }

    /// <summary>
    /// The provider sends browsers back by GET. The framework would read a form there too, without a look at what came.
    /// </summary>
    public static void UseSignInReplies(this WebApplication app) => app.Use((context, next) =>
    {
        var request = context.Request;
        if ((request.Path != SignInPages.Callback && request.Path != SignInPages.SignedOutCallback)
            || context.RequestServices.GetService<SessionCookieFormat>() is not { } cookies)
        {
            return next(context);
        }
        if (HttpMethods.IsGet(request.Method))
        {
            cookies.NeedKeys(); // for the state, which is protected too
            return next(context);
        }
        context.Response.Headers.Allow = HttpMethods.Get;
        return Problems.Problem.Of(
            StatusCodes.Status405MethodNotAllowed, "method-not-allowed", "Not with this method.",
            $"{request.Path} does not take {request.Method}. It takes GET.").ExecuteAsync(context);
    });

    /// <summary>Sends a browser to the page that tells why a sign-in was refused.</summary>
    public static void GoToProblem(HttpContext context, SignInProblem problem) => context.Response.Redirect(
        context.Request.PublicPathOf($"{SignInPages.SignIn}?{Problem}={problem.ToWord()}"));

    private static async Task<IResult> ShowAsync(HttpContext context, AuthConfig config, KnownCallers known)
    {
        if (config.Oidc is null)
        {
            return None();
        }
        var session = await context.AuthenticateAsync(BrowserSession.SchemeName);
        return SignInPage.Of(context, new SignInPageContent
        {
            User = session.Principal?.Identity?.Name,
            Wanted = SignInPages.ReadReturn(context.Request),
            HasKeys = known.Config.ApiKeys.Length > 0,
            Problem = SignInProblems.Find(context.Request.Query[Problem])?.ToSentence(),
        });
    }

    private static async Task<IResult> StartAsync(
        HttpContext context, AuthConfig config, KnownCallers known, SignInProvider provider)
    {
        if (config.Oidc is null)
        {
            return None();
        }
        var wanted = SignInPages.ReadReturn(context.Request);
        if (await provider.FindAsync(context.RequestAborted) is null)
        {
            context.Response.Headers.RetryAfter = "10";
            return SignInPage.Of(context, new SignInPageContent
            {
                Status = StatusCodes.Status503ServiceUnavailable,
                Wanted = wanted,
                HasKeys = known.Config.ApiKeys.Length > 0,
                Problem = SignInProblem.Provider.ToSentence(),
            });
        }
        SignInPages.ForgetKey(context);
        return TypedResults.Challenge(
            new AuthenticationProperties { RedirectUri = context.Request.PublicPathOf(wanted) },
            [SignInSetup.SchemeName]);
    }

    /// <summary>Pages ask this browser for a key from now on, if it has shown one of its own accord.</summary>
    private static IResult TakeKey(HttpContext context, AuthConfig config)
    {
        if (config.Oidc is null)
        {
            return None();
        }
        if (context.User.Identity?.AuthenticationType == Credentials.Key && !CrossSite.IsFromElsewhere(context.Request))
        {
            SignInPages.ChooseKey(context);
        }
        return TypedResults.Redirect(context.Request.PublicPathOf(SignInPages.ReadReturn(context.Request)));
    }

    private static async Task<IResult> SignOutAsync(
        HttpContext context, AuthConfig config, KnownCallers known, SignInProvider provider)
    {
        if (config.Oidc is null)
        {
            return None();
        }
        SignInPages.ForgetKey(context);
        var session = await context.AuthenticateAsync(BrowserSession.SchemeName);
        if (session.Principal?.Identity?.Name is { } user)
        {
            SignInAudit.SetWhoSignsOut(context, user);
        }
        await context.SignOutAsync(BrowserSession.SchemeName);
        var next = session.Succeeded
            && await provider.FindAsync(context.RequestAborted) is { EndSessionEndpoint.Length: > 0 }
                ? await AskProviderAsync(context)
                : null;
        return SignInPage.Of(context, new SignInPageContent
        {
            Wanted = SignInPages.Home,
            HasKeys = known.Config.ApiKeys.Length > 0,
            IsSignedOut = true,
            Next = next,
        });
    }

    /// <summary>
    /// The address at which the session at the provider is ended. The framework would redirect there, and browsers do
    /// not let a form of ours lead to another host; so the page does.
    /// </summary>
    private static async Task<string?> AskProviderAsync(HttpContext context)
    {
        var response = context.Response;
        await context.SignOutAsync(
            SignInSetup.SchemeName,
            new AuthenticationProperties { RedirectUri = context.Request.PublicPathOf(SignInPages.SignIn) });
        var next = response.Headers.Location.ToString();
        response.Headers.Remove("Location");
        response.StatusCode = StatusCodes.Status200OK;
        return next.Length > 0 ? next : null;
    }

    private static ProblemHttpResult None() =>
        Problems.Problem.NotFound("Nobody signs in here: auth.oidc is not configured.");
}
