namespace Heimdall.Api.Problems;

/// <summary>The types of problems, with the statuses that they have. A test compares them with the code.</summary>
internal static class ProblemTypes
{
    public const string Start = "urn:heimdall:problem:";

    public static IReadOnlyList<ProblemType> All { get; } =
    [
        new("invalid-request", "The request is not valid; errors names each field.", 400),
        new("unauthorized", "There are no credentials, or wrong ones.", 401),
        new("forbidden", "This caller may not do this; detail names the role.", 403),
        new("loopback-only", "The server has no auth, and the request is not from its machine.", 403),
        new("cross-site", "A page of another site sent the request.", 403),
        new("not-found", "There is no such thing, or none that this caller may see.", 404),
        new("method-not-allowed", "The route does not take this method.", 405),
        new("method-unknown", "There is no such method.", 501),
        new("not-acceptable", "There is no format that Accept allows.", 406),
        new("already-ended", "The job has ended.", 409),
        new("already-run", "The Idempotency-Key belongs to a query that has run.", 409),
        new("canceled", "The query was cancelled.", 409),
        new("cannot-retry", "The job cannot be run again, or not from this statement.", 409),
        new("columns-differ", "The results of the clusters have other columns each; detail names them.", 409),
        new("conflict", "The schedule is in the configuration file, or the path of the script is taken.", 409),
        new("idempotency-key-outstanding", "The first request with this key is being recorded.", 409),
        new("not-waiting", "The job does not wait for an approval, or not any more.", 409),
        new("times-unknown", "This server does not know the time zone of the schedule.", 409),
        new("skipped", "The run of the schedule was skipped; detail says why.", 409),
        new("expired", "The result is no longer kept.", 410),
        new("precondition-failed", "If-Match or If-None-Match does not hold.", 412),
        new("range-not-satisfiable", "The reply has none of the bytes that Range asks for.", 416),
        new("too-large", "The body is above its limit.", 413),
        new("unsupported-media-type", "The body is not JSON, not in UTF-8, or in an unknown coding.", 415),
        new("idempotency-key-reused", "The key was used with another body.", 422),
        new("approval-required", "The query cannot run at once: somebody has to approve it.", 422),
        new("no-match", "No active command and cluster match.", 422),
        new("refused", "The schedule can have no job; detail says why.", 422),
        new("too-many-jobs", "This caller has too many jobs waiting.", 429) { AsksToWait = true },
        new("too-many-wrong-credentials", "Too many wrong credentials came from this address.", 429)
        {
            AsksToWait = true,
            NamesLimit = true,
        },
        new("too-many-queries", "Too many queries run, of this caller or on the cluster.", 429)
        {
            AsksToWait = true,
            NamesLimit = true,
        },
        new("too-many-watchers", "As many jobs are watched as may be.", 429, 503)
        {
            AsksToWait = true,
            NamesLimit = true,
        },
        new("internal", "A fault of Heimdall; its log has the reason.", 500),
        new("result-lost", "The stored rows are missing or damaged; run the job again.", 500),
        new("identity-provider-away", "The keys of tokens cannot be fetched; the token is not refused.", 503)
        {
            AsksToWait = true,
        },
        new("outcome-unknown", "It may have been recorded.", 503),
        new("storage-unavailable", "The directory of scripts or results does not work.", 503),
        new("store-unavailable", "Heimdall's database cannot be reached.", 503) { AsksToWait = true },
        new("unavailable", "The cluster cannot be reached.", 503) { AsksToWait = true },
        new("storage-full", "The disk of the scripts is full.", 507),
        new("job-failed", "The query failed; error and sqlstate say how.", 400, 403, 405, 409, 500, 503, 504),
    ];

    /// <summary>As <c>type</c> of a problem has them.</summary>
    public static IReadOnlyList<string> Urns { get; } = [.. All.Select(type => type.Urn)];

    public static ProblemType Get(string name) => All.Single(type => type.Name == name);
}

/// <param name="Name">Behind <see cref="ProblemTypes.Start"/>.</param>
/// <param name="Meaning">In one sentence.</param>
/// <param name="Statuses">The HTTP statuses that it comes with.</param>
internal sealed record ProblemType(string Name, string Meaning, params IReadOnlyList<int> Statuses)
{
    public string Urn => $"{ProblemTypes.Start}{Name}";

    /// <summary>Whether it comes with <c>Retry-After</c>.</summary>
    public bool AsksToWait { get; init; }

    /// <summary>Whether a 429 of it comes with <c>RateLimit-Policy</c> and <c>RateLimit</c>.</summary>
    public bool NamesLimit { get; init; }
}
