using Heimdall.Api.Live;
using Microsoft.OpenApi;

namespace Heimdall.Api.Jobs;

internal static class JobEndpoints
{
    public static void MapJobs(this IEndpointRouteBuilder api)
    {
        api.MapPost("/job", SubmitJob.HandleAsync)
            .WithSummary("Submit a job: a query that is answered at once, or a batch for the queue.")
            .Accepts<SubmitJobRequest>("application/json")
            .Produces<JobView>()
            .Produces<JobView>(StatusCodes.Status202Accepted)
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status422UnprocessableEntity);
        api.MapPost("/jobs", SubmitJobs.HandleAsync)
            .WithSummary("Submit up to 1,000 jobs for the queue, all of them or none.")
            .Accepts<SubmitJobRequest[]>("application/json")
            .Produces<JobView[]>(StatusCodes.Status202Accepted)
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status422UnprocessableEntity)
            .ProducesProblem(StatusCodes.Status429TooManyRequests);
        api.MapPost("/resolve", ResolveJob.HandleAsync)
            .WithSummary("Which command and cluster a job would get, and why not the others. Runs nothing.")
            .Accepts<SubmitJobRequest>("application/json")
            .Produces<ResolutionView>()
            .ProducesProblem(StatusCodes.Status400BadRequest)
            .ProducesProblem(StatusCodes.Status422UnprocessableEntity);
        api.MapGet("/job/statuses", ReadJob.Statuses).WithSummary("The statuses a job can have.");
        api.MapGet("/job/{id:guid}", ReadJob.JobAsync).WithSummary("One job.");
        api.MapGet("/job/{id:guid}/status", ReadJob.StatusAsync).WithSummary("Where a job stands.");
        api.MapMethods("/job/{id:guid}/result", [HttpMethods.Get, HttpMethods.Head], ReadResult.HandleAsync)
            .WithSummary("The stored result of a queued job, or a page of it.")
            .AddOpenApiOperationTransformer((operation, _, _) => AddQuery(operation, ResultPageReader.Known, JsonSchemaType.Integer));
        api.MapGet("/job/{id:guid}/stdout", ReadLog.StdoutAsync).WithSummary("The run log: one line a statement.")
            .AddOpenApiOperationTransformer((operation, _, _) => AddQuery(operation, ReadLog.Known, JsonSchemaType.Boolean));
        api.MapGet("/job/{id:guid}/stderr", ReadLog.StderrAsync).WithSummary("Notices and errors.")
            .AddOpenApiOperationTransformer((operation, _, _) => AddQuery(operation, ReadLog.Known, JsonSchemaType.Boolean));
        api.MapGet("/job/{id:guid}/events", JobEvents.HandleAsync).WithSummary("What happens to a job, as it happens: server-sent events.")
            .Produces(StatusCodes.Status200OK, contentType: "text/event-stream");
        api.MapPost("/job/{id:guid}/cancel", CancelJob.HandleAsync).WithSummary("Stop a job.").Produces<JobView>();
        api.MapPost("/job/{id:guid}/retry", RetryJob.HandleAsync)
            .WithSummary("Run a job that has ended again, as a new job; a batch with transaction: none from a statement on.")
            .Produces<JobView>()
            .Produces<JobView>(StatusCodes.Status202Accepted)
            .ProducesProblem(StatusCodes.Status409Conflict);
        api.MapGet("/job/{id:guid}/attempts", ReadAttempts.HandleAsync).WithSummary("How often a job was run, and how each time ended.").Produces<AttemptView[]>();
        api.MapGet("/jobs", ListJobs.HandleAsync).WithSummary("A page of jobs.").Produces<JobListView>()
            .AddOpenApiOperationTransformer((operation, _, _) => AddQuery(operation, JobFilterReader.Known, JsonSchemaType.String));
    }

    private static Task AddQuery(OpenApiOperation operation, IEnumerable<string> names, JsonSchemaType type)
    {
        operation.Parameters =
        [
            .. operation.Parameters ?? [],
            .. names.Select(name => new OpenApiParameter { Name = name, In = ParameterLocation.Query, Schema = new OpenApiSchema { Type = type } }),
        ];
        return Task.CompletedTask;
    }
}
