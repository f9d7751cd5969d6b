using System.Collections.Frozen;
using System.Text.RegularExpressions;
using Heimdall.Core.Configuration;

namespace Heimdall.Api.Rights;

/// <summary>
/// The one table of who may do what. What is not in it cannot be reached: an endpoint without an entry keeps the
/// process from starting, and a page without an entry is Hangfire's own.
/// </summary>
internal static partial class AccessTable
{
    /// <summary>The dashboard: each of its pages has an entry of its own below.</summary>
    public const string Dashboard = "/hangfire";

    /// <summary>The page where SQL is written and run.</summary>
    public const string Console = "/console";

    /// <summary>A style, a script or a font of Hangfire's pages.</summary>
    public const string StockFile = "/{file}";

    private const string AnyPage = "/{page}";

    /// <summary>By right: who has it for what is their own, and who for what is anybody's.</summary>
    private static readonly FrozenDictionary<Right, Holders> Roles = new Dictionary<Right, Holders>
    {
        [Right.SeeCatalog] = new([], [Role.Reader, Role.Submitter, Role.Operator, Role.Admin]),
        [Right.Submit] = new([], [Role.Submitter, Role.Admin]),
        [Right.SeeJobs] = new([Role.Submitter], [Role.Reader, Role.Operator, Role.Admin]),
        [Right.StopJobs] = new([Role.Submitter], [Role.Operator, Role.Admin]),
        [Right.RetryJobs] = new([Role.Submitter], [Role.Operator, Role.Admin]),
        [Right.DecideJobs] = new([], [Role.Operator, Role.Admin]),
        [Right.SeeSchedules] = new([Role.Submitter], [Role.Reader, Role.Operator, Role.Admin]),
        [Right.ChangeSchedules] = new([Role.Submitter], [Role.Operator, Role.Admin]),
        [Right.SeeScripts] = new([Role.Submitter], [Role.Reader, Role.Operator, Role.Admin]),
        [Right.ChangeScripts] = new([Role.Submitter], [Role.Operator, Role.Admin]),
        [Right.ControlQueue] = new([], [Role.Operator, Role.Admin]),
        [Right.ChangeCatalog] = new([], [Role.Admin], EverywhereOnly: true),
        [Right.SeeEngine] = new([], [Role.Reader, Role.Operator, Role.Admin], EverywhereOnly: true),
        [Right.ChangeEngine] = new([], []),
        [Right.SeeHooks] = new([], [Role.Operator, Role.Admin], EverywhereOnly: true),
        [Right.ControlHooks] = new([], [Role.Operator, Role.Admin], EverywhereOnly: true),
        [Right.SeeAudit] = new([], [Role.Admin], EverywhereOnly: true),
        [Right.EndSessions] = new([Role.Reader, Role.Submitter, Role.Operator], [Role.Admin]),
    }.ToFrozenDictionary();

