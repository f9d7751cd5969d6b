using Heimdall.Core.Configuration;
using Heimdall.Core.Database;
using Microsoft.Extensions.DependencyInjection;

namespace Heimdall.Core.Results;

public static class ResultServiceCollectionExtensions
{
    /// <summary>Stored results: writing, reading and removing them.</summary>
    public static IServiceCollection AddResults(this IServiceCollection services, ResultsConfig config)
    {
        services.AddSingleton(config);
        services.AddSingleton<ResultPlaces>();
        services.AddSingleton(provider => new ResultStore(provider.GetRequiredService<StoreDatabase>(), provider.GetRequiredService<ResultPlaces>()));
        services.AddSingleton<ResultSweep>();
        if (config.Directory is not null)
        {
            services.AddHostedService<ResultFileSweep>();
        }
        return services;
    }
}
