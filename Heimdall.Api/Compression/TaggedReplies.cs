using Microsoft.AspNetCore.ResponseCompression;
using Microsoft.Extensions.Options;

namespace Heimdall.Api.Compression;

/// <summary>
/// Leaves replies with a strong ETag as they are: it stands for the very bytes (RFC 9110, 8.8.1), which are others when
/// they are compressed.
/// </summary>
internal sealed class TaggedReplies(IServiceProvider services, IOptions<ResponseCompressionOptions> options)
    : ResponseCompressionProvider(services, options)
{
    public override bool ShouldCompressResponse(HttpContext context) =>
        context.Response.GetTypedHeaders().ETag is not { IsWeak: false } && base.ShouldCompressResponse(context);
}
