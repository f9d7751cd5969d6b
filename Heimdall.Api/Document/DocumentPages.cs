using Heimdall.Api.Descriptions;
using Heimdall.Api.Requests;
using Scalar.AspNetCore;

namespace Heimdall.Api.Document;

/// <summary>
/// <c>/docs</c>: the OpenAPI document as pages, by Scalar. Its files come from here, and the browser is allowed to
/// reach nothing else.
/// </summary>
internal static class DocumentPages
{
    // Scalar makes styles as it runs, which its nonce does not reach.
    private const string PolicyBehindNonce =
        "style-src 'self' 'unsafe-inline'; img-src 'self' data:; font-src 'self' data:; connect-src 'self'; "
        + "worker-src 'self' blob:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

    public static void MapDocumentPages(this WebApplication app, IEndpointRouteBuilder endpoints)
    {
        app.Use((context, next) =>
        {
            if (context.Request.Path.StartsWithSegments(DocumentAddress.Pages, StringComparison.Ordinal))
            {
                context.Response.OnStarting(Restrict, context);
            }
            return next(context);
        });
        endpoints.MapScalarApiReference(DocumentAddress.Pages, (options, context) => options
            .WithTitle("Heimdall: REST API")
            .WithOpenApiRoutePattern(context.Request.PublicPathOf(DocumentAddress.Document))
            .WithNonce()
            .DisableDefaultFonts()
            .HideDeveloperTools()
            .HideClientButton()
            .DisableTelemetry()
            .DisableAgent()
            .DisableMcp());
    }

    private static Task Restrict(object state)
    {
        var context = (HttpContext)state;
        var nonce = context.Items[ScalarOptions.NonceHttpContextItemKey] as string;
        var scripts = nonce is null ? "script-src 'none'" : $"script-src 'self' 'nonce-{nonce}'";
        context.Response.Headers.ContentSecurityPolicy = $"default-src 'none'; {scripts}; {PolicyBehindNonce}";
        context.Response.Headers["Referrer-Policy"] = "same-origin";
        return Task.CompletedTask;
    }
}
