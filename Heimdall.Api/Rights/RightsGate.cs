using Heimdall.Api.Problems;
using Microsoft.AspNetCore.Authorization;
using Microsoft.AspNetCore.Http.HttpResults;

namespace Heimdall.Api.Rights;

/// <summary>Asks the table of rights for each endpoint when it is mapped, and for each request.</summary>
internal static class RightsGate
{
    public static IServiceCollection AddRights(this IServiceCollection services) => services.AddSingleton<RoleBook>();

    /// <summary>What is mapped below must be in the table.</summary>
    public static IEndpointRouteBuilder WithRights(this IEndpointRouteBuilder app)
    {
        var group = app.MapGroup("");
        ((IEndpointConventionBuilder)group).Add(endpoint => Mark(endpoint));
        ((IEndpointConventionBuilder)group).Finally(endpoint => Close(endpoint));
        return group;
    }

    /// <summary>Refuses callers who lack what an endpoint needs. The endpoint looks at the object itself.</summary>
    public static void UseRights(this WebApplication app) => app.Use((context, next) =>
        context.GetEndpoint()?.Metadata.GetMetadata<NeededRight>() is { Right: var right }
            && right != Right.None && !context.Caller().Rights.Has(right)
                ? Refuse(right).ExecuteAsync(context)
                : next(context));

    /// <summary>Keeps the process from starting with an endpoint that has no entry.</summary>
    public static void RequireRights(this WebApplication app)
    {
        foreach (var endpoint in ((IEndpointRouteBuilder)app).DataSources.SelectMany(source => source.Endpoints))
        {
            if (endpoint.Metadata.GetMetadata<NeededRight>() is null)
            {
                throw new InvalidOperationException($"{endpoint.DisplayName} has no entry in the table of rights.");
            }
        }
    }

    /// <summary>403 that names the role that is needed.</summary>
    public static ProblemHttpResult Refuse(Right right, string? about = null) => Problem.Of(
        StatusCodes.Status403Forbidden, "forbidden", "You may not do this.",
        about is null ? AccessTable.Describe(right) : $"{about} {AccessTable.Describe(right)}");

    /// <summary>A library may open its endpoints to everybody; the table decides.</summary>
    private static void Close(EndpointBuilder endpoint)
    {
        if (endpoint.Metadata.OfType<NeededRight>().Last().Right == Right.None)
        {
            return;
        }
        foreach (var open in endpoint.Metadata.OfType<IAllowAnonymous>().ToArray())
        {
            endpoint.Metadata.Remove(open);
        }
    }

    private static void Mark(EndpointBuilder endpoint)
    {
        var pattern = ((RouteEndpointBuilder)endpoint).RoutePattern.RawText ?? "";
        var methods = endpoint.Metadata.OfType<IHttpMethodMetadata>().LastOrDefault()?.HttpMethods;
        var method = methods?.Where(one => !HttpMethods.IsHead(one)).ToArray() switch
        {
            null or [] => "*",
            [var one] => one,
            var several => throw new InvalidOperationException(
                $"{pattern} is mapped for {string.Join(", ", several)}: each method has a right of its own."),
        };
        var right = AccessTable.Find(method, pattern)
            ?? throw new InvalidOperationException($"{method} {pattern} has no entry in the table of rights.");
        endpoint.Metadata.Add(new NeededRight(right));
        if (right == Right.None)
        {
            endpoint.Metadata.Add(new AllowAnonymousAttribute());
        }
    }
}
