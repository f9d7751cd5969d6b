namespace Heimdall.Core.Plugins;

/// <summary>A plugin's way to say that a job failed. Only the runner catches it.</summary>
public sealed class JobFailedException : Exception
{
    public JobFailedException(JobFailure failure, Exception? cause = null)
        : base(failure.Message, cause) => Failure = failure;

    public JobFailedException(JobFailureKind kind, string message, Exception? cause = null)
        : this(new JobFailure { Kind = kind, Message = message }, cause)
    {
    }

    public JobFailure Failure { get; }
}
