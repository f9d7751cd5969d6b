using System.Text.RegularExpressions;
using Heimdall.Api.Rights;
using Heimdall.Tests.Support;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using NUnit.Framework;

namespace Heimdall.Tests.Rights;

/// <summary>
/// Every endpoint and page, by every caller, for what is their own and what is others', in and out of their tags. What is
/// expected is written down here, by hand, and not taken from the table of rights.
/// </summary>
[CancelAfter(240_000)]
public sealed partial class AccessMatrixTests
{
    private const string Stock = "/jobs/enqueued";

    private static readonly string[] Callers =
        ["nobody", "reader", "reader-a", "submitter", "submitter-a", "operator", "operator-a", "admin", "admin-a"];

    /// <summary>
    /// By kind of request: a letter for each caller in their order. A: allowed; F: 403; N: 404, as if it were not there.
    /// Rows: their own inside, their own outside, others' inside, others' outside; or, where nothing is owned, inside and
    /// outside; or one row where there is no object.
    /// </summary>
    private static readonly Dictionary<string, string[]> Expected = new()
    {
        //                      nobody, reader, reader-a, submitter, submitter-a, operator, operator-a, admin, admin-a
        ["open"] = ["A AA AA AA AA"],
        ["known"] = ["A AA AA AA AA"],
        ["catalog"] = ["F AA AA AA AA"],
        ["audit"] = ["F FF FF FF AF"],
        ["hooks"] = ["F FF FF AF AF"],
        ["hook"] = ["F FF FF NF NF"], // there is none
        ["submit"] = ["F FF AA FF AA"],
        ["list"] = ["F AA AA AA AA"],
        ["engine"] = ["F AF FF AF AF"],
        ["engine button"] = ["F FF FF FF FF"],
        ["see"] = ["F AA AA AA AA", "F AN AN AN AN", "F AA NN AA AA", "F AN NN AN AN"],
        ["many"] = ["F FF AA AA AA"],
        ["see file"] = ["F NN NN NN NN", "F NN NN NN NN", "F NN NN NN NN", "F NN NN NN NN"], // there is no result
        ["change"] = ["F FF AA AA AA", "F FF AN AN AN", "F FF NN AA AA", "F FF NN AN AN"],
        ["decide"] = ["F FF FF FF FF", "F FF FF FN FN", "F FF FF AA AA", "F FF FF AN AN"], // never on one's own
        ["put schedule"] = ["F FF AA FF AA", "F FF AF FF AF", "F FF FF AA AA", "F FF FF AF AF"],
        ["edit schedule"] = ["F FF AA FF AA", "F FF AN FN AN", "F FF NN AA AA", "F FF NN AN AN"],
        ["see script"] = ["F AA AA AA AA", "F AA AA AA AA", "F AN NN AN AN", "F AN NN AN AN"],
        ["put script"] = ["F FF AA AA AA", "F FF AA AA AA", "F FF FF AF AF", "F FF FF AF AF"],
        ["delete script"] = ["F FF AA AA AA", "F FF AA AA AA", "F FF NN AN AN", "F FF NN AN AN"],
        ["see cluster"] = ["F AA AA AA AA", "F AN AN AN AN"],
        ["control cluster"] = ["F FF FF AA AA", "F FF FF AN AN"],
        ["control cluster by form"] = ["F FF FF AA AA", "F FF FF AF AF"],
        ["put definition"] = ["F FF FF FF AF"], // its tags say whose jobs it gets
        ["see command"] = ["F AA AA AA AA"],
        ["control all"] = ["F FF FF AF AF"],
        ["session"] = ["F NN NN NN NN"], // there is none
    };

