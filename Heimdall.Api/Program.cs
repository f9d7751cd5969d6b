using Heimdall.Api;
using Heimdall.Api.Callers;
using Heimdall.Api.Health;
using Heimdall.Api.Tls;
using Heimdall.Core.Hosting;

if (args is ["--new-key", var user])
{
    return NewKey.Print(user);
}
return await new HostProgram
{
    Name = "Heimdall.Api",
    OwnUsage = " | --new-key USER",
    AddPlugins = ApiHost.AddPlugins,
    FindProblems = config => [.. ServerCertificate.FindProblems(config), .. JwtSetup.FindProblems(config)],
    AskHealth = ApiHealthQuestion.AskAsync,
    // Empty: any other reads appsettings.json and the environment, and only the one file configures Heimdall.
    Build = (config, urgent) =>
        WebApplication.CreateEmptyBuilder(new WebApplicationOptions()).AddApi(config, urgent).Build().UseApi(),
}.RunAsync(args);
