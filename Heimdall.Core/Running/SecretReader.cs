using Heimdall.Core.Database;
using Heimdall.Core.Jobs;
using Heimdall.Core.Plugins;
using Heimdall.Core.Secrets;

namespace Heimdall.Core.Running;

/// <summary>Opens the secrets of a job that is about to run.</summary>
internal sealed class SecretReader(StoreDatabase database, StoreRetry retry, SecretBox box)
{
    private const string FindSql = "select secrets from job where id = $1";

    /// <returns>Null of a job that has none.</returns>
    /// <exception cref="JobFailedException">They are gone, or cannot be read any more.</exception>
    public async Task<JobSecrets?> FindAsync(Job job, CancellationToken cancellationToken)
    {
        if (job.Secrets is not null || JobSecrets.NamesIn(job.Context) is not { Count: > 0 } names)
        {
            return job.Secrets;
        }
        var which = string.Join(", ", names);
        try
        {
            return await retry.RunAsync(
                async token => await ReadAsync(job.Id, token) is { } text
                    ? JobSecrets.Read(box.Open(new SealedText(Job.OwnerOfSecrets(job.Id), text)))
                    : null,
                cancellationToken)
                ?? throw new JobFailedException(
                    JobFailureKind.Refused, $"The job's secrets ({which}) are not in the store. Submit it again.");
        }
        catch (SecretLostException lost) when (!lost.IsForGood)
        {
            throw new JobFailedException(
                JobFailureKind.Unavailable,
                $"The job's secrets ({which}) cannot be read by this worker. {lost.Message}", lost);
        }
        catch (SecretLostException lost)
        {
            throw new JobFailedException(
                JobFailureKind.Refused,
                $"The job's secrets ({which}) cannot be read. {lost.Message} It was not run. Submit it again.", lost);
        }
    }

    private async Task<string?> ReadAsync(Guid id, CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(FindSql);
        command.Parameters.Add(new() { Value = id });
        return await command.ExecuteScalarAsync(cancellationToken) as string;
    }
}
