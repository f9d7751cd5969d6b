using Heimdall.Core.Configuration;

namespace Heimdall.Api.Tls;

internal static class TlsSetup
{
    /// <summary>Lets Kestrel serve https with the certificate of <c>server.tls</c>, if there is one.</summary>
    /// <exception cref="CertificateException">The files cannot be used.</exception>
    public static void AddTls(this WebApplicationBuilder builder, TlsConfig? config)
    {
        if (config is null)
        {
            return;
        }
        var certificate = new ServerCertificate(config);
        builder.Services.AddSingleton(certificate);
        builder.Services.AddHostedService<CertificateRenewal>();
        builder.WebHost.UseKestrelHttpsConfiguration().ConfigureKestrel(kestrel => kestrel.ConfigureHttpsDefaults(https =>
        {
            // Kestrel wants one to begin with. A selector of its own would serve the certificate without those between it and the authority.
            https.ServerCertificate = certificate.Current.TargetCertificate;
            https.OnAuthenticate = (_, options) => options.ServerCertificateContext = certificate.Current;
        }));
    }
}
