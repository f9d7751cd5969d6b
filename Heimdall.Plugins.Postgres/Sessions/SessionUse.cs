namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>What a session is opened for, and so what becomes of its connection afterwards.</summary>
internal enum SessionUse
{
    /// <summary>A query. Its connection comes from a pool, and is reset and kept for the next query.</summary>
    Query,

    /// <summary>
    /// A batch that is one transaction. Its connection comes from another pool, and is reset and kept for a moment: see
    /// <see cref="ClusterSession.MayBeKept"/>. The start of the transaction tells the batch from those before and
    /// after it.
    /// </summary>
    Transaction,

    /// <summary>
    /// A batch whose statements commit by themselves, or a queued query that does. Its backend has served nobody and
    /// will serve nobody else: nothing but the backend tells the job from others.
    /// </summary>
    Script,
}
