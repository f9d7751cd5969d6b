using Heimdall.Api.Descriptions;
using Heimdall.Api.Problems;
using Heimdall.Api.Requests;
using Heimdall.Api.Rights;
using Heimdall.Api.Serialization;
using Heimdall.Core.Hooks;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;

namespace Heimdall.Api.Hooks;

/// <summary><c>GET /api/v1/hooks/deliveries</c>: a page of messages, the newest first; and those of one job.</summary>
internal static class ReadDeliveries
{
    private const int MaxLimit = 200;

    public static IReadOnlyList<ParameterDescription> Parameters { get; } =
    [
        ParameterDescription.Text("hook", "To this hook."),
        ParameterDescription.Uuid("job", "Of the end of this job."),
        ParameterDescription.Word("status", "How far they are.", DeliveryStatusNames.All),
        ParameterDescription.Number("limit", "How many.", 1, MaxLimit, new DeliveryFilter().Limit),
        ParameterDescription.Text("cursor", "next_cursor of the page before."),
    ];

    private static readonly string[] _known = [.. Parameters.Select(parameter => parameter.Name)];

    public static async Task<IResult> HandleAsync(
        HttpContext context, DeliveryStore deliveries, CancellationToken cancellationToken)
    {
        var (filter, problems) = ReadFilter(context.Request.Query);
        if (problems.Count > 0)
        {
            return Problem.Invalid(problems);
        }
        var page = await deliveries.ListAsync(filter, cancellationToken);
        return TypedResults.Json(
            new DeliveryListView(
                [.. page.Deliveries.Select(DeliveryView.Of)], page.Next is not null,
                page.Next is null ? null : WriteCursor(page.Next)),
            ApiJson.Options);
    }

    /// <summary>
    /// A caller who sees a job sees what became of its messages. Why an attempt failed may name addresses and
    /// files, and is for who sees hooks.
    /// </summary>
    public static async Task<IResult> OfJobAsync(
        Guid id, HttpContext context, JobStore jobs, DeliveryStore deliveries, CancellationToken cancellationToken)
    {
        if (await jobs.RefuseAsync(context, id, Right.SeeJobs, cancellationToken) is { } refusal)
        {
            return refusal;
        }
        var found = await deliveries.OfJobAsync(id, cancellationToken);
        var seesWhy = context.Caller().Rights.Has(Right.SeeHooks);
        return TypedResults.Json(
            found.Select(DeliveryView.Of).Select(view => seesWhy ? view : view with { Error = null }),
            ApiJson.Options);
    }

    /// <summary>What the parameters say, and what is wrong with them.</summary>
    public static (DeliveryFilter Filter, IReadOnlyList<ContextProblem> Problems) ReadFilter(IQueryCollection query)
    {
        var fields = new QueryFields(query, _known);
        var filter = new DeliveryFilter
        {
            Hook = fields.Text("hook"),
            JobId = fields.Value<Guid>(
                "job", "Must be the id of a job.", text => Guid.TryParse(text, out var id) ? id : null),
            Status = fields.Value<DeliveryStatus>(
                "status", $"Must be one of {string.Join(", ", DeliveryStatusNames.All)}.", FindStatus),
            Limit = fields.Limit("limit", MaxLimit) ?? new DeliveryFilter().Limit,
            Cursor = fields.Cursor<DeliveryCursor>("cursor", cursor => cursor.At.Kind == DateTimeKind.Utc),
        };
        return (filter, fields.Problems);
    }

    public static string WriteCursor(DeliveryCursor cursor) => QueryFields.WriteCursor(cursor);

    private static DeliveryStatus? FindStatus(string text) =>
        Enum.GetValues<DeliveryStatus>().Cast<DeliveryStatus?>()
            .FirstOrDefault(status => status!.Value.ToName() == text);
}