    private static readonly (string Request, string Kind)[] Endpoints =
    [
        ("GET /", "open"), ("GET /healthz", "open"), ("GET /readyz", "open"),
        ("GET /signin", "open"), ("GET /signin/start", "open"), ("GET /signin/key", "known"),
        ("POST /signout", "open"),
        ("GET /openapi/{documentName}.json", "known"), ("GET /docs/{documentName?}", "known"),
        ("GET /docs/scalar.js", "known"), ("GET /docs/scalar.aspnetcore.js", "known"),
        ("GET /docs/favicon.svg", "known"),
        ("GET /api/v1/me", "known"), ("GET /api/v1/audit", "audit"), ("GET /api/v1/keys", "known"),
        ("GET /api/v1/sessions", "known"), ("DELETE /api/v1/session/{id:guid}", "session"),
        ("POST /api/v1/job", "submit"), ("POST /api/v1/jobs", "submit"), ("POST /api/v1/resolve", "submit"),
        ("GET /api/v1/jobs", "list"), ("GET /api/v1/job/statuses", "catalog"),
        ("GET /api/v1/job/{id:guid}", "see"), ("GET /api/v1/job/{id:guid}/status", "see"),
        ("GET /api/v1/job/{id:guid}/result", "see"),
        ("GET /api/v1/job/{id:guid}/result/chunks", "see"), ("GET /api/v1/job/{id:guid}/stdout", "see"),
        ("GET /api/v1/job/{id:guid}/stderr", "see"), ("GET /api/v1/job/{id:guid}/events", "see"),
        ("GET /api/v1/job/{id:guid}/attempts", "see"),
        ("POST /api/v1/job/{id:guid}/cancel", "change"), ("POST /api/v1/job/{id:guid}/retry", "change"),
        ("POST /api/v1/job/{id:guid}/approve", "decide"), ("POST /api/v1/job/{id:guid}/refuse", "decide"),
        ("GET /api/v1/commands", "catalog"), ("GET /api/v1/command/statuses", "catalog"),
        ("GET /api/v1/command/{id}", "see command"), ("GET /api/v1/command/{id}/status", "see command"),
        ("PUT /api/v1/command/{id:definition}", "put definition"), ("DELETE /api/v1/command/{id:definition}", "put definition"),
        ("PUT /api/v1/cluster/{id:definition}", "put definition"), ("DELETE /api/v1/cluster/{id:definition}", "put definition"),
        ("PUT /api/v1/command/{id}/status", "control all"),
        ("GET /api/v1/clusters", "catalog"), ("GET /api/v1/clusters/health", "catalog"),
        ("GET /api/v1/cluster/statuses", "catalog"), ("GET /api/v1/cluster/{id}", "see cluster"),
        ("GET /api/v1/cluster/{id}/status", "see cluster"), ("GET /api/v1/cluster/{id}/health", "see cluster"),
        ("PUT /api/v1/cluster/{id}/status", "control cluster"),
        ("GET /api/v1/queue", "catalog"),
        ("POST /api/v1/queue/pause", "control all"), ("POST /api/v1/queue/resume", "control all"),
        ("POST /api/v1/cluster/{id}/pause", "control cluster"), ("POST /api/v1/cluster/{id}/resume", "control cluster"),
        ("POST /api/v1/command/{id}/pause", "control all"), ("POST /api/v1/command/{id}/resume", "control all"),
        ("GET /api/v1/schedules", "list"), ("GET /api/v1/schedule/{id}", "see"),
        ("GET /api/v1/schedule/{id}/runs", "see"), ("GET /api/v1/schedule/{id}/next", "see"),
        ("PUT /api/v1/schedule/{id}", "put schedule"), ("DELETE /api/v1/schedule/{id}", "change"),
        ("POST /api/v1/schedule/{id}/trigger", "change"), ("POST /api/v1/schedule/{id}/pause", "change"),
        ("POST /api/v1/schedule/{id}/resume", "change"),
        ("GET /api/v1/hooks", "hooks"), ("POST /api/v1/hooks/{id}/test", "hook"),
        ("GET /api/v1/hooks/deliveries", "hooks"), ("GET /api/v1/hooks/deliveries/{id:guid}", "hook"),
        ("POST /api/v1/hooks/deliveries/{id:guid}/redeliver", "hook"),
        ("GET /api/v1/job/{id:guid}/deliveries", "see"),
        ("GET /api/v1/sql", "list"), ("GET /api/v1/sql/{**path}", "see script"),
        ("PUT /api/v1/sql/{**path}", "put script"), ("DELETE /api/v1/sql/{**path}", "delete script"),
        ("GET /console", "submit"), ("GET /console/files/{**path}", "known"),
        ("* /hangfire/{**path}", "known"),
    ];

