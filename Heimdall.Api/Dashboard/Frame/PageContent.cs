namespace Heimdall.Api.Dashboard.Frame;

/// <summary>What stands within the dashboard's frame.</summary>
/// <param name="Title">Of the window.</param>
/// <param name="Body">Begins with a heading of the first level.</param>
internal sealed record PageContent(string Title, Markup Body)
{
    public int Status { get; init; } = StatusCodes.Status200OK;

    /// <summary>
    /// How often the page's script asks for it anew and takes the parts that have changed (<see cref="Pieces.Part"/>);
    /// null: the page stays as it is.
    /// </summary>
    public int? RefreshSeconds { get; init; }

    /// <summary>Styles and scripts of this page alone.</summary>
    public Markup Head { get; init; } = Markup.Empty;

    /// <summary>Attributes of the element that the body stands in.</summary>
    public Markup Attributes { get; init; } = Markup.Empty;
}
