using Npgsql;

namespace Heimdall.Core.Catalog;

/// <summary>
/// This process cannot read how to reach a cluster: a key, a variable or a file is missing here, or the store cannot be reached.
/// Another process may be able to, or this one later. Nothing was asked of the cluster.
/// </summary>
public sealed class ClusterUnreadableException(string message, Exception cause) : Exception(message, cause)
{
    /// <summary>Whether only Heimdall's own database does not answer.</summary>
    public bool IsStoreAway => InnerException is NpgsqlException;
}