    private static readonly (string Request, string Kind)[] Pages =
    [
        ("GET /sql/overview", "list"), ("GET /sql/engine", "engine"), ("GET /sql/audit", "audit"),
        ("GET /sql/files/{asset}", "known"),
        ("GET /sql/jobs", "list"), ("GET /sql/jobs/{id}", "see"), ("GET /sql/jobs/{id}/live", "see"),
        ("GET /sql/jobs/{id}/stdout", "see"), ("GET /sql/jobs/{id}/stderr", "see"),
        ("GET /sql/jobs/{id}/result/{format}", "see file"),
        ("GET /sql/bulk/cancel", "many"), ("POST /sql/bulk/cancel/named", "many"),
        ("GET /sql/bulk/retry", "many"), ("POST /sql/bulk/retry/named", "many"),
        ("POST /sql/jobs/{id}/cancel", "change"), ("POST /sql/jobs/{id}/retry", "change"),
        ("POST /sql/jobs/{id}/approve", "decide"), ("POST /sql/jobs/{id}/refuse", "decide"),
        ("GET /sql/schedules", "list"), ("GET /sql/schedules/{schedule}", "see"),
        ("POST /sql/schedules/{schedule}/trigger", "change"), ("POST /sql/schedules/{schedule}/pause", "change"),
        ("POST /sql/schedules/{schedule}/resume", "change"),
        ("GET /sql/schedules/{schedule}/edit", "edit schedule"),
        ("POST /sql/schedules/{schedule}/save", "edit schedule"),
        ("GET /sql/clusters", "catalog"), ("GET /sql/clusters/{cluster}", "see cluster"),
        ("POST /sql/clusters/{cluster}/pause", "control cluster"),
        ("POST /sql/clusters/{cluster}/resume", "control cluster"),
        ("POST /sql/clusters/{cluster}/status", "control cluster"),
        ("GET /sql/commands", "catalog"), ("GET /sql/commands/{command}", "see command"),
        ("POST /sql/commands/{command}/pause", "control all"), ("POST /sql/commands/{command}/resume", "control all"),
        ("POST /sql/commands/{command}/status", "control all"),
        ("GET /sql/hooks", "hooks"), ("POST /sql/hooks/test", "hooks"), ("POST /sql/hooks/{id}/redeliver", "hook"),
        ("POST /sql/pauses/add", "control cluster by form"), ("POST /sql/pauses/end", "control cluster by form"),
        ("GET /{file}", "known"), ("POST /stats", "known"),
        ("GET /{page}", "engine"), ("POST /{page}", "engine button"),
    ];

    private readonly Dictionary<(string Caller, bool IsOwn, bool IsInside), Guid> _jobs = [];

    private OpenIdProvider _provider = null!;
    private RoleInstance _api = null!;

    [OneTimeSetUp]
    public async Task Start()
    {
        _provider = await OpenIdProvider.StartAsync();
        _api = await RoleInstance.StartAsync(worker: false, users: ["owner"], provider: _provider);
        var cancellationToken = TestContext.CurrentContext.CancellationToken;
        foreach (var caller in Callers)
        {
            foreach (var (isOwn, isInside) in Places)
            {
                var owner = isOwn ? caller : "owner";
                _jobs[(caller, isOwn, isInside)] = await _api.MakeJobAsync(owner, ClusterOf(isInside),
                    cancellationToken);
                var id = ScheduleOf(caller, isOwn, isInside);
                (await _api.SendAsync("admin", "PUT", $"/api/v1/schedule/{id}", cancellationToken,
                    ScheduleBody(isInside))).AssertStatus(201);
                await _api.Heimdall.Store.ExecuteAsync(
                    "update heimdall.schedule set \"user\" = $2, edited_by = $2 where id = $1", cancellationToken, id,
                        owner);
            }
        }
        await _api.Heimdall.Store.ExecuteAsync(
            "update heimdall.job set approval = '{\"asked_by\": []}'", cancellationToken);
        await _api.Heimdall.Store.ExecuteAsync("create table kept_schedule as select * from heimdall.schedule",
            cancellationToken);
    }

