using System.Net.Http.Json;
using System.Text.RegularExpressions;
using Heimdall.Tests.Support;
using NUnit.Framework;

namespace Heimdall.Tests.Api;

/// <summary>
/// The API behind nginx, which ends TLS and has it below a path: every address that it gives leads back to it.
/// </summary>
/// <param name="target">What nginx puts in the place of the path that it serves; empty, it leaves the path.</param>
[CancelAfter(120_000)]
public abstract partial class ProxyTests(string target) : RealProcessTests(processes: 1)
{
    private HeimdallInstance _heimdall = null!;
    private Nginx _nginx = null!;
    private string _public = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        var port = FreePort.Find();
        _public = $"https://127.0.0.1:{port}/heimdall";
        _heimdall = await HeimdallInstance.StartAsync(config => config with
        {
            Server = $"public_url: \"{_public}\"",
            Auth = "header: X-Heimdall-User, trusted_proxies: [127.0.0.1], roles: [{role: admin, users: [alice]}]",
            SqlUploads = "enabled: true",
        });
        var api = $"http://{_heimdall.Address.Authority}{target}";
        _nginx = await Nginx.StartAsync(
            port,
            Repository.Read("configs/nginx/heimdall.conf")
                .Replace("http://127.0.0.1:9090/", api, StringComparison.Ordinal)
                .Replace("$remote_user", "alice", StringComparison.Ordinal));
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _nginx.DisposeAsync();
        await _heimdall.DisposeAsync();
    }

    [Test]
    public async Task The_location_of_a_job_leads_to_it(CancellationToken cancellationToken)
    {
        using var submitted = await SubmitAsync(cancellationToken);

        Assert.That(submitted.Headers.Location!.ToString(), Does.Match("^/heimdall/api/v1/job/[0-9a-f-]{36}$"));
        using var job = await _nginx.Client.GetAsync(submitted.Headers.Location, cancellationToken);
        Assert.That((await Reply.ReadAsync(job, cancellationToken)).AssertStatus(200)["name"], Is.EqualTo("behind"));
    }

    [Test]
    public async Task The_link_to_the_next_page_leads_to_it(CancellationToken cancellationToken)
    {
        using var submitted = await SubmitAsync(cancellationToken);
        var address = submitted.Headers.Location!.ToString();
        await Eventually.Becomes(
            () => GetAsync($"{address}/status", cancellationToken),
            () => Has.Property(nameof(Reply.Text)).Contains("SUCCEEDED"), cancellationToken);

        var first = (await GetAsync($"{address}/result?offset=0&limit=2", cancellationToken)).AssertStatus(200);
        var next = Link().Match(first.Header("Link")!).Groups[1].Value;

        Assert.That(next, Is.EqualTo($"{address}/result?offset=2&limit=2"));
        Assert.That((await GetAsync(next, cancellationToken)).AssertStatus(200)["data"], Is.EqualTo("[[3]]"));
    }

    [Test]
    public async Task A_script_is_found_at_its_location(CancellationToken cancellationToken)
    {
        using var put = await _nginx.Client.PutAsync(
            "/heimdall/api/v1/sql/a/b.sql", new StringContent("select 1"), cancellationToken);

        Assert.That(put.Headers.Location!.ToString(), Is.EqualTo("/heimdall/api/v1/sql/a/b.sql"));
        Assert.That((await GetAsync(put.Headers.Location.ToString(), cancellationToken)).Text, Is.EqualTo("select 1"));
    }

    [Test]
    public async Task The_openapi_document_names_the_public_address(CancellationToken cancellationToken)
    {
        var document = await GetAsync("/heimdall/openapi/v1.json", cancellationToken);

        var server = document.AssertStatus(200).Json.GetProperty("servers").EnumerateArray().Single();
        Assert.That(server.GetProperty("url").GetString()!.TrimEnd('/'), Is.EqualTo(_public));
    }

    [Test]
    public async Task The_entrance_leads_to_what_there_is(CancellationToken cancellationToken)
    {
        var entrance = (await GetAsync("/heimdall/", cancellationToken)).AssertStatus(200);
        using var request = new HttpRequestMessage(HttpMethod.Get, "/heimdall/");
        request.Headers.Add("Accept", "text/html");
        using var browser = await _nginx.Client.SendAsync(request, cancellationToken);

        Assert.That(entrance["api"], Is.EqualTo("/heimdall/api/v1"));
        Assert.That(browser.Headers.Location!.ToString(), Is.EqualTo(entrance["dashboard"]));
        (await GetAsync(entrance.Json.GetProperty("health").GetProperty("ready").GetString()!, cancellationToken))
            .AssertStatus(200);
    }

    [Test]
    public async Task The_pages_of_the_dashboard_link_within_the_path(CancellationToken cancellationToken)
    {
        using var reply = await _nginx.Client.GetAsync("/heimdall/hangfire/sql/clusters", cancellationToken);
        var page = (await Reply.ReadAsync(reply, cancellationToken)).AssertStatus(200);
        var links = Addresses().Matches(page.Text).Select(match => match.Groups[1].Value)
            .Where(link => link[0] is not ('#' or '?') && !link.StartsWith("data:", StringComparison.Ordinal))
            .Distinct().ToArray();

        Assert.That(links, Has.Length.AtLeast(5).And.All.Match("^/heimdall/"));
        foreach (var file in links.Where(link => File().IsMatch(link)))
        {
            (await GetAsync(file, cancellationToken)).AssertStatus(200);
        }
        var cookies = reply.Headers.GetValues("Set-Cookie").ToArray();
        Assert.That(cookies, Is.Not.Empty.And.All.Contains("; secure").And.All.Contains("; path=/heimdall"));
    }

    [Test]
    public async Task Probes_may_ask_without_the_path(CancellationToken cancellationToken) =>
        (await _heimdall.GetAsync("/readyz", cancellationToken)).AssertStatus(200);

    private async Task<Reply> GetAsync(string address, CancellationToken cancellationToken)
    {
        using var reply = await _nginx.Client.GetAsync(address, cancellationToken);
        return await Reply.ReadAsync(reply, cancellationToken);
    }

    private async Task<HttpResponseMessage> SubmitAsync(CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, "/heimdall/api/v1/job")
        {
            Content = JsonContent.Create(new
            {
                name = "behind",
                command_criteria = new[] { "type:postgres" },
                cluster_criteria = new[] { "_id:postgres" },
                context = new { query = "select generate_series(1, 3)", return_result = true },
            }),
        };
        request.Headers.Add("Prefer", "respond-async");
        return await _nginx.Client.SendAsync(request, cancellationToken);
    }

    [GeneratedRegex("(?:href|src|action|data-url)=\"([^\"]+)\"")]
    private static partial Regex Addresses();

    [GeneratedRegex("\\.(css|js)$")]
    private static partial Regex File();

    [GeneratedRegex("<([^>]*)>")]
    private static partial Regex Link();
}

/// <summary>nginx takes the path off.</summary>
public sealed class ProxyThatTakesThePathOffTests() : ProxyTests("/");

/// <summary>nginx leaves the path in the requests.</summary>
public sealed class ProxyThatLeavesThePathTests() : ProxyTests("");
