using System.Transactions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Heimdall.Core.Database;

/// <summary>
/// Stops this process when a newer version has made the schema into one that it cannot work with: it takes nothing new
/// and ends what runs. Started again it is not ready while the schema needs a newer version.
/// </summary>
internal sealed partial class SchemaWatch(StoreDatabase database, StoreReadiness readiness, ILogger<SchemaWatch> logger)
    : BackgroundService
{
    private const string UnknownSql = "select scriptname from schema_migration where scriptname like '%.needs\\_%'";

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(10);

    private readonly IReadOnlySet<int> _known = Migrations.NumbersOf(Migrations.Embedded);

    /// <exception cref="StoreSchemaException">
    /// The schema is not for this version. A service that fails stops its host.
    /// </exception>
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        await readiness.WaitAsync(stoppingToken);
        using var timer = new PeriodicTimer(Interval);
        while (await timer.WaitForNextTickAsync(stoppingToken))
        {
            try
            {
                Migrations.RequireServed(await FindUnknownAsync(stoppingToken), _known);
            }
            catch (StoreSchemaException exception)
            {
                LogTooOld(exception.Message);
                throw;
            }
            catch (Exception exception)
                when (exception is NpgsqlException or TransactionException or TimeoutException
                    or InvalidOperationException)
            {
                LogNotRead(exception.Message);
            }
        }
    }

    private async Task<IReadOnlyList<string>> FindUnknownAsync(CancellationToken cancellationToken)
    {
        await using var command = database.DataSource.CreateCommand(UnknownSql);
        await using var row = await command.ExecuteReaderAsync(cancellationToken);
        var names = new List<string>();
        while (await row.ReadAsync(cancellationToken))
        {
            names.Add(row.GetString(0));
        }
        return names;
    }

    [LoggerMessage(LogLevel.Critical, "This process stops. {Reason}")]
    private partial void LogTooOld(string reason);

    [LoggerMessage(LogLevel.Warning, "The migrations of the store could not be read: {Reason}")]
    private partial void LogNotRead(string reason);
}