    private static readonly FrozenDictionary<string, Right> Endpoints = new Dictionary<string, Right>
    {
        ["GET /"] = Right.None,
        ["GET /signin"] = Right.None,
        ["GET /signin/start"] = Right.None,
        ["GET /signin/key"] = Right.Known,
        ["POST /signout"] = Right.None,
        ["GET /healthz"] = Right.None,
        ["GET /readyz"] = Right.None,
        ["GET /openapi/{documentName}.json"] = Right.Known,
        ["GET /docs/{documentName?}"] = Right.Known,
        ["GET /docs/scalar.js"] = Right.Known,
        ["GET /docs/scalar.aspnetcore.js"] = Right.Known,
        ["GET /docs/favicon.svg"] = Right.Known,
        ["GET /api/v1/me"] = Right.Known,
        ["GET /api/v1/audit"] = Right.SeeAudit,
        ["GET /api/v1/keys"] = Right.Known,
        ["GET /api/v1/sessions"] = Right.Known,
        ["DELETE /api/v1/session/{id:guid}"] = Right.EndSessions,

        ["POST /api/v1/job"] = Right.Submit,
        ["POST /api/v1/jobs"] = Right.Submit,
        ["POST /api/v1/resolve"] = Right.Submit,
        ["GET /api/v1/jobs"] = Right.SeeJobs,
        ["GET /api/v1/job/statuses"] = Right.SeeCatalog,
        ["GET /api/v1/job/{id:guid}"] = Right.SeeJobs,
        ["GET /api/v1/job/{id:guid}/status"] = Right.SeeJobs,
        ["GET /api/v1/job/{id:guid}/result"] = Right.SeeJobs,
        ["GET /api/v1/job/{id:guid}/result/chunks"] = Right.SeeJobs,
        ["GET /api/v1/job/{id:guid}/stdout"] = Right.SeeJobs,
        ["GET /api/v1/job/{id:guid}/stderr"] = Right.SeeJobs,
        ["GET /api/v1/job/{id:guid}/events"] = Right.SeeJobs,
        ["GET /api/v1/job/{id:guid}/attempts"] = Right.SeeJobs,
        ["POST /api/v1/job/{id:guid}/cancel"] = Right.StopJobs,
        ["POST /api/v1/job/{id:guid}/retry"] = Right.RetryJobs,
        ["POST /api/v1/job/{id:guid}/approve"] = Right.DecideJobs,
        ["POST /api/v1/job/{id:guid}/refuse"] = Right.DecideJobs,

        ["GET /api/v1/commands"] = Right.SeeCatalog,
        ["GET /api/v1/command/statuses"] = Right.SeeCatalog,
        ["GET /api/v1/command/{id}"] = Right.SeeCatalog,
        ["PUT /api/v1/command/{id:definition}"] = Right.ChangeCatalog,
        ["DELETE /api/v1/command/{id:definition}"] = Right.ChangeCatalog,
        ["GET /api/v1/command/{id}/status"] = Right.SeeCatalog,
        ["PUT /api/v1/command/{id}/status"] = Right.ControlQueue,
        ["GET /api/v1/clusters"] = Right.SeeCatalog,
        ["GET /api/v1/clusters/health"] = Right.SeeCatalog,
        ["GET /api/v1/cluster/statuses"] = Right.SeeCatalog,
        ["GET /api/v1/cluster/{id}"] = Right.SeeCatalog,
        ["PUT /api/v1/cluster/{id:definition}"] = Right.ChangeCatalog,
        ["DELETE /api/v1/cluster/{id:definition}"] = Right.ChangeCatalog,
        ["GET /api/v1/cluster/{id}/status"] = Right.SeeCatalog,
        ["GET /api/v1/cluster/{id}/health"] = Right.SeeCatalog,
        ["PUT /api/v1/cluster/{id}/status"] = Right.ControlQueue,

        ["GET /api/v1/queue"] = Right.SeeCatalog,
        ["POST /api/v1/queue/pause"] = Right.ControlQueue,
        ["POST /api/v1/queue/resume"] = Right.ControlQueue,
        ["POST /api/v1/cluster/{id}/pause"] = Right.ControlQueue,
        ["POST /api/v1/cluster/{id}/resume"] = Right.ControlQueue,
        ["POST /api/v1/command/{id}/pause"] = Right.ControlQueue,
        ["POST /api/v1/command/{id}/resume"] = Right.ControlQueue,

        ["GET /api/v1/schedules"] = Right.SeeSchedules,
        ["GET /api/v1/schedule/{id}"] = Right.SeeSchedules,
        ["GET /api/v1/schedule/{id}/runs"] = Right.SeeSchedules,
        ["GET /api/v1/schedule/{id}/next"] = Right.SeeSchedules,
        ["PUT /api/v1/schedule/{id}"] = Right.ChangeSchedules,
        ["DELETE /api/v1/schedule/{id}"] = Right.ChangeSchedules,
        ["POST /api/v1/schedule/{id}/trigger"] = Right.ChangeSchedules,
        ["POST /api/v1/schedule/{id}/pause"] = Right.ChangeSchedules,
        ["POST /api/v1/schedule/{id}/resume"] = Right.ChangeSchedules,

        ["GET /api/v1/hooks"] = Right.SeeHooks,
        ["POST /api/v1/hooks/{id}/test"] = Right.ControlHooks,
        ["GET /api/v1/hooks/deliveries"] = Right.SeeHooks,
        ["GET /api/v1/hooks/deliveries/{id:guid}"] = Right.SeeHooks,
        ["POST /api/v1/hooks/deliveries/{id:guid}/redeliver"] = Right.ControlHooks,
        ["GET /api/v1/job/{id:guid}/deliveries"] = Right.SeeJobs,

        ["GET /api/v1/sql"] = Right.SeeScripts,
        ["GET /api/v1/sql/{**path}"] = Right.SeeScripts,
        ["PUT /api/v1/sql/{**path}"] = Right.ChangeScripts,
        ["DELETE /api/v1/sql/{**path}"] = Right.ChangeScripts,

        [$"GET {Console}"] = Right.Submit,
        [$"GET {Console}/files/{{**path}}"] = Right.Known,
        [$"* {Dashboard}/{{**path}}"] = Right.Known,
    }.ToFrozenDictionary();

