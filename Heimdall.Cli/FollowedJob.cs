using Heimdall.Client;

namespace Heimdall.Cli;

/// <summary>
/// A job of the queue from its submission to its end. Ctrl-C asks to cancel it, and does not end the wait.
/// </summary>
internal static class FollowedJob
{
    private const string WaitingForApproval = "WAITING_FOR_APPROVAL";

    /// <summary>A job that runs is followed over a restart of the API.</summary>
    public static readonly TimeSpan RetryFor = TimeSpan.FromMinutes(2);

    /// <summary>Submits a job. Ctrl-C does not end this: a job that is not known cannot be cancelled.</summary>
    public static async Task<HeimdallJob> SubmitAsync(
        Terminal terminal, HeimdallClient client, HeimdallSubmission submission, string? key,
        CancellationToken cancellationToken)
    {
        await using var interrupt = cancellationToken.Register(() => terminal.Say(
            "The job is being submitted, and is cancelled then. Ctrl-C once more leaves at once; the job may run: "
            + $"heimdall jobs --name '{submission.Name}'"));
        return await client.SubmitAsync(submission, key, CancellationToken.None);
    }

    /// <summary>Shows what a job does, and waits for its end.</summary>
    /// <param name="terminal">Where to show it.</param>
    /// <param name="client">One that repeats its requests for as long as <see cref="RetryFor"/>.</param>
    /// <param name="job">As it was submitted.</param>
    /// <param name="cancellationToken">Done by Ctrl-C.</param>
    public static async Task<HeimdallJob> WaitAsync(
        Terminal terminal, HeimdallClient client, HeimdallJob job, CancellationToken cancellationToken)
    {
        terminal.Say(job.Children is { } children
            ? $"job {job.Id} on {ChildGrid.Count(children.Total)}"
            : $"job {job.Id} on cluster {job.ClusterName}");
        if (job.Status == WaitingForApproval)
        {
            terminal.Say($"It waits for approval by an operator: heimdall approve {job.Id}");
        }
        await using var interrupt = cancellationToken.Register(() => _ = AskToCancelAsync(terminal, client, job.Id));
        return await FollowAsync(terminal, client, job.Id);
    }

    private static async Task<HeimdallJob> FollowAsync(Terminal terminal, HeimdallClient client, Guid id)
    {
        try
        {
            await JobFollower.FollowAsync(terminal, client, id, CancellationToken.None);
        }
        catch (HeimdallException e) when (e.Type == "too-many-watchers")
        {
            terminal.Say($"The job cannot be followed, and runs on: {e.Message} `heimdall logs {id}` prints its log.");
        }
        catch (HeimdallException)
        {
            terminal.Say($"The job runs on: heimdall logs {id} -f");
            throw;
        }
        return await client.WaitAsync(id, cancelJob: false, CancellationToken.None);
    }

    private static async Task AskToCancelAsync(Terminal terminal, HeimdallClient client, Guid id)
    {
        try
        {
            terminal.SayAbove("Asking to cancel the job; Ctrl-C once more leaves at once.");
            await client.CancelAsync(id, CancellationToken.None);
        }
        catch (HeimdallException e) when (e.Type == "already-ended")
        {
            // Then there is nothing to cancel.
        }
        catch (HeimdallException e)
        {
            terminal.SayAbove($"The job could not be cancelled: {e.Message}");
        }
    }
}
