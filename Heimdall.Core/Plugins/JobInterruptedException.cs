namespace Heimdall.Core.Plugins;

/// <summary>
/// The token fired and the work has stopped, as with <see cref="OperationCanceledException"/>; but the job had done a part by then that
/// stays. It must not be handed to somebody else to run from its beginning.
/// </summary>
public sealed class JobInterruptedException(string message, Exception? cause = null) : Exception(message, cause);
