namespace Heimdall.Client;

/// <summary>Where Heimdall is, and how it is called.</summary>
public sealed record HeimdallOptions
{
    /// <summary>The address of the API without <c>/api/v1</c>. It may have a path.</summary>
    public required Uri Address { get; init; }

    /// <summary>The API key; null where Heimdall asks for none.</summary>
    public string? Key { get; init; }

    /// <summary>How long a request that may be repeated is repeated. Default: 30 seconds.</summary>
    public TimeSpan RetryFor { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Sends the requests, such as a handler with a proxy or a client certificate. The client does not dispose it.
    /// Default: one of its own.
    /// </summary>
    public HttpMessageHandler? Handler { get; init; }
}
