using Hangfire.Dashboard;
using Heimdall.Api.Rights;
using Microsoft.AspNetCore.Antiforgery;

namespace Heimdall.Api.Dashboard.Frame;

/// <summary>What pages and buttons need of a request.</summary>
internal static class DashboardRequestExtensions
{
    public static T Service<T>(this DashboardContext context)
        where T : notnull => context.GetHttpContext().RequestServices.GetRequiredService<T>();

    /// <summary>Who looks at the page, and what they may do.</summary>
    public static CallerRights RightsOfCaller(this DashboardContext context) =>
        context.GetHttpContext().Caller().Rights;

    public static CancellationToken Aborted(this DashboardContext context) => context.GetHttpContext().RequestAborted;

    /// <summary>The job's id in the address; the route lets nothing else through.</summary>
    public static Guid AddressedJob(this DashboardContext context) => Guid.Parse(context.UriMatch.Groups["id"].ValueSpan);

    /// <summary>The address of a page of the dashboard.</summary>
    public static string AddressOf(this DashboardContext context, string path) => $"{context.Request.PathBase}{path}";

    /// <summary>Sends a browser whose form has been taken to a page of the dashboard, so that reloading does not send the form again.</summary>
    public static void GoTo(this DashboardContext context, string path)
    {
        var response = context.GetHttpContext().Response;
        response.StatusCode = StatusCodes.Status303SeeOther;
        response.Headers.Location = context.AddressOf(path);
    }

    /// <summary>A form that is one button. It works without scripts.</summary>
    /// <param name="context">The request.</param>
    /// <param name="path">What it posts to.</param>
    /// <param name="label">The words on it.</param>
    /// <param name="style">A class of Bootstrap's buttons.</param>
    /// <param name="fields">Hidden fields.</param>
    public static Markup Button(this DashboardContext context, string path, string label, string style, params IEnumerable<(string Name, string Value)> fields)
    {
        var hidden = fields.Select(field => Markup.Of($"""<input type="hidden" name="{field.Name}" value="{field.Value}">"""));
        return context.Form(path, Markup.Of($"""{hidden}<button type="submit" class="btn {style}">{label}</button>"""));
    }

    /// <summary>A form with the token that tells it from one of another page.</summary>
    public static Markup Form(this DashboardContext context, string path, Markup content)
    {
        var token = context.Service<IAntiforgery>().GetAndStoreTokens(context.GetHttpContext());
        return Markup.Of($"""
            <form method="post" action="{context.AddressOf(path)}"><input type="hidden" name="{token.FormFieldName}" value="{token.RequestToken}">{content}</form>
            """);
    }
}
