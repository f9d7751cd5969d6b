namespace Heimdall.Core.Database;

/// <summary>Something a feature does to the store once at start, after the migrations and under their lock.</summary>
public interface IStorePreparation
{
    Task PrepareAsync(CancellationToken cancellationToken);
}
