using System.Diagnostics;
using System.Net;
using System.Net.Http.Headers;
using System.Net.Sockets;
using System.Text.Json;

namespace Heimdall.Client;

/// <summary>Sends requests, and repeats those that may be repeated.</summary>
internal sealed class HeimdallConnection : IDisposable
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(5);
    private static readonly JsonDocumentOptions Deep = new() { MaxDepth = 4096 };

    private readonly HttpClient _http;
    private readonly TimeSpan _retryFor;

    public HeimdallConnection(HeimdallOptions options)
    {
        var address = options.Address;
        if (!address.IsAbsoluteUri || address.Scheme is not ("http" or "https")
            || address.Query.Length + address.Fragment.Length + address.UserInfo.Length > 0)
        {
            throw new ArgumentException(
                "The address must be that of Heimdall's API without query and user, "
                + "such as https://example.com/heimdall.",
                nameof(options));
        }
        if (options.Key is { } key && (key.Length == 0 || !key.All(character => character is > ' ' and <= '~')))
        {
            throw new ArgumentException("The key must be printable ASCII without blanks.", nameof(options));
        }
        _retryFor = options.RetryFor;
        _http = new HttpClient(options.Handler ?? CreateHandler(), disposeHandler: options.Handler is null)
        {
            BaseAddress = new Uri($"{address.AbsoluteUri.TrimEnd('/')}/api/v1/"),
            Timeout = Timeout.InfiniteTimeSpan, // each request has its own
        };
        if (options.Key is not null)
        {
            _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", options.Key);
        }
    }

    public Uri Address => _http.BaseAddress!;

    /// <summary>The reply. Its body is not yet read where it is to be streamed.</summary>
    /// <exception cref="HeimdallException">Heimdall refused the request, or did not answer.</exception>
    public async Task<HttpResponseMessage> SendAsync(ApiRequest request, CancellationToken cancellationToken)
    {
        var started = Stopwatch.GetTimestamp();
        for (var backOff = FirstPause; ; backOff = backOff < LongestPause ? backOff * 2 : LongestPause)
        {
            var (response, failure) = await TryAsync(request, cancellationToken);
            if (response is not null)
            {
                return response;
            }
            // Not all clients at once, and never without a pause: a proxy may ask for one of 0 seconds.
            var pause = backOff * (0.5 + (Random.Shared.NextDouble() / 2));
            if (failure!.RetryAfter is { } asked && asked > pause)
            {
                pause = asked;
            }
            if (!failure.Retryable || (failure.MayHaveTakenEffect && !request.IsRepeatable)
                || Stopwatch.GetElapsedTime(started) + pause > _retryFor)
            {
                throw failure;
            }
            await Task.Delay(pause, cancellationToken);
        }
    }

    /// <summary>Sends a request and reads the JSON of the reply.</summary>
    public async Task<JsonElement> ReadAsync(ApiRequest request, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(request, cancellationToken);
        return await ReadAsync(response, cancellationToken);
    }

    public async Task<JsonElement> ReadAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        try
        {
            await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
            using var document = await JsonDocument.ParseAsync(body, Deep, cancellationToken);
            return document.RootElement.Clone();
        }
        catch (JsonException e)
        {
            throw HeimdallException.Foreign(Address, response.StatusCode, e);
        }
    }

    /// <summary>Sends a request and copies the body of the reply as it comes.</summary>
    /// <returns>The job of the reply; null where it names none.</returns>
    public async Task<Guid?> CopyAsync(ApiRequest request, Stream target, CancellationToken cancellationToken)
    {
        using var response = await SendAsync(request, cancellationToken);
        if (response.Content.Headers.ContentType?.MediaType != request.Accept)
        {
            throw HeimdallException.Foreign(Address, response.StatusCode);
        }
        Guid? jobId = response.Headers.TryGetValues("Heimdall-Job-Id", out var named)
            && Guid.TryParse(named.First(), out var id) ? id : null;
        await CopyAsync(response, target, jobId, cancellationToken);
        return jobId;
    }

    /// <summary>Copies the body of a reply as it comes.</summary>
    public async Task CopyAsync(
        HttpResponseMessage response, Stream target, Guid? jobId, CancellationToken cancellationToken)
    {
        await using var body = await response.Content.ReadAsStreamAsync(cancellationToken);
        var buffer = new byte[64 * 1024];
        while (await ReadAsync(body, buffer, jobId, cancellationToken) is > 0 and var length)
        {
            await target.WriteAsync(buffer.AsMemory(0, length), cancellationToken);
        }
    }

    private async ValueTask<int> ReadAsync(
        Stream body, byte[] buffer, Guid? jobId, CancellationToken cancellationToken)
    {
        try
        {
            return await body.ReadAsync(buffer, cancellationToken);
        }
        catch (Exception e) when (e is IOException or HttpRequestException)
        {
            throw HeimdallException.NoAnswer(Address, e, neverSent: false, jobId);
        }
    }

    /// <summary>What a successful reply has, or an exception where it is no reply of Heimdall.</summary>
    public T Interpret<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (Exception e) when (e is InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw HeimdallException.Foreign(Address, HttpStatusCode.OK, e);
        }
    }

    public void Dispose() => _http.Dispose();

    private static SocketsHttpHandler CreateHandler() => new()
    {
        AllowAutoRedirect = false, // a key goes nowhere else
        UseCookies = false,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = TimeSpan.FromMinutes(5), // addresses change
        // Rows that are not wanted are not read to their end: the connection is closed, and that cancels the query.
        MaxResponseDrainSize = 0,
        ConnectCallback = async (context, cancellationToken) =>
        {
            var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
            try
            {
                // A long query is silent: only this notices that the other machine is gone.
                socket.SetSocketOption(SocketOptionLevel.Socket, SocketOptionName.KeepAlive, true);
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveTime, 30);
                socket.SetSocketOption(SocketOptionLevel.Tcp, SocketOptionName.TcpKeepAliveInterval, 10);
                await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        },
    };

    private async Task<(HttpResponseMessage? Response, HeimdallException? Failure)> TryAsync(
        ApiRequest request, CancellationToken cancellationToken)
    {
        using var deadline = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        deadline.CancelAfter(request.Timeout);
        try
        {
            using var message = request.ToMessage();
            var until = request.IsStreamed
                ? HttpCompletionOption.ResponseHeadersRead
                : HttpCompletionOption.ResponseContentRead;
            var response = await _http.SendAsync(message, until, deadline.Token);
            if (response.IsSuccessStatusCode)
            {
                return (response, null);
            }
            using (response)
            {
                return (null, await HeimdallException.ReadAsync(Address, response, deadline.Token));
            }
        }
        catch (HttpRequestException e)
        {
            var neverSent = e.HttpRequestError
                is HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError
                or HttpRequestError.SecureConnectionError or HttpRequestError.ProxyTunnelError;
            return (null, HeimdallException.NoAnswer(Address, e, neverSent));
        }
        catch (OperationCanceledException e) when (
            e.InnerException is TimeoutException && !deadline.IsCancellationRequested)
        {
            // The time to connect is over: nothing was sent.
            var unconnected = new TimeoutException("no connection in time.", e);
            return (null, HeimdallException.NoAnswer(Address, unconnected, neverSent: true));
        }
        catch (OperationCanceledException e) when (!cancellationToken.IsCancellationRequested)
        {
            var silent = new TimeoutException($"no answer within {request.Timeout.TotalSeconds:0} seconds.", e);
            return (null, HeimdallException.NoAnswer(Address, silent, neverSent: false));
        }
    }
}

