namespace Heimdall.Core.Plugins;

/// <summary>Something wrong in a context.</summary>
/// <param name="Path">The field, as it is spelled in YAML and JSON, relative to the context: <c>connection_string</c>.</param>
/// <param name="Message">What is wrong and what would be right. Holds no secret.</param>
public sealed record ContextProblem(string Path, string Message)
{
    /// <summary>Of many problems of one request so many are named, and the others counted.</summary>
    public const int MostNamed = 100;
}
