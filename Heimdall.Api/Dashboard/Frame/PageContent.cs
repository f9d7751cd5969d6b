namespace Heimdall.Api.Dashboard.Frame;

/// <summary>What stands within the dashboard's frame.</summary>
/// <param name="Title">Of the window.</param>
/// <param name="Body">Begins with a heading of the first level.</param>
internal sealed record PageContent(string Title, Markup Body)
{
    public int Status { get; init; } = StatusCodes.Status200OK;
}
