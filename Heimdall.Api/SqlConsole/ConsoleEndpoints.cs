using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Problems;
using Heimdall.Api.Rights;
using Heimdall.SqlConsole;
using Microsoft.Extensions.Primitives;
using Microsoft.Net.Http.Headers;

namespace Heimdall.Api.SqlConsole;

/// <summary>
/// <c>/console</c>: a page in the dashboard's frame that calls the REST API as any other client does. It is sent whole,
/// and nothing is kept here for a page that is open.
/// </summary>
internal static class ConsoleEndpoints
{
    private const string Path = AccessTable.Console;
    private const string Files = $"{Path}/files";

    public static void MapConsole(this WebApplication app, IEndpointRouteBuilder endpoints)
    {
        app.UseSecurityHeaders(Path);
        endpoints.MapGet(Path, SendPageAsync).ExcludeFromDescription();
        endpoints.MapGet($"{Files}/{{**path}}", SendFileAsync).ExcludeFromDescription();
    }

    private static Task SendPageAsync(HttpContext context) =>
        PageFrame.SendAsync(context, new PageContent("Console", Markup.OfOwn(ConsoleFiles.ReadPage()))
        {
            Head = Markup.Of($"""
                <link rel="stylesheet" href="{AddressOf(context, "console.css")}">
                <script type="module" src="{AddressOf(context, "app.js")}"></script>
                """),
            Attributes = Markup.Of(
                $"""
                 class="hc-main" data-root="{PageFrame.AddressOf(context, "")}" data-files="{AddressOf(context, "")}"
                 data-user="{context.Caller().Name}"
                """),
        });

    private static async Task<IResult> SendFileAsync(HttpContext context, string path)
    {
        if (path.Split('/', 2) is not [var version, var name] || version != ConsoleFiles.Version
            || ConsoleFiles.Open(name) is not { } file)
        {
            return Problem.NotFound("The console has no such file, or has another version of it by now.");
        }
        await using (file)
        {
            var (request, response) = (context.Request, context.Response);
            response.ContentType = ConsoleFiles.ContentTypeOf(name);
            response.Headers.CacheControl = PageFiles.KeptForever;
            response.Headers.Append(HeaderNames.Vary, HeaderNames.AcceptEncoding);
            if (!TakesGzip(request.Headers.AcceptEncoding))
            {
                response.ContentLength = file.Length;
                await file.CopyToAsync(response.Body, context.RequestAborted);
                return Results.Empty;
            }
            var bytes = ConsoleFiles.OpenCompressed(name);
            response.Headers.ContentEncoding = "gzip";
            response.ContentLength = bytes.Length;
            await response.Body.WriteAsync(bytes, context.RequestAborted);
            return Results.Empty;
        }
    }

    private static bool TakesGzip(StringValues accepted) =>
        StringWithQualityHeaderValue.TryParseList(accepted, out var codings)
        && codings.Any(
            coding => coding.Value.Equals("gzip", StringComparison.OrdinalIgnoreCase) && coding.Quality != 0);

    private static string AddressOf(HttpContext context, string file) =>
        PageFrame.AddressOf(context, $"{Files}/{ConsoleFiles.Version}/{file}");
}