    [OneTimeTearDown]
    public async Task Stop()
    {
        await _api.DisposeAsync();
        await _provider.DisposeAsync();
    }

    private static IEnumerable<(bool IsOwn, bool IsInside)> Places =>
        [(true, true), (true, false), (false, true), (false, false)];

    [Test]
    public void Every_endpoint_has_an_expectation_and_an_entry()
    {
        var mapped = _api.Heimdall.ApiServices.GetRequiredService<EndpointDataSource>().Endpoints.OfType<RouteEndpoint>()
            .Select(endpoint =>
                $"{endpoint.Metadata.GetMetadata<IHttpMethodMetadata>()?.HttpMethods[0] ?? "*"} {endpoint.RoutePattern.RawText}")
            .ToArray();

        Assert.That(mapped, Is.EquivalentTo(Endpoints.Select(row => row.Request)),
            "endpoints that there are, and expectations");
        Assert.That(AccessTable.AllEndpoints, Is.EquivalentTo(mapped), "entries of the table");
        Assert.That(AccessTable.AllPages.Select(page => $"{page.Method} {page.Page}"),
            Is.EquivalentTo(Pages.Select(row => row.Request)));
    }

    [Test]
    public async Task A_caller_may_do_what_is_written_here_and_nothing_else(
        [ValueSource(nameof(Callers))] string caller, [Values("key", "session")] string credentials)
    {
        var isSession = credentials == "session";
        var cancellationToken = TestContext.CurrentContext.CancellationToken;
        var wrong = new List<string>();
        foreach (var (request, kind) in Endpoints.Where(row => row.Request[0] != '*'))
        {
            await LookAsync(request, kind, (place, path) =>
                SendAsync(isSession, caller, place, request, path, cancellationToken));
        }
        foreach (var (request, kind) in Pages)
        {
            await LookAsync(request, kind, (place, path) =>
                SendPageAsync(isSession, caller, place, request, path, cancellationToken));
        }
        Assert.That(wrong, Is.Empty);

        async Task LookAsync(string request, string kind, Func<(bool IsOwn, bool IsInside), string,
            Task<Reply>> sendAsync)
        {
            foreach (var (row, letters) in Expected[kind].Index())
            {
                var place = Expected[kind].Length == 2 ? (IsOwn: false, IsInside: row == 0) : Places.ElementAt(row);
                var expected = letters.Replace(" ", "", StringComparison.Ordinal)[Array.IndexOf(Callers, caller)];
                await RestoreAsync(caller, place, cancellationToken);
                var reply = await sendAsync(place, PathOf(request.Split(' ')[1], caller, place));
                var found = (int)reply.Status switch
                {
                    403 => 'F',
                    404 when kind is "known" || reply.Text.Contains("rows of an inline query",
                        StringComparison.Ordinal) => 'A',
                    404 => 'N',
                    401 or >= 500 and not 503 => '!',
                    _ => 'A',
                };
                if (found != expected || (found == 'F' && !SaysWhy(reply)))
                {
                    wrong.Add($"{request}, {(place.IsOwn ? "own" : "others'")} {ClusterOf(place.IsInside)}: expected {expected}, was {found} ({(int)reply.Status} {reply.Text})");
                }
            }
        }
    }

    [Test]
    public async Task Without_right_credentials_only_the_entrance_and_health_are_open(
        CancellationToken cancellationToken)
    {
        var wrong = new List<string>();
        var session = await _api.SessionOfAsync("owner", cancellationToken);
        await _api.Heimdall.Store.ExecuteAsync(
            """update heimdall.browser_session set ends_at = now() where "user" = 'owner'""", cancellationToken);
        (string Name, string Session)[] sessions =
            [("an expired", session), ("a tampered", $"{session[..^3]}xyz"), ("an invented", "x")];
        var place = (IsOwn: true, IsInside: true);
        var host = 0;
        var requests = Endpoints.Where(row => row.Request[0] != '*')
            .Select(row => (row.Request, row.Kind, Path: PathOf(row.Request.Split(' ')[1], "admin", place)))
            .Concat(Pages.Select(row =>
                (row.Request, Kind: "page", Path: $"/hangfire{PathOf(row.Request.Split(' ')[1], "admin", place)}")))
            .ToArray();
        foreach (var (request, kind, path) in requests)
        {
            foreach (var key in new[] { null, "hk_0000000000000000000000000000000000000000000000000000000000000000",
                _api.ExpiredKey })
            {
                var reply = await _api.SendFromAsync(++host, key, request.Split(' ')[0], path, cancellationToken);
                if (!IsRight(kind, reply))
                {
                    wrong.Add($"{request} with {(key is null ? "no" : key == _api.ExpiredKey ? "an expired" : "a wrong")} key: {reply.Status}");
                }
            }
            foreach (var (name, cookie) in sessions)
            {
                var method = request.Split(' ')[0];
                var reply = await _api.SendFromPageAsync(++host, cookie, method, path, cancellationToken);
                if (!IsRight(kind, reply))
                {
                    wrong.Add($"{request} with {name} session: {reply.Status}");
                }
            }
        }

        Assert.That(wrong, Is.Empty);
        Assert.That(host, Is.GreaterThan(200));
    }

    /// <summary>What is open is answered; where a sign-in begins, by the address of the provider.</summary>
    private static bool IsRight(string kind, Reply reply) => kind != "open" ? (int)reply.Status == 401
        : (int)reply.Status == 200
            || ((int)reply.Status == 302
                && reply.Header("Location")!.Contains("/authorize?", StringComparison.Ordinal));

    /// <summary>Deletes and changes of other rows are undone.</summary>
    private async Task RestoreAsync(string caller, (bool IsOwn, bool IsInside) place,
        CancellationToken cancellationToken)
    {
        var store = _api.Heimdall.Store;
        await store.ExecuteAsync(
            "insert into heimdall.schedule select * from kept_schedule where id = $1 on conflict do nothing",
            cancellationToken, ScheduleOf(caller, place.IsOwn, place.IsInside));
        var script = ScriptOf(caller, place.IsOwn);
        _api.Heimdall.WriteScript(script, "select 1");
        await store.ExecuteAsync(
            "insert into heimdall.script (path, owner) values ($1, $2) on conflict (path) do update set owner = excluded.owner",
            cancellationToken, script, place.IsOwn ? caller : "owner");
        await store.ExecuteAsync(
            "insert into heimdall.pause (scope, target, paused_by) values ('cluster', $1, 'owner') on conflict do nothing",
            cancellationToken, ClusterOf(place.IsInside));
    }

    private async Task<Reply> SendAsync(
        bool isSession, string caller, (bool IsOwn, bool IsInside) place, string request, string path,
            CancellationToken cancellationToken)
    {
        HttpContent? content = request switch
        {
            "POST /api/v1/job" or "POST /api/v1/resolve" => RoleInstance.Json(RoleInstance.Query("inside")),
            "POST /api/v1/jobs" => RoleInstance.Json($"[{RoleInstance.Batch("inside", "select 1")}]"),
            "PUT /api/v1/schedule/{id}" => ScheduleBody(place.IsInside),
            "POST /api/v1/job/{id:guid}/refuse" => RoleInstance.Json("""{"reason":"Not now."}"""),
            "PUT /api/v1/sql/{**path}" => new StringContent("select 2"),
            "PUT /api/v1/cluster/{id}/status" or "PUT /api/v1/command/{id}/status" =>
                RoleInstance.Json("""{"status":"ACTIVE"}"""),
            _ => null,
        };
        // A sign-out ends the session that is asked for with it.
        return isSession && request != "POST /signout"
            ? await _api.SendFromPageAsync(caller, request.Split(' ')[0], path, cancellationToken, content)
            : await _api.SendAsync(caller, request.Split(' ')[0], path, cancellationToken, content);
    }

    private async Task<Reply> SendPageAsync(
        bool isSession, string caller, (bool IsOwn, bool IsInside) place, string request, string path,
            CancellationToken cancellationToken)
    {
        var method = request.Split(' ')[0];
        if (method == "GET")
        {
            return isSession
                ? await _api.SendFromPageAsync(caller, method, $"/hangfire{path}", cancellationToken)
                : await _api.SendAsync(caller, method, $"/hangfire{path}", cancellationToken);
        }
        (string, string)[] fields =
        [
            ("target", $"cluster/{ClusterOf(place.IsInside)}"), ("time", "until resumed"), ("status", "ACTIVE"),
            ("reason", "Not now."), ("metrics[]", "servers:count"),
        ];
        return isSession
            ? await _api.PressFromPageAsync(caller, path, cancellationToken, fields)
            : await _api.PressAsync(caller, path, cancellationToken, fields);
    }

    /// <summary>A refusal by a form's own page needs no sentence of its own: the page has no such button.</summary>
    private static bool SaysWhy(Reply reply) =>
        reply.ContentType != "application/problem+json" || Why().IsMatch(reply.Text);

    private string PathOf(string pattern, string caller, (bool IsOwn, bool IsInside) place)
    {
        var script = ScriptOf(caller, place.IsOwn);
        var schedule = ScheduleOf(caller, place.IsOwn, place.IsInside);
        var job = _jobs[(caller, place.IsOwn, place.IsInside)].ToString();
        return pattern switch
        {
            "/{file}" => "/css123",
            "/sql/files/{asset}" => "/sql/files/heimdall-000000000000.css",
            "/sql/jobs/{id}/result/{format}" => $"/sql/jobs/{job}/result/csv",
            "/{page}" => Stock,
            _ => pattern.Replace("{id:definition}", "{id}", StringComparison.Ordinal)
                .Replace("{documentName}", "v1", StringComparison.Ordinal)
                .Replace("{documentName?}", "", StringComparison.Ordinal).Replace("{**path}", script,
                StringComparison.Ordinal)
                .Replace("{id:guid}", job, StringComparison.Ordinal).Replace("/jobs/{id}", $"/jobs/{job}",
                    StringComparison.Ordinal)
                .Replace("/sql/hooks/{id}", $"/sql/hooks/{job}", StringComparison.Ordinal)
                .Replace("/schedule/{id}", $"/schedule/{schedule}", StringComparison.Ordinal)
                .Replace("{schedule}", schedule, StringComparison.Ordinal)
                .Replace("{cluster}", ClusterOf(place.IsInside), StringComparison.Ordinal)
                .Replace("{command}", "postgres-0.0.1", StringComparison.Ordinal)
                .Replace("/cluster/{id}", $"/cluster/{ClusterOf(place.IsInside)}", StringComparison.Ordinal)
                .Replace("/command/{id}", "/command/postgres-0.0.1", StringComparison.Ordinal),
        };
    }

    private static string ClusterOf(bool isInside) => isInside ? "inside" : "outside";

    private static string ScheduleOf(string caller, bool isOwn, bool isInside) =>
        $"{(isOwn ? "own" : "others")}-{ClusterOf(isInside)}-{caller}";

    private static string ScriptOf(string caller, bool isOwn) => $"{(isOwn ? "own" : "others")}-{caller}.sql";

    private static StringContent ScheduleBody(bool isInside) => RoleInstance.Json($$"""
        {"cron": "0 0 1 1 *", "command_criteria": ["type:postgres"], "cluster_criteria": ["_id:{{ClusterOf(isInside)}}"],
        "context": {"query": "select 1"} }
        """);

    [GeneratedRegex("needs the role|See the status|for reading")]
    private static partial Regex Why();
}
