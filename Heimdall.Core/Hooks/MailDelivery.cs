using System.Net.Sockets;
using Heimdall.Core.Configuration;
using MailKit;
using MailKit.Net.Smtp;
using MailKit.Security;
using MimeKit;

namespace Heimdall.Core.Hooks;

/// <summary>Sends a message as a mail, by one session with the server.</summary>
internal sealed class MailDelivery(HeimdallConfig config, TargetGuard guard)
{
    private const int SubmissionPort = 587;
    private const int TlsPort = 465;
    private const int LongestSubject = 200;

    /// <exception cref="OperationCanceledException">The time for the attempt is over, or the process stops.</exception>
    public async Task<DeliveryAttempt> SendAsync(Receiver hook, HookMessage message, CancellationToken cancellationToken)
    {
        try
        {
            var reply = await SendMailAsync(hook.Config, ToMail(hook.Config, message), cancellationToken);
            return new DeliveryAttempt { Reply = reply };
        }
        catch (SmtpCommandException exception)
        {
            return new DeliveryAttempt
            {
                Status = (int)exception.StatusCode,
                Error = $"The mail server answered {(int)exception.StatusCode}.",
                Reply = exception.Message.Replace('\0', ' '),
            };
        }
        catch (Exception exception) when (exception is TargetRefusedException or SecretReferenceException)
        {
            return new DeliveryAttempt { Error = exception.Message };
        }
        catch (AuthenticationException)
        {
            return new DeliveryAttempt { Error = "The mail server refuses the user or the password." };
        }
        catch (Exception exception) when (exception is SslHandshakeException
            || (exception is NotSupportedException && hook.Config.User is null))
        {
            return new DeliveryAttempt
            {
                Error = "TLS failed: the mail server offers none, or its certificate is not valid.",
            };
        }
        catch (NotSupportedException)
        {
            return new DeliveryAttempt { Error = "The mail server offers no TLS, or no login." };
        }
        catch (Exception exception) when (exception is ProtocolException or SocketException or IOException)
        {
            return new DeliveryAttempt { Error = "The mail server could not be reached, or broke the connection off." };
        }
    }

    private async Task<string> SendMailAsync(HookConfig hook, MimeMessage mail, CancellationToken cancellationToken)
    {
        var url = new Uri(SecretReferences.Resolve(hook.Url));
        var isTls = url.Scheme == "smtps";
        var port = url.Port > 0 ? url.Port : isTls ? TlsPort : SubmissionPort;
        var socket = await guard.ConnectAsync(url.IdnHost, port, cancellationToken);
        using var client = new MailSession
        {
            // Lists of revoked certificates lie on hosts that hooks.allow does not name.
            CheckCertificateRevocation = false,
        };
        var security = isTls ? SecureSocketOptions.SslOnConnect
            : hook.Tls ? SecureSocketOptions.StartTls
            : SecureSocketOptions.None;
        await client.ConnectAsync(socket, url.IdnHost, port, security, cancellationToken);
        if (hook.User is not null)
        {
            await client.AuthenticateAsync(
                SecretReferences.Resolve(hook.User), SecretReferences.Resolve(hook.Password!), cancellationToken);
        }
        var reply = await client.SendAsync(mail, cancellationToken);
        await client.DisconnectAsync(quit: true, cancellationToken);
        return string.Join('\n', [reply, .. client.Refused]).Replace('\0', ' ');
    }

    private MimeMessage ToMail(HookConfig hook, HookMessage message)
    {
        var from = MailboxAddress.Parse(hook.From!);
        var title = HookText.OneLine(HookText.Title(message));
        var mail = new MimeMessage
        {
            // A mail that is sent again has the id of the first: readers show it once.
            MessageId = $"{message.Id}@{from.Domain}",
            Date = message.CreatedAt,
            Subject = $"[Heimdall] {HookText.Cut(title, LongestSubject)}",
            Body = new TextPart("plain") { Text = $"{title}\n\n{HookText.Details(message, config.Server.PublicUrl)}" },
        };
        mail.From.Add(from);
        mail.To.AddRange(hook.To.Select(MailboxAddress.Parse));
        mail.Headers.Add(HeaderId.AutoSubmitted, "auto-generated"); // no answers of absence
        return mail;
    }

    /// <summary>One mailbox that the server does not take keeps the mail from no other.</summary>
    private sealed class MailSession : SmtpClient
    {
        private SmtpCommandException? _refusal;

        /// <summary>The mailboxes that were not taken, with why, a line for each.</summary>
        public List<string> Refused { get; } = [];

        protected override void OnRecipientNotAccepted(
            MimeMessage message, MailboxAddress mailbox, SmtpResponse response)
        {
            _refusal ??= new SmtpCommandException(
                SmtpErrorCode.RecipientNotAccepted, response.StatusCode, mailbox, response.Response);
            Refused.Add($"Not taken: {mailbox.Address}, {(int)response.StatusCode} {response.Response}");
        }

        protected override void OnNoRecipientsAccepted(MimeMessage message) =>
            throw _refusal ?? throw new InvalidOperationException("A mail without a mailbox.");
    }
}
