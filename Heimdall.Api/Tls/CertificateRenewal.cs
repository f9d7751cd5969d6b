using System.Security.Cryptography.X509Certificates;

namespace Heimdall.Api.Tls;

/// <summary>
/// Looks whether the certificate's files have changed. It reads them, because what renews certificates often replaces a link and not a file.
/// </summary>
internal sealed partial class CertificateRenewal(ServerCertificate certificate, TimeProvider time, ILogger<CertificateRenewal> logger)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan ShortTime = TimeSpan.FromDays(14);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Report(certificate.Current.TargetCertificate);
        string? reported = null;
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                if (certificate.Renew())
                {
                    Report(certificate.Current.TargetCertificate);
                    reported = null;
                }
            }
            catch (CertificateException exception) when (exception.Message == reported)
            {
                // A file that is missing is missing at every look.
            }
            catch (CertificateException exception)
            {
                reported = exception.Message;
                LogCannotRenew(exception.Key, exception.Message);
            }
        }
    }

    private void Report(X509Certificate2 served)
    {
        var (from, until) = (served.NotBefore.ToUniversalTime(), served.NotAfter.ToUniversalTime());
        var now = time.GetUtcNow();
        if (now < from || now + ShortTime > until)
        {
            LogNotValidForLong(served.Subject, from, until);
        }
        else
        {
            LogServing(served.Subject, until);
        }
    }

    [LoggerMessage(LogLevel.Information, "Serving the certificate of {Subject}, valid until {Until:u}")]
    private partial void LogServing(string subject, DateTime until);

    [LoggerMessage(LogLevel.Warning, "Serving the certificate of {Subject}, which is valid from {From:u} until {Until:u} only: renew it")]
    private partial void LogNotValidForLong(string subject, DateTime from, DateTime until);

    [LoggerMessage(LogLevel.Warning, "The changed certificate is not used, and the one before is served on: server.tls.{Key} {Problem}")]
    private partial void LogCannotRenew(string key, string problem);
}
