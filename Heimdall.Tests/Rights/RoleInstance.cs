using System.Security.Claims;
using System.Text;
using Heimdall.Api.Callers;
using Heimdall.Tests.Support;
using Microsoft.AspNetCore.Antiforgery;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;

namespace Heimdall.Tests.Rights;

/// <summary>
/// An API whose callers have API keys and roles. <c>inside</c> is a cluster with the tag <c>team:a</c>, <c>outside</c> one
/// without it. A caller whose name ends in <c>-a</c> has the role for <c>team:a</c> only; <c>nobody</c> has none.
/// </summary>
internal sealed class RoleInstance : IAsyncDisposable
{
    public const string Nobody = "nobody";

    private static readonly string[] Roles = ["reader", "submitter", "operator", "admin"];

    private readonly Dictionary<string, string> _keys = [];
    private readonly Dictionary<string, string> _sessions = [];
    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });

    private readonly OpenIdProvider? _provider;

    private RoleInstance(OpenIdProvider? provider) => _provider = provider;

    public HeimdallInstance Heimdall { get; private set; } = null!;

    /// <summary>An admin's, whose time is over.</summary>
    public string ExpiredKey { get; private set; } = null!;

    /// <param name="worker">With a worker.</param>
    /// <param name="users">Submitters beside those of the roles.</param>
    /// <param name="configure">Changes the configuration.</param>
    /// <param name="moreRoles">More entries, as a YAML flow list without its brackets.</param>
    /// <param name="keysFor">The users whom these name.</param>
    /// <param name="provider">Where browsers sign in.</param>
    public static async Task<RoleInstance> StartAsync(
        bool worker, string[] users, Func<InstanceConfig, InstanceConfig>? configure = null, string moreRoles = "",
        string[]? keysFor = null, OpenIdProvider? provider = null)
    {
        var instance = new RoleInstance(provider);
        string[] names = [Nobody, .. Roles, .. Roles.Select(role => $"{role}-a"), .. users, .. keysFor ?? []];
        var keys = names.Select(name => (name, Made: ApiKeyRing.Create())).ToArray();
        foreach (var (name, made) in keys)
        {
            instance._keys[name] = made.Key;
        }
        var expired = ApiKeyRing.Create();
        instance.ExpiredKey = expired.Key;
        var entries = Roles.SelectMany(role => new[]
        {
            $"{{role: {role}, users: [{role}]}}",
            $"{{role: {role}, users: [{role}-a], cluster_tags: [team:a]}}",
        });
        string[] submitters = users.Length > 0 ? [$"{{role: submitter, users: [{string.Join(", ", users)}]}}"] : [];
        var apiKeys = keys.Select(key => $"{{user: {key.name}, hash: \"{key.Made.Hash}\"}}")
            .Append($"{{user: admin, hash: \"{expired.Hash}\", expires: 2001-01-01T00:00:00Z}}");
        string[] more = moreRoles.Length > 0 ? [moreRoles] : [];
        var auth = $"api_keys: [{string.Join(", ", apiKeys)}], "
            + $"roles: [{string.Join(", ", [.. entries, .. submitters, .. more])}], default_role: none"
            + (provider is null ? "" : $", oidc: {{{provider.Config()}}}");
        instance.Heimdall = await HeimdallInstance.StartAsync(
            config =>
            {
                var made = (config with { Auth = auth, SqlUploads = "enabled: true" })
                    .WithCluster("inside", "type:postgres, data:local, team:a", config.Target)
                    .WithCluster("outside", "type:postgres, data:local", config.Target);
                return configure is null ? made : configure(made);
            },
            worker);
        return instance;
    }

    public string KeyOf(string caller) => _keys[caller];

    /// <summary>The session of a browser that is signed in as a caller.</summary>
    public async Task<string> SessionOfAsync(string caller, CancellationToken cancellationToken)
    {
        if (!_sessions.TryGetValue(caller, out var session))
        {
            using var browser = new SignInClient(Heimdall.Address);
            await browser.SignInAsync(caller, cancellationToken);
            _sessions[caller] = session = browser.Session!;
        }
        return session;
    }

    /// <summary>As a page of this server does it in a browser that is signed in.</summary>
    public async Task<Reply> SendFromPageAsync(
        string caller, string method, string path, CancellationToken cancellationToken, HttpContent? content = null) =>
        await SendAsync(
            _client, method, path, content, FromPage(await SessionOfAsync(caller, cancellationToken)),
            cancellationToken);

    public Task<Reply> SendAsync(
        string caller, string method, string path, CancellationToken cancellationToken, HttpContent? content = null,
        params (string Name, string Value)[] headers) =>
        SendAsync(
            _client, method, path, content, [("Authorization", $"Bearer {KeyOf(caller)}"), .. headers], cancellationToken);

    /// <summary>Sends a form of the dashboard, as if its page had been open.</summary>
    public Task<Reply> PressAsync(
        string caller, string path, CancellationToken cancellationToken, params (string Name, string Value)[] fields)
    {
        var (content, cookie) = MakeForm(Credentials.Of(caller, Credentials.Key), fields);
        return SendAsync(caller, "POST", $"/hangfire{path}", cancellationToken, content, ("Cookie", cookie));
    }

    /// <summary>The same in a browser that is signed in.</summary>
    public async Task<Reply> PressFromPageAsync(
        string caller, string path, CancellationToken cancellationToken, params (string Name, string Value)[] fields)
    {
        var session = await SessionOfAsync(caller, cancellationToken);
        var (content, cookie) = MakeForm(
            Credentials.Of(
                caller, Credentials.Oidc, new Claim("sub", caller, ClaimValueTypes.String, _provider!.Authority)),
            fields);
        return await SendAsync(
            _client, "POST", $"/hangfire{path}", content, FromPage(session, $"; {cookie}"), cancellationToken);
    }

    /// <summary>From an address of its own, so that its wrong credentials are counted for nobody else.</summary>
    /// <param name="host">From 1 on; not the same twice within a minute.</param>
    /// <param name="key">Null: no key.</param>
    /// <param name="method">Of the request.</param>
    /// <param name="path">Of the request.</param>
    /// <param name="cancellationToken">Ends the request.</param>
    public async Task<Reply> SendFromAsync(int host, string? key, string method, string path,
        CancellationToken cancellationToken)
    {
        using var handler = LocalAddress.Handler(host);
        using var client = new HttpClient(handler);
        return await SendAsync(
            client, method, path, content: null, key is null ? [] : [("Authorization", $"Bearer {key}")],
            cancellationToken);
    }

    /// <summary>The same with the cookie of a session, from an address of its own.</summary>
    public async Task<Reply> SendFromPageAsync(
        int host, string session, string method, string path, CancellationToken cancellationToken)
    {
        using var handler = LocalAddress.Handler(host);
        using var client = new HttpClient(handler);
        return await SendAsync(client, method, path, content: null, FromPage(session), cancellationToken);
    }

    public Task<Reply> PostAsync(string caller, string path, string json, CancellationToken cancellationToken) =>
        SendAsync(caller, "POST", path, cancellationToken, Json(json));

    /// <summary>An inline query that has ended, of whomever.</summary>
    public async Task<Guid> MakeJobAsync(string owner, string cluster, CancellationToken cancellationToken)
    {
        var job = (await PostAsync("admin", "/api/v1/job", Query(cluster), cancellationToken)).AssertStatus(200).Id;
        await Heimdall.Store.ExecuteAsync("update heimdall.job set \"user\" = $2 where id = $1", cancellationToken,
            job, owner);
        return job;
    }

    public static string Query(string cluster, string command = "_id:postgres-0.0.1") =>
        $$"""{"name":"q","command_criteria":["{{command}}"],"cluster_criteria":["_id:{{cluster}}"],"context":{"query":"select 1","return_result":true} }""";

    public static string Batch(string cluster, string query, string command = "_id:postgres-0.0.1") =>
        $$"""{"name":"b","command_criteria":["{{command}}"],"cluster_criteria":["_id:{{cluster}}"],"context":{"query":"{{query}}"} }""";

    public static StringContent Json(string json) => new(json, Encoding.UTF8, "application/json");

    public async ValueTask DisposeAsync()
    {
        _client.Dispose();
        await Heimdall.DisposeAsync();
    }

    private static (string Name, string Value)[] FromPage(string session, string more = "") =>
        [("Cookie", $"{SignInClient.SessionCookie}={session}{more}"), ("Sec-Fetch-Site", "same-origin")];

    private (FormUrlEncodedContent Content, string Cookie) MakeForm(
        ClaimsPrincipal user, IEnumerable<(string Name, string Value)> fields)
    {
        var services = Heimdall.ApiServices;
        var sender = new DefaultHttpContext { RequestServices = services, User = user };
        var tokens = services.GetRequiredService<IAntiforgery>().GetTokens(sender);
        var name = services.GetRequiredService<IOptions<AntiforgeryOptions>>().Value.Cookie.Name;
        var form = fields.Append((Name: tokens.FormFieldName, Value: tokens.RequestToken!))
            .Select(field => KeyValuePair.Create(field.Name, field.Value));
        return (new FormUrlEncodedContent(form), $"{name}={tokens.CookieToken}");
    }

    private async Task<Reply> SendAsync(
        HttpClient client, string method, string path, HttpContent? content, (string Name, string Value)[] headers,
        CancellationToken cancellationToken)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method),
            new Uri(Heimdall.Address, path))
        { Content = content };
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        using var response = await client.SendAsync(request, cancellationToken);
        return await Reply.ReadAsync(response, cancellationToken);
    }
}
