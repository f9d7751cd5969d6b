using System.IO.Compression;
using Microsoft.AspNetCore.ResponseCompression;

namespace Heimdall.Api.Compression;

internal static class CompressionServiceCollectionExtensions
{
    /// <summary>Compresses replies for callers that ask for it (<c>Accept-Encoding</c>). What is sent in pieces still leaves as it comes.</summary>
    public static IServiceCollection AddReplyCompression(this IServiceCollection services)
    {
        services.Configure<BrotliCompressionProviderOptions>(options => options.Level = CompressionLevel.Fastest);
        services.Configure<GzipCompressionProviderOptions>(options => options.Level = CompressionLevel.Fastest);
        services.AddResponseCompression(options =>
        {
            // The cheapest first: it is taken when all are the same to the caller.
            options.Providers.Add<ZstdCompressionProvider>();
            options.Providers.Add<BrotliCompressionProvider>();
            options.Providers.Add<GzipCompressionProvider>();
            options.MimeTypes =
            [
                "application/json", "application/x-ndjson", "application/problem+json", "text/csv", "text/plain",
                "application/vnd.apache.arrow.stream",
                "text/html", "text/css", "text/javascript", "application/javascript",
            ];
            // No reply has a secret beside something that a stranger can choose: callers name themselves by a header,
            // not by a cookie. The token of a form is encrypted anew each time, so its length and bytes say nothing.
            options.EnableForHttps = true;
        });
        return services.AddSingleton<IResponseCompressionProvider, TaggedReplies>();
    }
}
