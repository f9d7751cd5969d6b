using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Hooks;

/// <summary>Mail by TLS, with an authority that only the machine knows. Only a process trusts it.</summary>
[CancelAfter(120_000)]
public sealed class MailTlsTests() : RealProcessTests(processes: 1)
{
    [Test]
    public async Task An_authority_without_a_list_of_revoked_certificates_will_do(CancellationToken cancellationToken)
    {
        using var authority = new TestAuthority();
        var (chain, key) = authority.Issue("mail");
        using var certificate = X509Certificate2.CreateFromPem(chain, key);
        var issuers = new X509Certificate2Collection();
        issuers.ImportFromPem(chain);
        await using var receiver = new MailReceiver(
            SslStreamCertificateContext.Create(certificate, issuers, offline: true));
        var trusted = Path.Combine(TestContext.CurrentContext.WorkDirectory, $"{Guid.CreateVersion7()}.pem");
        await File.WriteAllTextAsync(trusted, authority.Root, cancellationToken);
        await using var heimdall = await HeimdallInstance.CreateAsync(config => config with
        {
            Hooks = "allow: [127.0.0.1], retry_after: 50ms, receivers: [{id: mail, kind: mail, "
                + $"url: \"smtps://127.0.0.1:{receiver.Port}\", from: a@example.org, to: [b@example.org]}}]",
        });
        heimdall.Variables["SSL_CERT_FILE"] = trusted;
        await heimdall.StartApiProcessAsync();

        var asked = (await heimdall.SendAsync(HttpMethod.Post, "/api/v1/hooks/mail/test", cancellationToken))
            .AssertStatus(202);

        await Eventually.Becomes(
            () => heimdall.GetAsync($"/api/v1/hooks/deliveries/{asked["id"]}", cancellationToken),
            () => Has.Property("Text").Contain("DELIVERED"), cancellationToken);
        Assert.That(receiver.Mails, Has.Length.EqualTo(1));
        File.Delete(trusted);
    }
}
