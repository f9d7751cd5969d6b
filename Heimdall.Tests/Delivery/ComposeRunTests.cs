using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.RegularExpressions;
using Heimdall.Api.Requests;
using Heimdall.Tests.Support;
using Npgsql;
using NUnit.Framework;
using YamlDotNet.RepresentationModel;

namespace Heimdall.Tests.Delivery;

/// <summary>
/// What compose.yaml runs, without an engine: what the Dockerfile builds, with the same <c>.env</c>, configuration,
/// environment, script for the databases and passwords; and README's own commands against it.
/// </summary>
[CancelAfter(300_000)]
public sealed partial class ComposeRunTests() : RealProcessTests(processes: 3)
{
    private static readonly Dictionary<string, string> Programs = new()
    {
        ["api"] = "Heimdall.Api",
        ["worker"] = "Heimdall.Worker",
    };

    private readonly string _folder = Directory.CreateTempSubdirectory("heimdall-compose-").FullName;
    private readonly Dictionary<string, Image> _images = [];
    private readonly List<HeimdallProcess> _programs = [];
    private RestartableServer? _server; // null when it did not start
    private Dictionary<string, string> _environment = null!;
    private Uri _address = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _server = await RestartableServer.StartAsync();
        await BashAsync([Repository.PathOf("scripts/make_env.sh"), Path.Combine(_folder, ".env")], []);
        _environment = (await File.ReadAllLinesAsync(Path.Combine(_folder, ".env")))
            .Where(line => !line.StartsWith('#')).Select(line => line.Split('=', 2)).ToDictionary(pair => pair[0], pair => pair[1]);
        await MakeDatabasesAsync();