/// <summary>What is sent, as often as it takes.</summary>
/// <param name="Method">The method.</param>
/// <param name="Path">Relative to the address of the API.</param>
/// <param name="Body">JSON; the same bytes each time.</param>
internal sealed record ApiRequest(HttpMethod Method, string Path, byte[]? Body = null)
{
    /// <summary>A longer body goes off when the server has agreed to it: it may be longer than it takes.</summary>
    private const int LongestUnasked = 256 * 1024;

    private readonly bool? _isRepeatable;

    /// <summary>A script in place of a body, read from its beginning each time.</summary>
    public Stream? Script { get; init; }

    public string Accept { get; init; } = "application/json";

    public string? Prefer { get; init; }

    public string? IdempotencyKey { get; init; }

    public string? LastEventId { get; init; }

    public string? IfMatch { get; init; }

    public string? IfNoneMatch { get; init; }

    /// <summary>Whether the body of the reply is read as it comes.</summary>
    public bool IsStreamed { get; init; }

    /// <summary>Until the reply is there, or its headers where it is streamed.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(100);

    /// <summary>Whether twice does no harm.</summary>
    public bool IsRepeatable
    {
        get => _isRepeatable ?? (Method != HttpMethod.Post || IdempotencyKey is not null);
        init => _isRepeatable = value;
    }

    public HttpRequestMessage ToMessage()
    {
        var message = new HttpRequestMessage(Method, Path);
        message.Headers.TryAddWithoutValidation("Accept", Accept);
        Add("Prefer", Prefer);
        Add("Idempotency-Key", IdempotencyKey);
        Add("Last-Event-ID", LastEventId);
        Add("If-Match", IfMatch);
        Add("If-None-Match", IfNoneMatch);
        if (Body is not null)
        {
            message.Content = new ByteArrayContent(Body);
            message.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
            message.Headers.ExpectContinue = Body.Length > LongestUnasked ? true : null;
        }
        if (Script is not null)
        {
            message.Content = new PackedContent(Script);
            message.Content.Headers.ContentType = new MediaTypeHeaderValue(HeimdallMediaTypes.Sql);
            message.Headers.ExpectContinue = Script.Length > LongestUnasked ? true : null;
        }
        return message;

        void Add(string name, string? value)
        {
            if (value is not null)
            {
                message.Headers.TryAddWithoutValidation(name, value);
            }
        }
    }
}
