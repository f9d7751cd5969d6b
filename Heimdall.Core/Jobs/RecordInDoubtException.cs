namespace Heimdall.Core.Jobs;

/// <summary>The store has not said whether it has written down that a query runs. The query was not run; a record of it is ended when the store answers again.</summary>
public sealed class RecordInDoubtException(Exception cause) : Exception("The store did not say whether a query was recorded.", cause);
