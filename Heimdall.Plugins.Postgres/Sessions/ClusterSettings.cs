using System.Text.Json.Nodes;
using Heimdall.Core.ConnectionStrings;
using Heimdall.Core.Plugins;
using Heimdall.Plugins.Postgres.Contexts;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>
/// The <c>context</c> of a cluster: where it is, which pooler is on the way, whether batches leave receipts in it, how
/// long a job may run there, and whether its login may be a superuser.
/// </summary>
internal static class ClusterSettings
{
    private const string Field = "connection_string";
    private const string Receipts = "receipts";
    private const string Pooler = "pooler";
    private const string MaxTimeout = "max_timeout_seconds";
    private const string AllowSuperuser = "allow_superuser";

    public static IReadOnlyList<ContextProblem> Check(JsonObject context, bool isPut = false)
    {
        var reader = new ContextReader(context);
        var text = reader.Text(Field);
        _ = reader.Flag(Receipts);
        _ = reader.OneOf<PoolerMode>(Pooler);
        _ = reader.Seconds(MaxTimeout);
        _ = reader.Flag(AllowSuperuser);
        reader.RefuseOthers();

        if (text is not null)
        {
            try
            {
                // Only building shows every fault, and opens no connection; what does not connect has nothing to wait
                // for at its end.
                _ = ClusterPool.Create("check", text, pooler: null, isPut: isPut).DisposeAsync().AsTask();
            }
            catch (ConnectionStringException e)
            {
                reader.Report(Field, e.Message);
            }
        }
        else if (context[Field] is null)
        {
            reader.Report(Field, "is missing; write postgresql://user:password@host:port/database.");
        }

        return reader.Problems;
    }

    /// <summary>All but the way to the cluster, of which a part may be a password.</summary>
    public static bool MayShow(string field) => field is Receipts or Pooler or MaxTimeout or AllowSuperuser;

    public static bool HasReceipts(JsonObject context) => new ContextReader(context).Flag(Receipts) ?? false;

    /// <summary>Whether jobs run although the login may do more than its database's grants say.</summary>
    public static bool AllowsSuperuser(JsonObject context) => new ContextReader(context).Flag(AllowSuperuser) ?? true;

    /// <summary>What stands in front of the cluster; null where that is to be found out.</summary>
    public static PoolerMode? PoolerOf(JsonObject context) => new ContextReader(context).OneOf<PoolerMode>(Pooler);

    /// <summary>The longest that a job may run, whatever its command allows; null for no limit.</summary>
    public static TimeSpan? MaxTimeoutOf(JsonObject context) => new ContextReader(context).Seconds(MaxTimeout);

    /// <exception cref="JobFailedException">There is none.</exception>
    public static string ConnectionStringOf(JsonObject context) => new ContextReader(context).Text(Field)
        ?? throw new JobFailedException(JobFailureKind.Unavailable, "The cluster has no connection string.");
}
