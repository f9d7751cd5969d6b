using System.Text.RegularExpressions;

namespace Heimdall.Plugins.Postgres.Batches;

/// <summary>What a COPY statement says of the form of its data.</summary>
internal sealed partial record CopyOptions
{
    public bool IsCsv { get; private init; }

    public bool HasHeader { get; private init; }

    public bool IsBinary { get; private init; }

    public static CopyOptions Of(string statement)
    {
        // Options stand behind STDIN and before WHERE; what stands elsewhere, or in quotes, is a name or a text that only looks like one.
        var plain = Quoted().Replace(QuotedOption().Replace(statement, "$1 $2"), "''");
        var start = Client().Match(plain) is { Success: true } client ? client.Index + client.Length : plain.Length;
        var end = Where().Match(plain, start) is { Success: true } where ? where.Index : plain.Length;
        var options = plain[start..end];
        return new CopyOptions
        {
            IsCsv = Csv().IsMatch(options),
            HasHeader = Header().IsMatch(options),
            IsBinary = Binary().IsMatch(options) || OldBinary().IsMatch(plain),
        };
    }

    [GeneratedRegex(@"\b(format|header)\s+['""](\w+)['""]", RegexOptions.IgnoreCase)]
    private static partial Regex QuotedOption();

    [GeneratedRegex(@"'[^']*'|""[^""]*""|--[^\n]*|/\*.*?\*/", RegexOptions.Singleline)]
    private static partial Regex Quoted();

    [GeneratedRegex(@"\b(from|to)[\s']+(stdin|stdout)\b", RegexOptions.IgnoreCase)]
    private static partial Regex Client();

    [GeneratedRegex(@"\bwhere\b", RegexOptions.IgnoreCase)]
    private static partial Regex Where();

    [GeneratedRegex(@"\bcsv\b", RegexOptions.IgnoreCase)]
    private static partial Regex Csv();

    [GeneratedRegex(@"\bheader\b(?!\s+(false|off|0))", RegexOptions.IgnoreCase)]
    private static partial Regex Header();

    [GeneratedRegex(@"\bbinary\b", RegexOptions.IgnoreCase)]
    private static partial Regex Binary();

    [GeneratedRegex(@"^copy[\s']+binary\b", RegexOptions.IgnoreCase)]
    private static partial Regex OldBinary();
}
