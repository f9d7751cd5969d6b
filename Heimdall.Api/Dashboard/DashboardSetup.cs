using System.Collections.Concurrent;
using Hangfire;
using Hangfire.Dashboard;
using HangfireJob = Hangfire.Common.Job;
using Heimdall.Api.Dashboard.Details;
using Heimdall.Api.Dashboard.Frame;
using Heimdall.Api.Requests;
using Heimdall.Api.Rights;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Dashboard;

/// <summary>Hangfire's dashboard at <c>/hangfire</c>, behind the same callers as the API, with our jobs under their own names.</summary>
internal static class DashboardSetup
{
    private const string Path = AccessTable.Dashboard;

    public static IServiceCollection AddDashboard(this IServiceCollection services)
    {
        services.AddFormProtection();
        services.AddSingleton<SqlPart>();
        services.AddSingleton<ContentToApprove>();
        services.AddHangfire(_ => { }); // only the dashboard's services: storage and clients are registered elsewhere
        return services;
    }

    /// <summary>A browser that asks in other letters, as for <c>/Hangfire</c>, is sent to the right address.</summary>
    public static void UseDashboardAddress(this WebApplication app) => app.Use((context, next) =>
    {
        var (request, response) = (context.Request, context.Response);
        if (!request.Path.StartsWithSegments(Path, StringComparison.OrdinalIgnoreCase, out var rest)
            || request.Path.StartsWithSegments(Path, StringComparison.Ordinal)
            || !HttpMethods.IsGet(request.Method))
        {
            return next(context);
        }
        var address = request.PublicPathOf(new PathString(Path).Add(rest).ToUriComponent());
        response.Redirect($"{address}{request.QueryString.ToUriComponent()}");
        return Task.CompletedTask;
    });

    public static void MapDashboard(this WebApplication app, IEndpointRouteBuilder endpoints)
    {
        DashboardPages.EnsureAdded();
        app.UseSecurityHeaders(Path);
        app.UseKeptFiles(Path);
        app.UseDashboardGate();
        app.UseSoundRequests(Path);
        var names = new JobNames(app.Services.GetRequiredService<JobStore>());
        endpoints.MapHangfireDashboard(Path, new DashboardOptions
        {
            DashboardTitle = "Heimdall",
            // The gate has asked the table of rights; Hangfire's own rule would let in everyone behind a local proxy.
            Authorization = [],
            IsReadOnlyFunc = _ => true, // its buttons would change what Hangfire shows, and no job
            DisplayStorageConnectionString = false,
            DisplayNameFunc = (_, job) => names.Of(job),
            AppPath = null,
        });
    }

    /// <summary>Names of jobs by the id that Hangfire knows. A name never changes, so it is read once.</summary>
    private sealed class JobNames(JobStore jobs)
    {
        private const int MaxKept = 10_000;

        private readonly ConcurrentDictionary<Guid, string> _names = new();

        public string Of(HangfireJob? job)
        {
            if (job?.Args is not [Guid id, ..])
            {
                return job?.ToString() ?? "unknown job";
            }
            if (_names.Count > MaxKept)
            {
                _names.Clear();
            }
            return _names.GetOrAdd(id, Read);
        }

        // Hangfire draws its pages synchronously.
        private string Read(Guid id) =>
            jobs.FindNameAsync(id, CancellationToken.None).GetAwaiter().GetResult() is { } name ? $"{name} ({id})" : $"job {id}";
    }
}
