using Heimdall.Api.Descriptions;
using Heimdall.Api.Formats;
using Heimdall.Api.Live;
using Heimdall.Api.Problems;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Jobs;

internal static class JobEndpoints
{
    private const int Ok = StatusCodes.Status200OK;
    private const int Queued = StatusCodes.Status202Accepted;

    private static readonly string[] _ofResult =
    [
        HeaderList.JobId, HeaderList.RowCount, HeaderList.TotalRows, HeaderList.Truncated, HeaderList.ExpiresAt,
        HeaderList.ETag, HeaderList.Link, HeaderList.AcceptRanges, HeaderList.PreferenceApplied,
    ];

    public static void MapJobs(this IEndpointRouteBuilder api)
    {
        var jobs = api.MapGroup("").WithTags(TagList.Jobs);
        MapSubmission(jobs);
        MapReading(jobs);
        MapResult(jobs);
        MapLog(jobs);
        MapControl(jobs);
    }

    private static void MapSubmission(IEndpointRouteBuilder jobs)
    {
        jobs.MapPost("/job", SubmitJob.HandleAsync)
            .Named("submitJob", "Submit a job: a query that is answered at once, or a batch for the queue.")
            .Takes(HeaderList.PreferAsync, HeaderList.IdempotencyKey)
            .Accepts<SubmitJobRequest>(OperationDescriptions.Json)
            .Replies<JobAndRowsView>(
                Ok, "The rows of a query, a job that ended while the caller waited, or what a dry run found.",
                HeaderList.JobId, HeaderList.PreferenceApplied, HeaderList.IdempotencyReplayed)
            .OrElse<JobPreviewView>(Ok)
            .OrElse<TargetsPreviewView>(Ok)
            .AsText(Ok, ResultFormat.Ndjson.Name, ResultExamples.NdjsonOfQuery)
            .AsText(Ok, ResultFormat.Csv.Name, ResultExamples.Csv)
            .AsBytes(Ok, ResultFormat.Arrow.Name, ResultFormat.Parquet.Name)
            .Replies<JobView>(
                Queued, "The job is in the queue.", HeaderList.Location, HeaderList.RetryAfter,
                HeaderList.PreferenceApplied, HeaderList.IdempotencyReplayed)
            .Produces<ProblemView>(StatusCodes.Status400BadRequest, "application/problem+json")
            .Refuses(
                "not-found", "not-acceptable", "already-run", "canceled", "columns-differ",
                "idempotency-key-outstanding", "expired",
                "idempotency-key-reused", "approval-required", "no-match", "too-many-jobs", "too-many-queries",
                "job-failed", "result-lost",
                "outcome-unknown", "storage-unavailable", "unavailable");
        jobs.MapPost("/jobs", SubmitJobs.HandleAsync)
            .Named("submitJobs", "Submit up to 1,000 jobs for the queue, all of them or none.")
            .Takes(HeaderList.IdempotencyKey)
            .Accepts<SubmitJobRequest[]>(OperationDescriptions.Json)
            .Replies<JobView[]>(
                Queued, "All jobs are in the queue, in the order of the request.", HeaderList.RetryAfter,
                HeaderList.IdempotencyReplayed)
            .Refuses(
                "not-found", "idempotency-key-outstanding", "already-run", "idempotency-key-reused", "no-match",
                "too-many-jobs", "outcome-unknown", "unavailable");
        jobs.MapPost("/resolve", ResolveJob.HandleAsync)
            .Named("resolveJob", "Which command and cluster a job would get, and why not the others. Runs nothing.")
            .Accepts<ResolveJobRequest>(OperationDescriptions.Json)
            .Replies<ResolutionView>(Ok, "The candidates.")
            .Refuses("no-match");
    }

    private static void MapReading(IEndpointRouteBuilder jobs)
    {
        jobs.MapGet("/job/statuses", ReadJob.Statuses)
            .Named("listJobStatuses", "The statuses a job can have.")
            .RepliesWords("JobStatusName", typeof(JobStatusNames));
        jobs.MapGet("/job/{id:guid}", ReadJob.JobAsync)
            .Named("getJob", "One job.")
            .Takes(HeaderList.Prefer)
            .Replies<JobView>(Ok, "The job.", HeaderList.RetryAfter, HeaderList.PreferenceApplied)
            .Refuses("not-found");
        jobs.MapGet("/job/{id:guid}/status", ReadJob.StatusAsync)
            .Named("getJobStatus", "Where a job stands.")
            .Replies<JobStatusView>(Ok, "Its status.", HeaderList.RetryAfter)
            .Refuses("not-found");
        jobs.MapGet("/job/{id:guid}/attempts", ReadAttempts.HandleAsync)
            .Named("listJobAttempts", "How often a job was run, and how each time ended.")
            .Replies<AttemptView[]>(Ok, "The attempts, from the first.")
            .Refuses("not-found");
        jobs.MapGet("/jobs", ListJobs.HandleAsync)
            .Named("listJobs", "A page of jobs.")
            .Takes(JobFilterReader.Parameters)
            .Replies<JobListView>(Ok, "The page.");
    }

