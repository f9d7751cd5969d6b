using System.Net.Http.Json;
using System.Text.Json;
using System.Text.Json.Nodes;
using Heimdall.Tests.Support;

namespace Heimdall.Tests.Jobs;

/// <summary>
/// A server with commands whose jobs somebody else has to approve. Callers are who the header says: <c>alice</c> and
/// <c>bob</c> submit, <c>olga</c>, <c>otto</c> and <c>odo</c> are operators, <c>ada</c> is an admin; <c>oscar</c> is an
/// operator of what has <c>team:a</c>.
/// </summary>
internal static class Approvals
{
    /// <summary>A command whose jobs wait, on the cluster of all tests.</summary>
    public const string Command = "type:reviewed";

    /// <summary>One of which only <c>odo</c> may approve jobs.</summary>
    public const string NarrowCommand = "type:narrow";

    public static InstanceConfig Configure(InstanceConfig config) => (config with
    {
        Auth = "header: X-Heimdall-User, trusted_proxies: [127.0.0.1], default_role: submitter, roles: ["
            + "{role: operator, users: [o.*]}, {role: submitter, users: [olga]}, {role: admin, users: [ada]}, "
            + "{role: operator, users: [scoped], cluster_tags: [team:a]}]",
        SqlUploads = "enabled: true",
    })
        .WithCommand("reviewed", Command, ", approval: required")
        .WithCommand("narrow", NarrowCommand, ", approval: required, approvers: [odo], approval_expires: 1h");

    /// <summary>What is not said otherwise is asked by an admin.</summary>
    public static void AskAsAdmin(HeimdallInstance heimdall) =>
        heimdall.Client.DefaultRequestHeaders.Add("X-Heimdall-User", "ada");

    public static Task<Reply> PostAsync(
        this HeimdallInstance heimdall, string user, string path, CancellationToken cancellationToken,
        object? body = null, params (string Name, string Value)[] headers) =>
        heimdall.SendAsync(
            HttpMethod.Post, path, cancellationToken, body is null ? null : JsonContent.Create(body),
            [("X-Heimdall-User", user), .. headers]);

    public static JsonObject Job(
        string query, string name = "reviewed", string command = Command, object? more = null,
        object? context = null) =>
        Merge(
            new JsonObject
            {
                ["name"] = name,
                ["command_criteria"] = new JsonArray(command),
                ["cluster_criteria"] = new JsonArray("_id:postgres"),
                ["context"] = Merge(new JsonObject { ["query"] = query }, context),
            },
            more);

    /// <summary>Submits a job of alice, which waits.</summary>
    public static async Task<Guid> SubmitAsync(
        this HeimdallInstance heimdall, JsonObject job, CancellationToken cancellationToken, string user = "alice") =>
        (await heimdall.PostAsync(user, "/api/v1/job", cancellationToken, job)).AssertStatus(202).Id;

    public static Task<Reply> ApproveAsync(
        this HeimdallInstance heimdall, string user, Guid job, CancellationToken cancellationToken) =>
        heimdall.PostAsync(user, $"/api/v1/job/{job}/approve", cancellationToken);

    public static Task<Reply> RefuseAsync(
        this HeimdallInstance heimdall, string user, Guid job, CancellationToken cancellationToken,
        string reason = "Not on a Friday.") =>
        heimdall.PostAsync(user, $"/api/v1/job/{job}/refuse", cancellationToken, new { reason });

    public static Task<string> StatusOfAsync(
        this HeimdallInstance heimdall, Guid job, CancellationToken cancellationToken) =>
        heimdall.Store.ScalarAsync<string>("select status from heimdall.job where id = $1", cancellationToken, job);

    private static JsonObject Merge(JsonObject to, object? more)
    {
        if (more is not null)
        {
            foreach (var (name, value) in JsonSerializer.SerializeToNode(more)!.AsObject())
            {
                to[name] = value?.DeepClone();
            }
        }
        return to;
    }
}
