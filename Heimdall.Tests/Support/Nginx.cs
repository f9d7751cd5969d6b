using System.Diagnostics;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using NUnit.Framework;

namespace Heimdall.Tests.Support;

/// <summary>nginx in front of an API: it ends TLS, and has the API below a path.</summary>
internal sealed class Nginx : IAsyncDisposable
{
    private readonly string _folder;
    private readonly Process _process;

    private Nginx(string folder, Process process, HttpClient client) =>
        (_folder, _process, Client) = (folder, process, client);

    /// <summary>Trusts nginx's certificate, and follows nothing.</summary>
    public HttpClient Client { get; }

    /// <param name="port">Where it listens.</param>
    /// <param name="locations">The inside of its server, in its own language.</param>
    public static async Task<Nginx> StartAsync(int port, string locations)
    {
        InstalledPrograms.Require("nginx");
        var folder = Directory.CreateTempSubdirectory("heimdall-nginx-").FullName;
        using var authority = new TestAuthority();
        var (certificate, key) = authority.Issue("nginx");
        await File.WriteAllTextAsync(Path.Combine(folder, "server.pem"), certificate);
        await File.WriteAllTextAsync(Path.Combine(folder, "server.key"), key);
        await File.WriteAllTextAsync(
            Path.Combine(folder, "nginx.conf"),
            $$"""
            daemon off;
            worker_processes 1;
            pid {{folder}}/nginx.pid;
            error_log stderr warn;
            events { }
            http {
                access_log off;
                client_body_temp_path {{folder}}/body;
                proxy_temp_path {{folder}}/proxy;
                fastcgi_temp_path {{folder}}/fastcgi;
                uwsgi_temp_path {{folder}}/uwsgi;
                scgi_temp_path {{folder}}/scgi;
                server {
                    listen 127.0.0.1:{{port}} ssl;
                    ssl_certificate {{folder}}/server.pem;
                    ssl_certificate_key {{folder}}/server.key;
                    {{locations}}
                }
            }
            """);
        string[] user = Environment.IsPrivilegedProcess ? ["-g", "user root;"] : []; // its worker has to write here
        string[] arguments = ["-p", folder, "-c", $"{folder}/nginx.conf", .. user];
        var process = Process.Start(new ProcessStartInfo("nginx", arguments))
            ?? throw new InvalidOperationException("nginx did not start.");
        var client = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            UseCookies = false,
            SslOptions =
            {
                CertificateChainPolicy = new X509ChainPolicy
                {
                    TrustMode = X509ChainTrustMode.CustomRootTrust,
                    CustomTrustStore = { X509Certificate2.CreateFromPem(authority.Root) },
                    RevocationMode = X509RevocationMode.NoCheck,
                },
            },
        })
        {
            BaseAddress = new Uri($"https://127.0.0.1:{port}"),
        };
        var nginx = new Nginx(folder, process, client);
        try
        {
            await Eventually.Is(nginx.AnswersAsync, CancellationToken.None);
        }
        catch
        {
            await nginx.DisposeAsync();
            throw;
        }
        return nginx;
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        _process.Kill(entireProcessTree: true);
        await _process.WaitForExitAsync();
        _process.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    private async Task<bool> AnswersAsync()
    {
        Assert.That(_process.HasExited, Is.False, "nginx has ended: see above.");
        try
        {
            using var reply = await Client.GetAsync("/");
            return reply.StatusCode != HttpStatusCode.BadGateway;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }
}
