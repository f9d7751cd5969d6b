namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>What stands between Heimdall and a cluster, as <c>pooler</c> in the cluster's context says.</summary>
internal enum PoolerMode
{
    /// <summary>Nothing that changes whose backend a connection is.</summary>
    None,

    /// <summary>Each connection keeps its backend as long as it lasts.</summary>
    Session,

    /// <summary>Each transaction may have another backend, which serves other clients before and after it.</summary>
    Transaction,
}
