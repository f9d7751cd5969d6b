using System.Text.RegularExpressions;
using Heimdall.Api.Tls;
using Heimdall.Core.Configuration;
using Heimdall.Tests.Schedules;
using Heimdall.Tests.Support;
using Microsoft.Extensions.Logging;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>What is written into the log about the certificate that is served.</summary>
public sealed class CertificateRenewalTests
{
    private const string NotUsed = "The changed certificate is not used";
    private const string RenewIt = "only: renew it";

    private readonly TestAuthority _authority = new();
    private readonly ManualClock _clock = new(DateTime.UtcNow);
    private string _folder = null!;
    private ILoggerFactory _logging = null!;
    private CertificateRenewal _renewal = null!;

    private string Certificate => Path.Combine(_folder, "server.pem");

    private string Key => Path.Combine(_folder, "server.key");

    private string Log => Path.Combine(_folder, "api.log");

    [SetUp]
    public void Start()
    {
        _folder = Directory.CreateTempSubdirectory("heimdall-renewal-").FullName;
        _clock.Now = DateTime.UtcNow;
        Write(_authority.Issue("first"));
        _logging = LoggerFactory.Create(logging => logging.AddProvider(new LogFile(Log)));
        _renewal = new CertificateRenewal(
            new ServerCertificate(new TlsConfig { Certificate = Certificate, Key = Key }),
            _clock,
            _logging.CreateLogger<CertificateRenewal>());
    }

    [TearDown]
    public void Stop()
    {
        _renewal.Dispose();
        _logging.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [OneTimeTearDown]
    public void StopAuthority() => _authority.Dispose();

    [Test]
    public void A_certificate_that_ends_soon_is_reported_once_a_day()
    {
        _renewal.Begin();
        _renewal.Look();
        Assert.That(CountOf(RenewIt), Is.Zero);

        _clock.Now = DateTime.UtcNow.AddDays(355); // of the 364 that are left
        _renewal.Look();
        _renewal.Look();
        Assert.That(CountOf(RenewIt), Is.EqualTo(1));

        _clock.Now += TimeSpan.FromDays(1);
        _renewal.Look();
        _renewal.Look();
        Assert.That(CountOf(RenewIt), Is.EqualTo(2));
    }

    [Test]
    public void A_look_between_the_writes_of_both_files_reports_nothing()
    {
        var (certificate, key) = _authority.Issue("second");

        File.WriteAllText(Certificate, certificate);
        _renewal.Look();
        File.WriteAllText(Key, key);
        _renewal.Look();

        Assert.That(CountOf(NotUsed), Is.Zero, HeimdallProcess.Read(Log));
        Assert.That(CountOf("Serving the certificate of CN=second"), Is.EqualTo(1));
    }

    [Test]
    public void Files_that_stay_wrong_are_reported_once_until_they_are_right_again()
    {
        for (var times = 1; times <= 2; times++)
        {
            File.WriteAllText(Key, "no key");
            _renewal.Look();
            _renewal.Look();
            _renewal.Look();
            Assert.That(CountOf(NotUsed), Is.EqualTo(times), HeimdallProcess.Read(Log));

            Write(_authority.Issue("right"));
            _renewal.Look();
            Assert.That(CountOf("Serving the certificate of CN=right"), Is.EqualTo(times));
        }
    }

    private int CountOf(string text) => Regex.Count(HeimdallProcess.Read(Log), Regex.Escape(text));

    private void Write((string Certificate, string Key) issued)
    {
        File.WriteAllText(Certificate, issued.Certificate);
        File.WriteAllText(Key, issued.Key);
    }
}
