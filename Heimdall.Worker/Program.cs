using Heimdall.Core.Hosting;
using Heimdall.Worker;
using Heimdall.Worker.Health;
using Microsoft.Extensions.Hosting;

return await new HostProgram
{
    Name = "Heimdall.Worker",
    AddPlugins = WorkerHost.AddPlugins,
    AskHealth = WorkerHealthQuestion.AskAsync,
    Build = (config, urgent) => Host.CreateEmptyApplicationBuilder(settings: null).AddWorker(config, urgent).Build(),
}.RunAsync(args);
