using System.Diagnostics;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Heimdall.Api.Tls;
using Heimdall.Core.Configuration;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>The API at https, asked by curl as its callers would.</summary>
[CancelAfter(60_000)]
public sealed class TlsTests
{
    private readonly string _folder = Directory.CreateTempSubdirectory("heimdall-tls-").FullName;
    private readonly TestAuthority _authority = new();
    private HeimdallInstance _heimdall = null!;
    private HeimdallHost _api = null!;

    private string Certificate => Path.Combine(_folder, "server.pem");

    private string Key => Path.Combine(_folder, "server.key");

    private string Log => Path.Combine(_folder, "api.log");

    private string Address => $"https://127.0.0.1:{_heimdall.Address.Port}";

    [OneTimeSetUp]
    public async Task Start()
    {
        Write(_authority.Issue("first"));
        await File.WriteAllTextAsync(Path.Combine(_folder, "root.pem"), _authority.Root);
        _heimdall = await HeimdallInstance.CreateAsync(config => config with
        {
            Server = $"tls: {{certificate: \"{Certificate}\", key: \"{Key}\"}}",
        });
        var yaml = await File.ReadAllTextAsync(_heimdall.ConfigFile);
        await File.WriteAllTextAsync(_heimdall.ConfigFile, yaml.Replace($"\"http://127.0.0.1", "\"https://127.0.0.1", StringComparison.Ordinal));
        _api = await HeimdallHost.StartApiAsync(_heimdall.ConfigFile, Log);
        await Eventually.Is(async () => (await CurlAsync("/readyz", CancellationToken.None)).Code == 0, CancellationToken.None);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _api.DisposeAsync();
        await _heimdall.DisposeAsync();
        _authority.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public async Task A_query_is_answered_over_TLS(CancellationToken cancellationToken)
    {
        const string Job = """
            {"name": "q", "command_criteria": ["type:postgres"], "cluster_criteria": ["data:local"],
             "context": {"query": "select 42 as answer", "return_result": true}}
            """;

        var (code, output) = await CurlAsync("/api/v1/job", cancellationToken, "-H", "Content-Type: application/json", "-d", Job);

        Assert.That(code, Is.Zero, output);
        Assert.That(output, Does.Contain("[[42]]"));
    }

    [Test]
    public async Task A_client_without_the_authority_is_not_served(CancellationToken cancellationToken)
    {
        const int NotTrusted = 60; // curl's code for it

        var (code, _) = await RunCurlAsync(["-sS", $"{Address}/healthz"], cancellationToken);

        Assert.That(code, Is.EqualTo(NotTrusted));
    }

    [Test]
    public async Task Renewed_files_are_served_and_a_broken_one_leaves_the_last_that_was_right(CancellationToken cancellationToken)
    {
        Write(_authority.Issue("second"));
        await Eventually.Becomes(() => ServedAsync(cancellationToken), () => Is.EqualTo("CN=second"), cancellationToken);

        await File.WriteAllTextAsync(Key, "no key", cancellationToken);
        await Eventually.Becomes(() => Task.FromResult(HeimdallProcess.Read(Log)), () => Does.Contain("server.tls.key must hold"), cancellationToken);
        Assert.That(await ServedAsync(cancellationToken), Is.EqualTo("CN=second"));
        Assert.That((await CurlAsync("/healthz", cancellationToken)).Code, Is.Zero);

        Write(_authority.Issue("third"));
        await Eventually.Becomes(() => ServedAsync(cancellationToken), () => Is.EqualTo("CN=third"), cancellationToken);
    }

    [Test]
    public void Files_that_cannot_be_used_are_named_before_the_start()
    {
        var (certificate, key) = _authority.Issue("other");
        var (_, encrypted) = _authority.Issue("other", password: "secret");

        Assert.That(ProblemOf("no certificate", key), Does.StartWith("server.tls.certificate must hold certificates in PEM form"));
        Assert.That(ProblemOf(certificate, _authority.Issue("other").Key), Does.StartWith("server.tls.key must hold the certificate's private key"));
        Assert.That(ProblemOf(certificate, encrypted), Is.EqualTo("server.tls.key_password is required, because the key is encrypted"));
        Assert.That(ProblemOf(certificate, key, "secret"), Is.EqualTo("server.tls.key_password must be left out, because the key is not encrypted"));
        Assert.That(ProblemOf(certificate, null), Does.StartWith("server.tls.key must be a file that exists"));
        Assert.That(ProblemOf(certificate, key), Is.Null);

        var tls = new TlsConfig { Certificate = "server\0.pem", Key = Key };
        var problems = ServerCertificate.FindProblems(new HeimdallConfig { Server = new ServerConfig { Tls = tls } });
        Assert.That(problems.Single().Message, Does.StartWith("must be the path of a file"));
    }

    [Test]
    public void An_encrypted_key_is_read_with_its_password()
    {
        var (certificate, encrypted) = _authority.Issue("other", password: "secret");

        Assert.That(ProblemOf(certificate, encrypted, "secret"), Is.Null);
        Assert.That(ProblemOf(certificate, encrypted, "wrong"), Does.StartWith("server.tls.key_password must be the password of the key"));
        Assert.That(ProblemOf(certificate, encrypted, "${env:HEIMDALL_UNSET}"), Does.Contain("the environment variable is not set"));
    }

    private void Write((string Certificate, string Key) issued)
    {
        File.WriteAllText(Certificate, issued.Certificate);
        File.WriteAllText(Key, issued.Key);
    }

    private string? ProblemOf(string certificate, string? key, string? password = null)
    {
        var folder = Directory.CreateDirectory(Path.Combine(_folder, Path.GetRandomFileName())).FullName;
        var tls = new TlsConfig { Certificate = Path.Combine(folder, "server.pem"), Key = Path.Combine(folder, "server.key"), KeyPassword = password };
        File.WriteAllText(tls.Certificate, certificate);
        if (key is not null)
        {
            File.WriteAllText(tls.Key, key);
        }
        var problems = ServerCertificate.FindProblems(new HeimdallConfig { Server = new ServerConfig { Tls = tls } });
        return problems.Select(problem => $"{problem.Path} {problem.Message}").SingleOrDefault();
    }

    /// <summary>Whose certificate a new connection gets, with the one that it was issued by.</summary>
    private async Task<string> ServedAsync(CancellationToken cancellationToken)
    {
        using var client = new TcpClient();
        await client.ConnectAsync("127.0.0.1", _heimdall.Address.Port, cancellationToken);
        var subject = "";
        await using var stream = new SslStream(client.GetStream(), leaveInnerStreamOpen: false, (_, served, chain, _) =>
        {
            subject = served!.Subject;
            return chain!.ChainElements.Count > 1;
        });
        await stream.AuthenticateAsClientAsync("127.0.0.1", new X509CertificateCollection(), checkCertificateRevocation: false);
        return subject;
    }

    private Task<(int Code, string Output)> CurlAsync(string path, CancellationToken cancellationToken, params string[] more) =>
        RunCurlAsync(["-sS", "--fail", "--cacert", Path.Combine(_folder, "root.pem"), .. more, Address + path], cancellationToken);

    private static async Task<(int Code, string Output)> RunCurlAsync(string[] arguments, CancellationToken cancellationToken)
    {
        var start = new ProcessStartInfo("curl", arguments) { RedirectStandardOutput = true, RedirectStandardError = true };
        using var curl = Process.Start(start)!;
        var output = curl.StandardOutput.ReadToEndAsync(cancellationToken);
        var errors = curl.StandardError.ReadToEndAsync(cancellationToken);
        await curl.WaitForExitAsync(cancellationToken);
        return (curl.ExitCode, await output + await errors);
    }
}
