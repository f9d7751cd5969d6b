namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>What is refused where a pooler gives each transaction another backend, in words for the caller.</summary>
internal static class SharedBackendRules
{
    /// <summary>What to do instead.</summary>
    public const string Advice =
        "The cluster is reached through a pooler that gives each transaction another backend. Use an address without "
        + "it, or one where it pools sessions and set pooler: session in the cluster's context.";

    /// <summary>Why a cluster may give no answer that is there.</summary>
    public const string NeedsSecond =
        "Behind a pooler that gives each transaction a backend, its pool must have more of them than jobs run at once.";

    /// <param name="what">A statement or a function, as it is written.</param>
    public static string Refuse(string what) => $"{what} has an effect that outlives its transaction. {Advice}";
}
