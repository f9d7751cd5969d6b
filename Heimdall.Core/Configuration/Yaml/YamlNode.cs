namespace Heimdall.Core.Configuration.Yaml;

/// <summary>
/// What stands in a YAML file. YamlDotNet's own tree stops at the first key that is written twice;
/// this one keeps them all, so that they can be reported together with everything else.
/// </summary>
/// <param name="Line">From 1.</param>
internal abstract record YamlNode(int Line);

/// <param name="Line">From 1.</param>
/// <param name="Text">Without quotes, escapes replaced.</param>
/// <param name="IsPlain">Neither quoted nor a block nor tagged as a string: may mean a number, a truth or nothing.</param>
internal sealed record YamlScalar(int Line, string Text, bool IsPlain) : YamlNode(Line)
{
    public bool IsNull => IsPlain && Text is ("" or "~" or "null" or "Null" or "NULL");
}

internal sealed record YamlList(int Line, IReadOnlyList<YamlNode> Items) : YamlNode(Line);

internal sealed record YamlMap(int Line, IReadOnlyList<YamlEntry> Entries) : YamlNode(Line);

internal sealed record YamlEntry(YamlNode Key, YamlNode Value);
