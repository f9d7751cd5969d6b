using Microsoft.AspNetCore.Routing.Matching;

namespace Heimdall.Api.Catalog;

/// <summary>
/// The id of a command or cluster in a route. <c>/command/statuses</c> is a list: without this constraint the routes of
/// one command would answer there too, and <c>OPTIONS</c> would name PUT and DELETE.
/// </summary>
internal sealed class DefinitionIdConstraint : IRouteConstraint, IParameterLiteralNodeMatchingPolicy
{
    public const string Name = "definition";

    public bool Match(
        HttpContext? httpContext, IRouter? route, string routeKey, RouteValueDictionary values,
        RouteDirection routeDirection) =>
        values.TryGetValue(routeKey, out var id) && MatchesLiteral(routeKey, $"{id}");

    public bool MatchesLiteral(string parameterName, string literal) =>
        !literal.Equals("statuses", StringComparison.OrdinalIgnoreCase);
}
