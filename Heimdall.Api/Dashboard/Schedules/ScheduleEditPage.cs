using Hangfire.Dashboard;
using Heimdall.Api.Conditions;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Schedules;
using Heimdall.Api.Serialization;
using Heimdall.Core.Plugins;
using Heimdall.Core.Schedules;
using Microsoft.AspNetCore.Http.HttpResults;
using Rules = Heimdall.Core.Configuration.Validation.ScheduleConfigValidator;

namespace Heimdall.Api.Dashboard.Schedules;

/// <summary>
/// The form of what a schedule says. It asks nothing that <c>PUT /api/v1/schedule/{id}</c> does not ask, and works
/// without scripts. What is wrong is said beside what was typed.
/// </summary>
internal static class ScheduleEditPage
{
    private const string General = "";
    private const string Example = """Such as {"timeout_seconds": 30}.""";

    private static readonly ILookup<string, string> _noFaults = Array.Empty<string>().ToLookup(text => text);

    public static async Task<PageContent> ReadAsync(DashboardContext context) => await FindAsync(context) switch
    {
        (_, { } refused) => refused,
        var (schedule, _) => Draw(context, schedule!, ScheduleForm.Of(schedule!), _noFaults, StatusCodes.Status200OK),
    };

    /// <summary>Takes the form.</summary>
    public static async Task SaveAsync(DashboardContext context)
    {
        var (found, refused) = await FindAsync(context);
        if (found is not { } schedule)
        {
            await PageDispatcher.ShowAsync(context, refused!);
            return;
        }
        var form = await context.GetHttpContext().Request.ReadFormAsync(context.Aborted());
        var (status, faults) = await SaveAsync(context, schedule, form);
        if (faults is null)
        {
            context.GoTo($"/sql/schedules/{Uri.EscapeDataString(schedule.Id)}");
            return;
        }
        await PageDispatcher.ShowAsync(
            context, Draw(context, schedule, ScheduleForm.Read(form, schedule), faults, status));
    }

    /// <returns>What is wrong, by field; null when it is done.</returns>
    private static async Task<(int Status, ILookup<string, string>? Faults)> SaveAsync(
        DashboardContext context, Schedule schedule, IFormCollection form)
    {
        if (ScheduleForm.ToBody(form, schedule) is not { } body)
        {
            return (StatusCodes.Status400BadRequest,
                Said(ScheduleForm.Context, "Must be a JSON object, with each setting once and without the SQL."));
        }
        var condition = new ScheduleCondition(
            new EditCondition([form[ScheduleForm.Revision].ToString()], NoneMatch: null));
        try
        {
            var edit = await context.Service<ScheduleEditor>().EditAsync(
                context.GetHttpContext(), schedule.Id, schedule, condition, JsonFields.Of(body), context.Aborted());
            return edit.Refusal switch
            {
                null => (StatusCodes.Status303SeeOther, null),
                { StatusCode: StatusCodes.Status412PreconditionFailed } => (StatusCodes.Status409Conflict, Said(
                    General, "Somebody else has changed the schedule since this form was opened. Nothing was saved.")),
                var refusal => (refusal.StatusCode, FaultsOf(refusal)),
            };
        }
        catch (JobRefusedException refused)
        {
            return (StatusCodes.Status400BadRequest, refused.Problems.ToLookup(
                problem => problem.Path == ScheduleForm.Query ? ScheduleForm.Query : ScheduleForm.Context,
                problem => $"{problem.Path}: {problem.Message}"));
        }
    }

    /// <summary>The schedule, or why there is no form for it.</summary>
    private static async Task<(Schedule? Schedule, PageContent? Refused)> FindAsync(DashboardContext context)
    {
        var (http, id) = (context.GetHttpContext(), ScheduleDetailPage.IdIn(context));
        if (await context.Service<ScheduleAccess>().FindAsync(http, id, context.Aborted()) is not { } schedule)
        {
            return (null, ScheduleDetailPage.Unknown(id));
        }
        var (_, refusal) = await context.Service<ScheduleEditor>().FindAsync(http, id, context.Aborted());
        return refusal is null
            ? (schedule, null)
            : (null, await ScheduleDetailPage.ReadAsync(context, refusal.ProblemDetails.Detail, refusal.StatusCode));
    }

