// What a program does with a client that Kiota has made of the document: Generated ADDRESS
using Heimdall.Generated;
using Heimdall.Generated.Models;
using Microsoft.Kiota.Abstractions.Authentication;
using Microsoft.Kiota.Abstractions.Serialization;
using Microsoft.Kiota.Http.HttpClientLibrary;

using var adapter = new HttpClientRequestAdapter(new AnonymousAuthenticationProvider()) { BaseUrl = args[0] };
var api = new HeimdallApi(adapter).Api.V1;

// A query is answered at once.
var reply = await api.Job.PostAsync(Submission("query", "select 1.50::numeric as price", returnsResult: true));
var query = reply!.JobAndRows!;
Check(query.Status == JobStatusName.SUCCEEDED, "the query has not succeeded");
Check(query.Result!.Columns!.Single() is { Name: "price", Type: "numeric" }, "the column");
var rows = await KiotaJsonSerializer.SerializeAsStringAsync(query.Result);
Check(rows.Contains("1.5", StringComparison.Ordinal), rows);

// A query that fails is a problem.
try
{
    await api.Job.PostAsync(Submission("refused", "select 1/0", returnsResult: true));
    Check(false, "there is no problem");
}
catch (Problem problem)
{
    Check(problem.Type == ProblemType.UrnHeimdallProblemJobFailed && problem.Sqlstate == "22012", problem.Detail!);
}

// A batch is queued, waited for, and its events are streamed.
var batch = await QueueAsync("batch", "select 1; select 2");
Check((await WaitAsync(batch)).Statements == 2, "statements of the batch");
await using var stream = await adapter.SendPrimitiveAsync<Stream>(api.Job[batch].Events.ToGetRequestInformation());
using var reader = new StreamReader(stream!);
var kinds = new List<string>();
while (await reader.ReadLineAsync() is { } line)
{
    if (line.StartsWith("event: ", StringComparison.Ordinal))
    {
        kinds.Add(line[7..]);
    }
}
Check(kinds.Contains("status") && kinds[^1] == "end", string.Join(" ", kinds));

// A job that runs is cancelled.
var slow = await QueueAsync("slow", "select pg_sleep(600)");
Check((await api.Job[slow].Cancel.PostAsync())!.Id == slow, "cancel");
Check((await WaitAsync(slow)).Status == JobStatusName.CANCELED, "the slow job was not cancelled");
try
{
    await api.Job[slow].Cancel.PostAsync();
    Check(false, "the second cancel is no problem");
}
catch (Problem problem)
{
    Check(problem.StatusOfJob == JobStatusName.CANCELED, problem.Detail!);
}

// It is run again as a new job, which is cancelled too.
var retry = (await api.Job[slow].Retry.PostAsync(new RetryJobRequest()))!;
Check(retry.RetryOf == slow, "retry");
await api.Job[retry.Id!.Value].Cancel.PostAsync();
await WaitAsync(retry.Id.Value);

// A page at a time.
var seen = new List<Guid>();
string? cursor = null;
do
{
    var page = await api.Jobs.GetAsync(request =>
    {
        request.QueryParameters.Limit = 2;
        request.QueryParameters.Cursor = cursor;
    });
    seen.AddRange(page!.Data!.Select(job => job.Id!.Value));
    cursor = page.NextCursor;
}
while (cursor is not null);
Check(new[] { batch, slow, retry.Id.Value }.All(seen.Contains) && seen.Distinct().Count() == seen.Count, "pages");

Console.WriteLine("done");

async Task<Guid> QueueAsync(string name, string sql)
{
    var queued = await api.Job.PostAsync(
        Submission(name, sql, returnsResult: false), request => request.Headers.Add("Prefer", "respond-async"));
    return queued!.JobAndRows!.Id!.Value;
}

async Task<Job> WaitAsync(Guid id)
{
    while (true)
    {
        var job = (await api.Job[id].GetAsync(request => request.Headers.Add("Prefer", "wait=30")))!;
        if (job.Status is JobStatusName.SUCCEEDED or JobStatusName.FAILED
            or JobStatusName.CANCELED or JobStatusName.KILLED)
        {
            return job;
        }
    }
}

static SubmitJobRequest Submission(string name, string sql, bool returnsResult) => new()
{
    Name = name,
    CommandCriteria = ["type:postgres"],
    ClusterCriteria = ["_id:postgres"],
    Context = new JobContext { Query = sql, ReturnResult = returnsResult },
};

static void Check(bool condition, string what)
{
    if (!condition)
    {
        throw new InvalidOperationException(what);
    }
}