    /// <summary>The dashboard's pages and buttons; the first that matches counts. The last are Hangfire's.</summary>
    private static readonly (string Method, string Page, Right Right, Regex Pattern)[] Pages =
    [
        Page("GET", "/sql/overview", Right.SeeJobs),
        Page("GET", "/sql/engine", Right.SeeEngine),
        Page("GET", "/sql/audit", Right.SeeAudit),
        Page("GET", "/sql/files/{asset}", Right.Known),
        Page("GET", "/sql/jobs", Right.SeeJobs),
        Page("GET", "/sql/bulk/cancel", Right.StopJobs),
        Page("POST", "/sql/bulk/cancel/named", Right.StopJobs),
        Page("GET", "/sql/bulk/retry", Right.RetryJobs),
        Page("POST", "/sql/bulk/retry/named", Right.RetryJobs),
        Page("GET", "/sql/jobs/{id}", Right.SeeJobs),
        Page("GET", "/sql/jobs/{id}/live", Right.SeeJobs),
        Page("GET", "/sql/jobs/{id}/stdout", Right.SeeJobs),
        Page("GET", "/sql/jobs/{id}/stderr", Right.SeeJobs),
        Page("GET", "/sql/jobs/{id}/result/{format}", Right.SeeJobs),
        Page("POST", "/sql/jobs/{id}/cancel", Right.StopJobs),
        Page("POST", "/sql/jobs/{id}/retry", Right.RetryJobs),
        Page("POST", "/sql/jobs/{id}/approve", Right.DecideJobs),
        Page("POST", "/sql/jobs/{id}/refuse", Right.DecideJobs),
        Page("GET", "/sql/schedules", Right.SeeSchedules),
        Page("GET", "/sql/schedules/{schedule}", Right.SeeSchedules),
        Page("GET", "/sql/schedules/{schedule}/edit", Right.ChangeSchedules),
        Page("POST", "/sql/schedules/{schedule}/save", Right.ChangeSchedules),
        Page("POST", "/sql/schedules/{schedule}/trigger", Right.ChangeSchedules),
        Page("POST", "/sql/schedules/{schedule}/pause", Right.ChangeSchedules),
        Page("POST", "/sql/schedules/{schedule}/resume", Right.ChangeSchedules),
        Page("GET", "/sql/clusters", Right.SeeCatalog),
        Page("GET", "/sql/clusters/{cluster}", Right.SeeCatalog),
        Page("POST", "/sql/clusters/{cluster}/pause", Right.ControlQueue),
        Page("POST", "/sql/clusters/{cluster}/resume", Right.ControlQueue),
        Page("POST", "/sql/clusters/{cluster}/status", Right.ControlQueue),
        Page("GET", "/sql/commands", Right.SeeCatalog),
        Page("GET", "/sql/commands/{command}", Right.SeeCatalog),
        Page("POST", "/sql/commands/{command}/pause", Right.ControlQueue),
        Page("POST", "/sql/commands/{command}/resume", Right.ControlQueue),
        Page("POST", "/sql/commands/{command}/status", Right.ControlQueue),
        Page("GET", "/sql/hooks", Right.SeeHooks),
        Page("POST", "/sql/hooks/test", Right.ControlHooks),
        Page("POST", "/sql/hooks/{id}/redeliver", Right.ControlHooks),
        Page("POST", "/sql/pauses/add", Right.ControlQueue),
        Page("POST", "/sql/pauses/end", Right.ControlQueue),
        Page("GET", StockFile, Right.Known),
        Page("POST", "/stats", Right.Known),
        Page("GET", AnyPage, Right.SeeEngine),
        Page("POST", AnyPage, Right.ChangeEngine),
    ];

