using Microsoft.Extensions.DependencyInjection;

namespace Heimdall.Core.Hosting;

public static class HostServiceCollectionExtensions
{
    /// <summary>Tells at start how many connections the process may open.</summary>
    public static IServiceCollection AddConnectionBudget(this IServiceCollection services) => services.AddHostedService<ConnectionBudget>();
}
