using System.Text;
using Heimdall.Api.Callers;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Requests;

namespace Heimdall.Api.SignIn;

/// <summary>The page of the sign-in. Nobody is known there: it has its few styles within it, and no script.</summary>
internal static class SignInPage
{
    private const string Styles = """
        :root { color-scheme: light dark; }
        body { margin: 0; font: 16px/1.5 system-ui, sans-serif; background: #f3f5f7; color: #1b2733; }
        main { max-width: 26rem; margin: 12vh auto; padding: 2rem; background: #fff; border-radius: 8px; }
        h1 { margin: 0 0 1rem; font-size: 1.4rem; }
        p { overflow-wrap: anywhere; }
        .problem { padding: .75rem; border-left: 4px solid #b3261e; background: #fbe9e7; color: #5c1410; }
        .act { display: block; width: 100%; box-sizing: border-box; margin-top: .75rem; padding: .6rem 1rem; border: 0;
          border-radius: 6px; background: #1f5f99; color: #fff; font: inherit; text-align: center;
          text-decoration: none; cursor: pointer; }
        .other { background: #e3e8ed; color: #1b2733; }
        @media (prefers-color-scheme: dark) {
          body { background: #10161c; color: #dde5ec; }
          main { background: #1a232c; }
          .other { background: #2c3843; color: #dde5ec; }
          .problem { background: #3c1613; color: #f6d5d2; }
        }
        """;

    public static IResult Of(HttpContext context, SignInPageContent content)
    {
        context.Response.Headers.CacheControl = "no-store";
        return TypedResults.Content(
            Draw(context.Request, content).ToString(), "text/html", Encoding.UTF8, content.Status);
    }

    private static Markup Draw(HttpRequest request, SignInPageContent content) => Markup.Of($"""
        <!DOCTYPE html>
        <html lang="en">
        <head>
        <meta charset="utf-8">
        <meta name="viewport" content="width=device-width, initial-scale=1">
        <meta name="color-scheme" content="light dark">
        {Redirect(content)}
        <title>Sign in – Heimdall</title>
        <style>{Markup.OfOwn(Styles)}</style>
        </head>
        <body>
        <main>
        <h1>Heimdall</h1>
        {Tell(content)}
        {Act(request, content)}
        </main>
        </body>
        </html>

        """);

    /// <summary>Redirects without a script. A header could be too long for a proxy.</summary>
    private static Markup Redirect(SignInPageContent content) => content.Next is { } next
        ? Markup.Of($"""<meta http-equiv="refresh" content="0;url={next}">""")
        : Markup.Empty;

    private static Markup Tell(SignInPageContent content) => content switch
    {
        { Problem: { } problem } => Markup.Of($"""<p class="problem" role="alert">{problem}</p>"""),
        { Next: not null } =>
            Markup.Of($"""<p role="status">You are signed out here, and next at the identity provider.</p>"""),
        { IsSignedOut: true } => Markup.Of($"""<p role="status">You are signed out.</p>"""),
        { User: { } user } => Markup.Of($"""<p>You are signed in as <strong>{user}</strong>.</p>"""),
        _ => Markup.Of($"<p>Sign in to go on.</p>"),
    };

    private static Markup Act(HttpRequest request, SignInPageContent content)
    {
        if (content.Next is { } next)
        {
            return Link(next, "Go on", "act");
        }
        if (content.User is not null)
        {
            return Markup.Of($"""
                {Link(request.PublicPathOf(content.Wanted), "Go on", "act")}
                <form method="post" action="{request.PublicPathOf(SignInPages.SignOut)}">
                <button type="submit" class="act other">Sign out</button></form>
                """);
        }
        var start = request.PublicPathOf(SignInPages.AddressOf(SignInPages.Start, content.Wanted));
        var key = request.PublicPathOf(SignInPages.AddressOf(SignInPages.Key, content.Wanted));
        return Markup.Of($"""
            {Link(start, "Sign in with the identity provider", "act")}
            {(content.HasKeys ? Link(key, "Use an API key", "act other") : Markup.Empty)}
            """);
    }

    private static Markup Link(string address, string words, string style) =>
        Markup.Of($"""<a class="{style}" href="{address}">{words}</a>""");
}

/// <summary>What the page of the sign-in says.</summary>
internal sealed record SignInPageContent
{
    public int Status { get; init; } = StatusCodes.Status200OK;

    /// <summary>Who is signed in; null: nobody.</summary>
    public string? User { get; init; }

    /// <summary>The page to go to.</summary>
    public required string Wanted { get; init; }

    /// <summary>Whether there are API keys.</summary>
    public bool HasKeys { get; init; }

    /// <summary>Why a sign-in was refused.</summary>
    public string? Problem { get; init; }

    public bool IsSignedOut { get; init; }

    /// <summary>Where the browser goes by itself.</summary>
    public string? Next { get; init; }
}
