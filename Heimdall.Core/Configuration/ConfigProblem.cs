namespace Heimdall.Core.Configuration;

/// <summary>Something wrong in a configuration file.</summary>
/// <param name="File">The file, as it was named to <see cref="ConfigFile.Load"/>.</param>
/// <param name="Line">From 1; where a key is missing, the line of what should hold it; null where no line is to blame.</param>
/// <param name="Path">The field, as it is spelled in YAML: <c>clusters[0].tags[1]</c>. Empty for the file as a whole.</param>
/// <param name="Message">What is wrong and what would be right. Holds no secret.</param>
public sealed record ConfigProblem(string File, int? Line, string Path, string Message)
{
    public override string ToString()
    {
        var place = Line is null ? File : $"{File}:{Line}";
        return Path.Length == 0 ? $"{place}: {Message}" : $"{place}: {Path}: {Message}";
    }
}
