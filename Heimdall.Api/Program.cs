using Heimdall.Api;
using Heimdall.Api.Callers;
using Heimdall.Api.Tls;
using Heimdall.Core.Hosting;

if (args is ["--new-key", var user])
{
    return NewKey.Print(user);
}
return await HostProgram.RunAsync(
    args,
    "Heimdall.Api",
    "Heimdall.Api [--config FILE] [--check] | --new-key USER",
    ApiHost.AddPlugins,
    ServerCertificate.FindProblems,
    // Empty: any other reads appsettings.json and the environment, and only the one file configures Heimdall.
    (config, urgent) =>
        WebApplication.CreateEmptyBuilder(new WebApplicationOptions()).AddApi(config, urgent).Build().UseApi());