    private static PageContent Draw(
        DashboardContext context, Schedule schedule, IReadOnlyDictionary<string, string> values,
        ILookup<string, string> faults, int status)
    {
        var page = $"/sql/schedules/{Uri.EscapeDataString(schedule.Id)}";
        var fields = new FormFields(values, faults);
        var title = $"Edit {schedule.Definition.Name}";
        return new PageContent(title, Markup.Of($"""
            <p class="hd-back"><a href="{context.AddressOf(page)}">Schedule {schedule.Definition.Name}</a></p>
            <h1 class="page-header">{title}</h1>
            {DrawFaults(faults)}{DrawSource(schedule)}
            {context.Form($"{page}/save", Markup.Of($"""
            <input type="hidden" name="{ScheduleForm.Revision}" value="{values[ScheduleForm.Revision]}">
            <div class="hd-card"><h2>What it runs</h2>
            {DrawQuery(fields, values)}
            <div class="hd-fields">
            {fields.Area("command_criteria", "Tags of its command", 3, "One a line. It must have all of them.")}
            {fields.Area("cluster_criteria", "Tags of its cluster", 3, "One a line. It must have all of them.")}
            </div>
            {fields.Area(ScheduleForm.Context, "Other settings of its jobs, as JSON", 4, Example)}
            </div>
            <div class="hd-card"><h2>When</h2><div class="hd-fields">
            {fields.Text("cron", "Cron", "Minute, hour, day, month and weekday; seconds may stand before them.")}
            {fields.Choice("day", "Day of month and weekday", Rules.Days, "Both must match, or one.")}
            {fields.Text("timezone", "Time zone", "Such as Europe/Berlin.")}
            {fields.Choice("misfire", "Missed runs", Rules.Misfires, "Once: one run for all of them.")}
            {fields.Text("max_lateness", "Latest start", "Such as 10m after its time. Empty: any time.")}
            {fields.Choice("overlap", "While a run has not ended", Rules.Overlaps, "What becomes of the next.")}
            {fields.Text("starts_at", "Starts", "Such as 2026-01-31T12:00:00Z. Empty: at once.")}
            {fields.Text("ends_at", "Ends", "Empty: never.")}
            </div></div>
            <div class="hd-card"><h2>Names and tags</h2><div class="hd-fields">
            {fields.Text("name", "Name", "Of the schedule and of its jobs.")}
            {fields.Text("version", "Version")}
            {fields.Area("tags", "Tags of its jobs", 3, "One a line.")}
            {fields.Area("description", "Description", 3)}
            </div></div>
            <div class="hd-actions"><button type="submit" class="btn btn-primary">Save</button>
            <a class="btn" href="{context.AddressOf(page)}">Discard</a></div>
            """))}
            """)) { Status = status };
    }

    private static Markup DrawQuery(FormFields fields, IReadOnlyDictionary<string, string> values) =>
        values[ScheduleForm.Query].Length > ScheduleForm.LongestText
            ? Markup.Of($"<p>Its SQL is too long for a form, and stays as it is.</p>")
            : fields.Area(ScheduleForm.Query, "SQL, or the path of a script", 12);

    private static Markup DrawSource(Schedule schedule) => schedule.IsFromFile
        ? Pieces.Alert("info", Markup.Of($"""
            It comes from the configuration file. What you save here holds until the file says something else of this
            schedule than it does now. Change the file too, or others will look for the schedule there in vain.
            """))
        : Markup.Empty;

    private static Markup DrawFaults(ILookup<string, string> faults)
    {
        if (faults.Count == 0)
        {
            return Markup.Empty;
        }
        var items = faults.SelectMany(field => field, (field, fault) => field.Key.Length == 0
            ? Markup.Of($"<li>{fault}</li>")
            : Markup.Of($"""<li><a href="#hd-{field.Key}">{field.Key}</a>: {fault}</li>"""));
        return Pieces.Alert("warning", Markup.Of($"<p>Nothing was saved.</p><ul>{items}</ul>"));
    }

    /// <summary>A fault of an element is its field's.</summary>
    private static ILookup<string, string> FaultsOf(ProblemHttpResult refusal) =>
        refusal.ProblemDetails.Extensions.TryGetValue("errors", out var errors)
        && errors is IReadOnlyDictionary<string, string[]> byField
            ? byField.SelectMany(field => field.Value, (field, fault) => (Field: field.Key.Split('[', '.')[0], fault))
                .ToLookup(one => one.Field, one => one.fault)
            : Said(General, refusal.ProblemDetails.Detail ?? "");

    private static ILookup<string, string> Said(string field, string fault) =>
        new[] { (field, fault) }.ToLookup(one => one.field, one => one.fault);
}
