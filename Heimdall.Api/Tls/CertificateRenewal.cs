namespace Heimdall.Api.Tls;

/// <summary>
/// Looks whether the certificate's files have changed, and warns while the certificate will not be valid for long. It
/// reads the files, because tools that renew certificates often replace a link: the time of the file then says nothing.
/// </summary>
internal sealed partial class CertificateRenewal(
    ServerCertificate certificate, TimeProvider time, ILogger<CertificateRenewal> logger)
    : BackgroundService
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan WarningInterval = TimeSpan.FromDays(1);
    private static readonly TimeSpan ShortTime = TimeSpan.FromDays(14);

    private DateTimeOffset _reportedAt;
    private string? _problem;
    private bool _isProblemReported;

    /// <summary>Reports the certificate that is served from the start.</summary>
    internal void Begin() => Report();

    /// <summary>Looks once at the files.</summary>
    internal void Look()
    {
        try
        {
            if (certificate.Renew())
            {
                Report();
            }
            _problem = null;
        }
        catch (CertificateException exception)
        {
            Report(exception);
        }
        if (time.GetUtcNow() >= _reportedAt + WarningInterval && IsValidForShortTime())
        {
            Report();
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Begin();
        using var timer = new PeriodicTimer(Interval, time);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            Look();
        }
    }

    /// <summary>
    /// Reports a problem that two looks have found. Certificate and key are two files, so one look may fall between the
    /// writes of both.
    /// </summary>
    private void Report(CertificateException exception)
    {
        var isNew = exception.Message != _problem;
        if (!isNew && !_isProblemReported)
        {
            LogCannotRenew(exception.Key, exception.Message);
        }
        _isProblemReported = !isNew;
        _problem = exception.Message;
    }

    private void Report()
    {
        _reportedAt = time.GetUtcNow();
        var served = certificate.Current.TargetCertificate;
        var (from, until) = (served.NotBefore.ToUniversalTime(), served.NotAfter.ToUniversalTime());
        if (IsValidForShortTime())
        {
            LogNotValidForLong(served.Subject, from, until);
        }
        else
        {
            LogServing(served.Subject, until);
        }
    }

    private bool IsValidForShortTime()
    {
        var served = certificate.Current.TargetCertificate;
        var now = time.GetUtcNow();
        return now < served.NotBefore.ToUniversalTime() || now + ShortTime > served.NotAfter.ToUniversalTime();
    }

    [LoggerMessage(LogLevel.Information, "Serving the certificate of {Subject}, valid until {Until:u}")]
    private partial void LogServing(string subject, DateTime until);

    [LoggerMessage(
        LogLevel.Warning,
        "Serving the certificate of {Subject}, which is valid from {From:u} until {Until:u} only: renew it")]
    private partial void LogNotValidForLong(string subject, DateTime from, DateTime until);

    [LoggerMessage(
        LogLevel.Warning,
        "The changed certificate is not used, and the one before it is still served: server.tls.{Key} {Problem}")]
    private partial void LogCannotRenew(string key, string problem);
}
