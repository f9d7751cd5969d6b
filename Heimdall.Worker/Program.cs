using Heimdall.Core.Hosting;
using Heimdall.Worker;
using Microsoft.Extensions.Hosting;

return await HostProgram.RunAsync(
    args,
    "Heimdall.Worker",
    "Heimdall.Worker [--config FILE] [--check]",
    WorkerHost.AddPlugins,
    _ => [],
    (config, urgent) => Host.CreateEmptyApplicationBuilder(settings: null).AddWorker(config, urgent).Build());
