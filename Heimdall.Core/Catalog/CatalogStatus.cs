namespace Heimdall.Core.Catalog;

/// <summary>Whether a command or cluster gets jobs. Written in capitals in JSON and in the store.</summary>
public enum CatalogStatus
{
    Active,
    Inactive,
}

public static class CatalogStatusNames
{
    public static IReadOnlyList<string> All { get; } = [.. Enum.GetValues<CatalogStatus>().Select(ToName)];

    public static string ToName(this CatalogStatus status) => status.ToString().ToUpperInvariant();

    /// <summary>What the store says. One that only a newer version knows gets no jobs from this one.</summary>
    public static CatalogStatus Read(string name) => TryParse(name, out var status) ? status : CatalogStatus.Inactive;

    public static bool TryParse(string? name, out CatalogStatus status) =>
        Enum.TryParse(name, ignoreCase: true, out status) && Enum.IsDefined(status) && !int.TryParse(name, out _);
}