    private static void MapResult(IEndpointRouteBuilder jobs)
    {
        jobs.MapMethods("/job/{id:guid}/result", [HttpMethods.Get, HttpMethods.Head], ReadResult.HandleAsync)
            .Named("getJobResult", "The stored result of a queued job, or a page of it.")
            .Takes(
            [
                .. ResultPageReader.Parameters, HeaderList.IfMatch, HeaderList.IfNoneMatch, HeaderList.Range,
                HeaderList.IfRange, HeaderList.Prefer,
            ])
            .Replies<ResultView>(Ok, "The rows.", _ofResult)
            .AsText(Ok, ResultFormat.Ndjson.Name, ResultExamples.Ndjson)
            .AsText(Ok, ResultFormat.Csv.Name, ResultExamples.Csv)
            .AsBytes(Ok, ResultFormat.Arrow.Name, ResultFormat.Parquet.Name)
            .Replies(
                StatusCodes.Status206PartialContent, "The bytes that Range asks for.",
                [.. _ofResult, HeaderList.ContentRange])
            .AsBytes(StatusCodes.Status206PartialContent, [.. ResultFormat.All.Select(format => format.Name)])
            .Replies(StatusCodes.Status304NotModified, "If-None-Match holds: the caller has it already.", _ofResult)
            .Replies(
                StatusCodes.Status404NotFound, "Where the job has not ended, ask again later.", HeaderList.RetryAfter,
                HeaderList.PreferenceApplied)
            .Refuses(
                "not-found", "not-acceptable", "columns-differ", "expired", "precondition-failed",
                "range-not-satisfiable", "result-lost", "storage-unavailable");
        jobs.MapGet("/job/{id:guid}/result/chunks", ReadResult.HandleChunksAsync)
            .Named("listJobResultChunks", "The chunks of a stored result, with their bytes and hashes.")
            .Takes([
                .. ResultPageReader.ChunkParameters, HeaderList.IfMatch, HeaderList.IfNoneMatch, HeaderList.Prefer,
            ])
            .Replies<ResultChunkList>(
                Ok, "The chunks, in the order of their rows.", HeaderList.ETag, HeaderList.PreferenceApplied)
            .Replies(
                StatusCodes.Status304NotModified, "If-None-Match holds: the caller has it already.", HeaderList.ETag,
                HeaderList.PreferenceApplied)
            .Replies(
                StatusCodes.Status404NotFound, "Where the job has not ended, ask again later.", HeaderList.RetryAfter,
                HeaderList.PreferenceApplied)
            .Refuses(
                "not-found", "not-acceptable", "columns-differ", "expired", "precondition-failed", "result-lost",
                "storage-unavailable");
    }

    private static void MapLog(IEndpointRouteBuilder jobs)
    {
        jobs.MapGet("/job/{id:guid}/stdout", ReadLog.StdoutAsync)
            .Named("getJobStdout", "The run log: one line a statement.")
            .Takes(ReadLog.Parameters)
            .Replies(Ok, "The log; with follow=true it ends with the job.")
            .AsText(Ok, ReadLog.MediaType, ResultExamples.Stdout)
            .Refuses("not-found", "too-many-watchers");
        jobs.MapGet("/job/{id:guid}/stderr", ReadLog.StderrAsync)
            .Named("getJobStderr", "Notices and errors.")
            .Takes(ReadLog.Parameters)
            .Replies(Ok, "The log; with follow=true it ends with the job.")
            .AsText(Ok, ReadLog.MediaType, ResultExamples.Stderr)
            .Refuses("not-found", "too-many-watchers");
        jobs.MapGet("/job/{id:guid}/events", JobEvents.HandleAsync)
            .Named("watchJob", "What happens to a job, as it happens: server-sent events.")
            .Takes(HeaderList.LastEventId)
            .Replies(Ok, "Events status, progress, log, notice and end. The data of each is a JSON object.")
            .AsText(Ok, "text/event-stream", ResultExamples.Events)
            .Replies(StatusCodes.Status204NoContent, "The event that Last-Event-ID names was the last one.")
            .Refuses("not-found", "too-many-watchers");
    }

    private static void MapControl(IEndpointRouteBuilder jobs)
    {
        jobs.MapPost("/job/{id:guid}/cancel", CancelJob.HandleAsync)
            .Named("cancelJob", "Stop a job.")
            .Replies<JobView>(Ok, "The job has ended CANCELED.")
            .Replies<JobView>(
                Queued, "The job was asked to stop; poll it for how it ended.", HeaderList.RetryAfter)
            .Refuses("not-found", "already-ended");
        jobs.MapPost("/job/{id:guid}/approve", DecideJob.ApproveAsync)
            .Named("approveJob", "Let somebody else's job run that waits for an approval.")
            .Replies<JobView>(Ok, "The job is in the queue.")
            .Refuses("not-found", "not-waiting");
        jobs.MapPost("/job/{id:guid}/refuse", DecideJob.RefuseAsync)
            .Named("refuseJob", "End somebody else's job that waits for an approval.")
            .Accepts<RefuseJobRequest>(OperationDescriptions.Json)
            .Replies<JobView>(Ok, "The job has ended CANCELED.")
            .Refuses("not-found", "not-waiting");
        jobs.MapPost("/job/{id:guid}/retry", RetryJob.HandleAsync)
            .Named(
                "retryJob",
                "Run a job that has ended again, as a new job; a batch with transaction: none from a statement on.")
            .Takes(HeaderList.Prefer)
            .Accepts<RetryJobRequest>(isOptional: true, OperationDescriptions.Json)
            .Replies<JobView>(
                Ok, "The new job, which ended while the caller waited.", HeaderList.PreferenceApplied,
                HeaderList.HooksLeftOut)
            .Replies<JobView>(
                Queued, "The new job is in the queue.", HeaderList.Location, HeaderList.RetryAfter,
                HeaderList.PreferenceApplied, HeaderList.HooksLeftOut)
            .Refuses("not-found", "cannot-retry", "no-match", "too-many-jobs", "outcome-unknown", "unavailable");
    }
}
