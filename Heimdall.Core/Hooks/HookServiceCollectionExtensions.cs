using System.Diagnostics.Metrics;
using Heimdall.Core.Configuration;
using Heimdall.Core.Telemetry;
using Microsoft.Extensions.DependencyInjection;

namespace Heimdall.Core.Hooks;

public static class HookServiceCollectionExtensions
{
    /// <summary>Who is notified of what happens, and the delivery.</summary>
    public static IServiceCollection AddHooks(this IServiceCollection services)
    {
        services.AddSingleton<HookBook>();
        services.AddSingleton<HookOutbox>();
        services.AddSingleton<DeliveryStore>();
        services.AddSingleton<HookStates>();
        services.AddSingleton(provider =>
        {
            var hooks = provider.GetRequiredService<HeimdallConfig>().Hooks;
            return new TargetGuard(new HookTargets(hooks.Allow), hooks.Timeout);
        });
        services.AddSingleton<HttpDelivery>();
        services.AddSingleton<MailDelivery>();
        services.AddSingleton(provider =>
            new HookMetrics(provider.GetRequiredService<IMeterFactory>().CreateHeimdallMeter()));
        services.AddSingleton<HookDelivery>();
        services.AddHostedService<HookSender>();
        return services;
    }
}
