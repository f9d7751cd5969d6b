using Heimdall.Plugins.Postgres.Errors;
using Npgsql;

namespace Heimdall.Plugins.Postgres.Sessions;

/// <summary>
/// Opens connections to the hosts of a connection string, in their order. What differs in how it is reached, sockets
/// and hosts with TLS, stands in data sources of its own.
/// </summary>
internal sealed class HostList : IAsyncDisposable
{
    private readonly IReadOnlyList<NpgsqlDataSource> _sources;
    private readonly IReadOnlyList<NpgsqlDataSource> _tries;

    /// <param name="sources">In order. Where a target is named, each of several hosts.</param>
    /// <param name="target">Which server is wanted, in Npgsql's words; null for the first that answers.</param>
    public HostList(IReadOnlyList<NpgsqlDataSource> sources, string? target)
    {
        _sources = sources;
        _tries = target is null
            ? sources
            : [.. Targets(Read(target), sources.Count).SelectMany(wanted => sources.Select(
                source => ((NpgsqlMultiHostDataSource)source).WithTargetSession(wanted)))];
    }

    /// <exception cref="NpgsqlException">No host can be used; what the last one said.</exception>
    public async ValueTask<NpgsqlConnection> OpenConnectionAsync(CancellationToken cancellationToken)
    {
        for (var i = 0; i < _tries.Count - 1; i++)
        {
            try
            {
                return await _tries[i].OpenConnectionAsync(cancellationToken);
            }
            catch (Exception e) when (
                PostgresErrors.IsConnectFault(e)
                && !(e is PostgresException answer && PostgresErrors.IsRefusedOption(answer)))
            {
                // The next one. Without the refused option this one can be used.
            }
        }

        return await _tries[^1].OpenConnectionAsync(cancellationToken);
    }

    /// <summary>Closes the idle connections, and each other one when it is given back.</summary>
    public void Clear()
    {
        foreach (var source in _sources)
        {
            source.Clear();
        }
    }

    public async ValueTask DisposeAsync()
    {
        foreach (var source in _sources)
        {
            await source.DisposeAsync();
        }
    }

    /// <summary>What is preferred is looked for in all of several sources before anything else is taken.</summary>
    private static TargetSessionAttributes[] Targets(TargetSessionAttributes target, int sources) => target switch
    {
        TargetSessionAttributes.PreferStandby when sources > 1 =>
            [TargetSessionAttributes.Standby, TargetSessionAttributes.Any],
        TargetSessionAttributes.PreferPrimary when sources > 1 =>
            [TargetSessionAttributes.Primary, TargetSessionAttributes.Any],
        _ => [target],
    };

    private static TargetSessionAttributes Read(string text) =>
        Enum.Parse<TargetSessionAttributes>(text.Replace("-", "", StringComparison.Ordinal), ignoreCase: true);
}
