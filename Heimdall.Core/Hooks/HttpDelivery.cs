using System.Net;
using System.Net.Http.Headers;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using System.Text;
using Heimdall.Core.Configuration;
using Heimdall.Core.Database;

namespace Heimdall.Core.Hooks;

/// <summary>
/// Sends a message by HTTP: once, to where the configuration says, without following anybody elsewhere.
/// </summary>
internal sealed class HttpDelivery : IDisposable
{
    private const int MostReply = 1024;
    private const int MostHeaderKilobytes = 16;

    private static readonly TimeSpan ConnectionLife = TimeSpan.FromMinutes(2);

    private readonly string? _publicUrl;
    private readonly StoreClock _clock;
    private readonly HttpClient _client;

    public HttpDelivery(HeimdallConfig config, TargetGuard guard, StoreClock clock)
    {
        _publicUrl = config.Server.PublicUrl;
        _clock = clock;
        _client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseProxy = false, // a proxy would resolve the name by itself
            UseCookies = false,
            PooledConnectionLifetime = ConnectionLife, // then the name is looked up again
            ActivityHeadersPropagator = null, // the trace is ours: receivers are others
            MaxResponseHeadersLength = MostHeaderKilobytes,
            SslOptions = new SslClientAuthenticationOptions
            {
                // Both would ask hosts that hooks.allow does not name.
                CertificateChainPolicy = new X509ChainPolicy
                {
                    DisableCertificateDownloads = true,
                    RevocationMode = X509RevocationMode.NoCheck,
                },
            },
            ConnectCallback = async (context, cancellationToken) => new NetworkStream(
                await guard.ConnectAsync(context.DnsEndPoint.Host, context.DnsEndPoint.Port, cancellationToken),
                ownsSocket: true),
        })
        {
            Timeout = Timeout.InfiniteTimeSpan, // the caller has one for the whole attempt
        };
    }

    public void Dispose() => _client.Dispose();

    /// <exception cref="OperationCanceledException">The time for the attempt is over, or the process stops.</exception>
    public async Task<DeliveryAttempt> SendAsync(Receiver hook, HookMessage message, CancellationToken cancellationToken)
    {
        try
        {
            using var request = ToRequest(hook, message);
            using var answer = await _client.SendAsync(
                request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            var reply = await ReadAsync(answer.Content, cancellationToken);
            return ToAttempt(answer, reply);
        }
        catch (HttpRequestException exception)
        {
            return new DeliveryAttempt { Error = Describe(exception) };
        }
        catch (SecretReferenceException exception)
        {
            return new DeliveryAttempt { Error = exception.Message };
        }
    }

    private HttpRequestMessage ToRequest(Receiver hook, HookMessage message)
    {
        var isSlack = hook.Config.Kind == HookConfig.Slack;
        var body = isSlack ? SlackBody.Of(message, _publicUrl) : message.ToBody(_publicUrl);
        var request = new HttpRequestMessage(HttpMethod.Post, SecretReferences.Resolve(hook.Config.Url))
        {
            Content = new ByteArrayContent(body),
        };
        request.Content.Headers.ContentType = new MediaTypeHeaderValue("application/json") { CharSet = "utf-8" };
        request.Headers.UserAgent.Add(new ProductInfoHeaderValue("Heimdall", null));
        if (!isSlack)
        {
            var id = message.Id.ToString();
            var now = _clock.GetUtcNow();
            request.Headers.Add("webhook-id", id);
            request.Headers.Add("webhook-timestamp", WebhookSignature.TimestampOf(now));
            request.Headers.Add("webhook-signature", WebhookSignature.Sign(hook.Config.Secrets, id, now, body));
        }
        return request;
    }

    private DeliveryAttempt ToAttempt(HttpResponseMessage answer, string? reply)
    {
        var status = (int)answer.StatusCode;
        return new DeliveryAttempt
        {
            Status = status,
            Reply = reply,
            IsFinal = answer.StatusCode == HttpStatusCode.Gone,
            RetryAfter = answer.Headers.RetryAfter is { } asked ? asked.Delta ?? asked.Date - _clock.GetUtcNow() : null,
            Error = status switch
            {
                >= 200 and < 300 => null,
                >= 300 and < 400 => "The receiver sends Heimdall elsewhere, and redirects are not followed.",
                (int)HttpStatusCode.Gone => "The receiver wants no more of these messages.",
                _ => $"The receiver answered {status}.",
            },
        };
    }

    /// <summary>The status has said all that counts: a body that breaks off changes nothing.</summary>
    private static async Task<string?> ReadAsync(HttpContent content, CancellationToken cancellationToken)
    {
        var buffer = new byte[MostReply];
        var length = 0;
        try
        {
            await using var body = await content.ReadAsStreamAsync(cancellationToken);
            length = await body.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        }
        catch (Exception exception)
            when (exception is IOException or HttpRequestException or OperationCanceledException)
        {
            return null;
        }
        return length == 0
            ? null
            : Encoding.UTF8.GetString(buffer, 0, length).Replace('\0', ' ');
    }

    /// <summary>In words of our own: no exception's text goes into the store.</summary>
    private static string Describe(HttpRequestException exception)
    {
        for (Exception? inner = exception; inner is not null; inner = inner.InnerException)
        {
            switch (inner)
            {
                case TargetRefusedException refused:
                    return refused.Message;
                case AuthenticationException:
                    return "TLS failed: the receiver's certificate is not valid, or the versions do not fit.";
                case SocketException
                {
                    SocketErrorCode: SocketError.HostNotFound or SocketError.NoData or SocketError.TryAgain,
                }:
                    return "The receiver's name could not be resolved.";
                case SocketException socket:
                    return $"The receiver could not be reached, or broke the connection off: {socket.SocketErrorCode}.";
            }
        }
        return exception.HttpRequestError switch
        {
            HttpRequestError.ResponseEnded => "The receiver closed the connection before it had answered.",
            HttpRequestError.InvalidResponse => "The receiver's answer is no HTTP.",
            _ => "The receiver could not be reached, or broke the connection off.",
        };
    }
}
