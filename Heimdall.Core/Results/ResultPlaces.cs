using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Heimdall.Core.Results.Chunks;
using Microsoft.Extensions.Logging;

namespace Heimdall.Core.Results;

/// <summary>
/// Finds the chunks of results: in Heimdall's own database or in a directory. Each result's row says where it was put, so that earlier
/// ones stay readable when <c>results.directory</c> is changed.
/// </summary>
internal sealed class ResultPlaces(StoreDatabase database, ResultsConfig config, ILogger<ResultPlaces> logger)
{
    private readonly DatabaseChunks _database = new(database);

    /// <summary>Where the rows of queries go from now on; null for the database.</summary>
    public string? Directory => config.Directory;

    /// <summary>The directory of now; null when there is none.</summary>
    public DirectoryChunks? Files => config.Directory is { } directory ? new DirectoryChunks(directory, logger) : null;

    public IResultChunks Find(ResultKey result, string? directory) =>
        directory is null ? _database : FindFile(result, directory);

    /// <summary>Removes the file of a result, wherever it is. Chunks in the database go with their row.</summary>
    public void DeleteFile(ResultKey result, string directory) => FindFile(result, directory).Delete(result);

    /// <summary>Hosts may have mounted the same directory in different places: this one's own goes before the one that was written down.</summary>
    private DirectoryChunks FindFile(ResultKey result, string directory) =>
        Files is { } files && files.Holds(result) ? files : new DirectoryChunks(directory, logger);
}