    /// <summary>Every endpoint, by method and pattern.</summary>
    public static IEnumerable<string> AllEndpoints => Endpoints.Keys;

    /// <summary>Every page and button of ours, and what stands for Hangfire's.</summary>
    public static IEnumerable<(string Method, string Page)> AllPages => Pages.Select(page => (page.Method, page.Page));

    /// <returns>Null where there is no entry.</returns>
    public static Right? Find(string method, string pattern) =>
        Endpoints.TryGetValue($"{method} {pattern}", out var right) ? right : null;

    /// <summary>What a page or a button of the dashboard needs.</summary>
    public static Right OfPage(string method, string path) => FindPage(method, path).Right;

    /// <summary>The entry of a page or a button, as the table spells it.</summary>
    public static string PageOf(string method, string path) => FindPage(method, path).Page;

    /// <summary>The pattern by which Hangfire finds a page of ours; it must have an entry.</summary>
    public static string PatternOf(string method, string page) =>
        Pages.Any(entry => entry.Method == method && entry.Page == page)
            ? ToPattern(page)
            : throw new InvalidOperationException($"{method} {Dashboard}{page} has no entry in the table of rights.");

    /// <summary>Who has a right.</summary>
    public static Holders HoldersOf(Right right) => Roles[right];

    /// <summary>What a caller lacks, for their eyes.</summary>
    public static string Describe(Right right) => Roles[right] switch
    {
        { Own: [], Any: [] } =>
            "The pages of the queue engine are for reading. Heimdall's own pages have buttons that change jobs.",
        { Own: [], EverywhereOnly: true, Any: var any } =>
            $"This needs the role {Join(any)}, for all commands and clusters.",
        { Own: [], Any: var any } => $"This needs the role {Join(any)}.",
        { Own: var own, Any: var any } =>
            $"This needs the role {Join(own)} for what is one's own, and {Join(any)} for what is others'.",
    };

    private static (string Method, string Page, Right Right, Regex Pattern) FindPage(string method, string path)
    {
        var kind = HttpMethods.IsGet(method) ? "GET" : "POST";
        var page = path.Length == 0 ? "/" : path;
        return Pages.First(entry => entry.Method == kind && entry.Pattern.IsMatch(page));
    }

    private static string Join(Role[] roles) => string.Join(" or ", roles.Select(role => role.ToName()));

    private static (string Method, string Page, Right Right, Regex Pattern) Page(
        string method, string page, Right right) =>
        (method, page, right, new($@"\A{ToPattern(page)}\z", RegexOptions.CultureInvariant | RegexOptions.IgnoreCase));

    private static string ToPattern(string page) => Parameter().Replace(page, parameter => parameter.Value switch
    {
        "{id}" => "(?<id>[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})",
        "{schedule}" => "(?<schedule>[^/]+)",
        "{cluster}" => "(?<cluster>[^/]+)",
        "{command}" => "(?<command>[^/]+)",
        "{file}" => "(?:(?:js|css|css-dark)[0-9]+|fonts/glyphicons-halflings-regular/[a-z0-9]+)",
        "{asset}" => "(?<asset>[a-z]+-[0-9a-f]{12}\\.(?:css|js))",
        "{format}" => "(?<format>csv|ndjson|json)",
        "{page}" => "(?s:.*)",
        var unknown => throw new InvalidOperationException($"{unknown} stands for nothing."),
    });

    [GeneratedRegex(@"\{\w+\}")]
    private static partial Regex Parameter();
}

/// <summary>Who has a right.</summary>
/// <param name="Own">For what is their own.</param>
/// <param name="Any">For what is anybody's.</param>
/// <param name="EverywhereOnly">Whether a role that counts for some commands or clusters only is not enough.</param>
internal sealed record Holders(Role[] Own, Role[] Any, bool EverywhereOnly = false);

/// <summary>On an endpoint: what a caller needs for it.</summary>
internal sealed record NeededRight(Right Right);