        _address = new Uri($"http://127.0.0.1:{FreePort.Find()}");
        var cancellationToken = TestContext.CurrentContext.CancellationToken;
        var build = new ImageBuild(Path.Combine(_folder, "build"));
        await build.RunAsync(cancellationToken);
        foreach (var (service, program) in Programs)
        {
            var folder = Directory.CreateDirectory(Path.Combine(_folder, service)).FullName;
            _images[service] = await build.MakeAsync(program, folder, cancellationToken);
            Mount(service);
            _programs.Add(HeimdallProcess.StartCommand(
                _images[service].Command, Path.Combine(_folder, $"{program}.log"), EnvironmentOf(service)));
        }
        using var client = new HttpClient { BaseAddress = _address };
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        await Eventually.Is(() => IsReadyAsync(client, deadline.Token), deadline.Token);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        foreach (var program in _programs)
        {
            if (TestContext.CurrentContext.Result.FailCount > 0)
            {
                await TestContext.Progress.WriteLineAsync(program.ReadLog());
            }
            await program.DisposeAsync();
        }
        if (_server is not null)
        {
            await _server.DisposeAsync();
        }
        Directory.Delete(_folder, recursive: true);
    }

    [Test]
    public async Task The_first_commands_of_the_readme_are_answered_with_the_generated_key(CancellationToken cancellationToken)
    {
        var blocks = Submissions().Matches(Repository.Read("README.md")).Select(match => match.Value).ToArray();

        foreach (var block in blocks)
        {
            var (text, status) = await CurlAsync(block, _environment["HEIMDALL_KEY"], cancellationToken);
            Assert.That(status, Is.EqualTo("200"), text);
        }
        Assert.That(blocks, Has.Length.EqualTo(2).And.Some.Contains("raise_salaries.sql"), "a query and a batch");
    }

    [TestCase("api")]
    [TestCase("worker")]
    public async Task A_container_is_healthy(string service, CancellationToken cancellationToken)
    {
        var check = ComposeFile.List((YamlMappingNode)ComposeFile.Services[service]["healthcheck"], "test");
        string[] command = [.. check[1..].Select(_images[service].Locate)];

        Assert.That(check[0], Is.EqualTo("CMD"), "the image has no shell");
        var plain = service == "api" ? $"{PlainListener.FindProblem("http://0.0.0.0:9090")}\n" : "";
        await Eventually.Becomes(
            () => HeimdallProcess.RunCommandAsync(command, EnvironmentOf(service), cancellationToken),
            () => Is.EqualTo((0, $"ready\n{plain}")),
            cancellationToken);
    }

    [Test]
    public async Task Without_the_key_nothing_is_answered(CancellationToken cancellationToken)
    {
        var block = Submissions().Match(Repository.Read("README.md")).Value;

        var (text, status) = await CurlAsync(block, "", cancellationToken);

        Assert.That(status, Is.EqualTo("401"), text);
    }

    [Test]
    public async Task The_dashboard_opens_with_the_key_as_the_password(CancellationToken cancellationToken)
    {
        using var client = new HttpClient { BaseAddress = _address };
        using var request = new HttpRequestMessage(HttpMethod.Get, "/");
        request.Headers.Add("Accept", "text/html");
        var password = Convert.ToBase64String(Encoding.UTF8.GetBytes($"anybody:{_environment["HEIMDALL_KEY"]}"));
        request.Headers.Authorization = new("Basic", password);

        using var page = await client.SendAsync(request, cancellationToken);

        Assert.That(page.StatusCode, Is.EqualTo(HttpStatusCode.Unauthorized), "a client drops the password when it is sent elsewhere; a browser asks for it there");
        Assert.That(page.RequestMessage!.RequestUri!.AbsolutePath, Is.EqualTo("/hangfire"));
        using var again = new HttpRequestMessage(HttpMethod.Get, "/hangfire/sql/jobs");
        again.Headers.Authorization = new("Basic", password);
        using var opened = await client.SendAsync(again, cancellationToken);
        Assert.That(opened.StatusCode, Is.EqualTo(HttpStatusCode.OK), await opened.Content.ReadAsStringAsync(cancellationToken));
    }

    [Test]
    public async Task What_has_a_value_in_env_keeps_it(CancellationToken cancellationToken)
    {
        var file = Path.Combine(_folder, "kept.env");
        await File.WriteAllTextAsync(file, "HEIMDALL_KEY=hk_mine\nHEIMDALL_DB_PASSWORD=mine\nOTHER=1\n", cancellationToken);

        await BashAsync([Repository.PathOf("scripts/make_env.sh"), file], [], cancellationToken);
        var once = await File.ReadAllTextAsync(file, cancellationToken);
        await BashAsync([Repository.PathOf("scripts/make_env.sh"), file], [], cancellationToken);

        Assert.That(await File.ReadAllTextAsync(file, cancellationToken), Is.EqualTo(once));
        Assert.That(once, Does.Contain("HEIMDALL_KEY=hk_mine\n").And.Contain("HEIMDALL_DB_PASSWORD=mine\n").And.Contain("OTHER=1\n"));
        Assert.That(once, Does.Match("(?m)^HEIMDALL_POSTGRES_PASSWORD=[0-9a-f]{48}$").And.Match("(?m)^HEIMDALL_KEY_HASH=sha256:"));
        Assert.That(await BashAsync(["-c", $"find '{file}' -perm 600"], [], cancellationToken), Is.EqualTo($"{file}\n"));
    }

    [Test]
    public async Task A_hash_without_its_key_gets_no_other_key(CancellationToken cancellationToken)
    {
        var file = Path.Combine(_folder, "hash.env");
        await File.WriteAllTextAsync(file, "HEIMDALL_KEY=\nHEIMDALL_KEY_HASH=sha256:mine\n", cancellationToken);

        var output = await BashAsync([Repository.PathOf("scripts/make_env.sh"), file], [], cancellationToken);

        var text = await File.ReadAllTextAsync(file, cancellationToken);
        Assert.That(text, Does.Contain("HEIMDALL_KEY=\n").And.Contain("HEIMDALL_KEY_HASH=sha256:mine\n"));
        Assert.That(text, Does.Match("(?m)^HEIMDALL_DB_PASSWORD=[0-9a-f]{48}$"));
        Assert.That(output, Does.Contain("HEIMDALL_KEY stays empty"));
    }

    private int Port => new NpgsqlConnectionStringBuilder(_server!.ConnectionString).Port;

    /// <summary>Runs the script that the postgres service runs, then has the server ask for the passwords that it has set.</summary>
    private async Task MakeDatabasesAsync()
    {
        var script = Path.Combine(_folder, "create_databases.sh");
        await File.WriteAllTextAsync(script, Repository.Read("configs/compose/create_databases.sh")
            .Replace("/heimdall/create_employees.sql", Repository.PathOf("configs/sql/create_employees.sql"), StringComparison.Ordinal));
        var programs = await BashAsync([Repository.PathOf("scripts/private_postgres.sh"), "--bin"], []);
        await BashAsync([script], new(_environment)
        {
            ["PGHOST"] = "127.0.0.1",
            ["PGPORT"] = Port.ToString(provider: null),
            ["PATH"] = $"{programs.Trim()}:{Environment.GetEnvironmentVariable("PATH")}",
        });
        await using var connection = new NpgsqlConnection(_server!.ConnectionString);
        await connection.OpenAsync();
        await using var command = new NpgsqlCommand(
            """
            create temp table rule (line text);
            insert into rule values ('host all postgres 127.0.0.1/32 trust'), ('host all all 127.0.0.1/32 scram-sha-256'), ('local all all trust');
            do $$ begin execute format('copy rule to %L', current_setting('hba_file')); end $$;
            select pg_reload_conf();
            """,
            connection);
        await command.ExecuteNonQueryAsync();
    }

    /// <summary>Lays the mounted files where the container has them, with the addresses of this test.</summary>
    private void Mount(string service)
    {
        foreach (var volume in ComposeFile.List(ComposeFile.Services[service], "volumes"))
        {
            var source = Repository.PathOf(volume.Split(':')[0]);
            var target = _images[service].Locate(volume.Split(':')[1]);
            foreach (var file in File.Exists(source) ? [source] : Directory.GetFiles(source))
            {
                var copy = File.Exists(source) ? target : Path.Combine(target, Path.GetFileName(file));
                Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
                File.WriteAllText(copy, File.ReadAllText(file)
                    .Replace("host=postgres", $"host=127.0.0.1 port={Port}", StringComparison.Ordinal)
                    .Replace("http://0.0.0.0:9090", _address.ToString(), StringComparison.Ordinal)
                    .Replace("/tmp/", $"{_folder}/", StringComparison.Ordinal));
            }
        }
    }

    /// <summary>The key itself is not among it. An image has .NET where programs look for it by themselves.</summary>
    private Dictionary<string, string> EnvironmentOf(string service) => new(ComposeFile.EnvironmentOf(service, _environment))
    {
        ["DOTNET_ROOT"] = Path.GetDirectoryName(Environment.ProcessPath)!,
    };

    private async Task<(string Text, string Status)> CurlAsync(string block, string key, CancellationToken cancellationToken)
    {
        var command = block
            .Replace("http://127.0.0.1:9090", _address.ToString().TrimEnd('/'), StringComparison.Ordinal)
            .Replace("curl -s ", """curl -s -w '\n%{http_code}' -H "Authorization: Bearer $HEIMDALL_KEY" """, StringComparison.Ordinal);
        var output = await BashAsync(["-c", command], new() { ["HEIMDALL_KEY"] = key }, cancellationToken);
        var end = output.LastIndexOf('\n');
        return (output[..end], output[(end + 1)..]);
    }

    private static async Task<bool> IsReadyAsync(HttpClient client, CancellationToken cancellationToken)
    {
        try
        {
            using var reply = await client.GetAsync("/readyz", cancellationToken);
            return reply.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private static async Task<string> BashAsync(string[] arguments, Dictionary<string, string> variables, CancellationToken cancellationToken = default)
    {
        var start = new ProcessStartInfo("bash", arguments) { RedirectStandardOutput = true };
        foreach (var (name, value) in variables)
        {
            start.Environment[name] = value;
        }
        using var bash = Process.Start(start)!;
        var output = await bash.StandardOutput.ReadToEndAsync(cancellationToken);
        await bash.WaitForExitAsync(cancellationToken);
        Assert.That(bash.ExitCode, Is.Zero, $"{string.Join(' ', arguments)}\n{output}");
        return output;
    }

    [GeneratedRegex("""^curl -s http://127\.0\.0\.1:9090/api/v1/job -H.*?\}\}'$""", RegexOptions.Multiline | RegexOptions.Singleline)]
    private static partial Regex Submissions();
}
