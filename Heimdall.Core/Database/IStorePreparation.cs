namespace Heimdall.Core.Database;

/// <summary>Something a feature does to the store once at start, after the migrations and under their lock.</summary>
public interface IStorePreparation
{
    /// <summary>Whether it makes tables, and writes nothing that the configuration file says.</summary>
    bool MakesTables => false;

    Task PrepareAsync(CancellationToken cancellationToken);
}
