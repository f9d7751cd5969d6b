namespace Heimdall.Api.SignIn;

/// <summary>
/// A provider that fails has not answered. The framework would take what it sends then for its answer, and a fault of
/// the provider for one of the browser.
/// </summary>
internal sealed class ProviderReplies() : DelegatingHandler(new SocketsHttpHandler())
{
    protected override async Task<HttpResponseMessage> SendAsync(
        HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var response = await base.SendAsync(request, cancellationToken);
        if ((int)response.StatusCode < StatusCodes.Status500InternalServerError)
        {
            return response;
        }
        using (response)
        {
            throw new HttpRequestException(
                $"The identity provider answers {(int)response.StatusCode}.", inner: null, response.StatusCode);
        }
    }
}
