using Heimdall.Core.Configuration;
using Heimdall.Core.Hosting;

namespace Heimdall.Api.Tls;

internal static class TlsSetup
{
    /// <summary>Lets Kestrel serve https with the certificate of <c>server.tls</c>, if there is one.</summary>
    /// <exception cref="HostStartException">The files cannot be used.</exception>
    public static void AddTls(this WebApplicationBuilder builder, TlsConfig? config)
    {
        if (config is null)
        {
            return;
        }
        var certificate = Load(config);
        builder.Services.AddSingleton(certificate);
        builder.Services.AddHostedService<CertificateRenewal>();
        builder.WebHost.UseKestrelHttpsConfiguration();
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.ConfigureHttpsDefaults(https =>
        {
            // Kestrel wants one to begin with. Its ServerCertificateSelector would serve the certificate alone, without
            // the intermediate ones.
            https.ServerCertificate = certificate.Current.TargetCertificate;
            https.OnAuthenticate = (_, options) => options.ServerCertificateContext = certificate.Current;
        }));
    }

    /// <summary>The check of the configuration has read the files, and they may have changed since.</summary>
    private static ServerCertificate Load(TlsConfig config)
    {
        try
        {
            return new ServerCertificate(config);
        }
        catch (CertificateException exception)
        {
            throw new HostStartException($"server.tls.{exception.Key} {exception.Message}");
        }
    }
}
