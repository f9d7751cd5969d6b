using Heimdall.Benchmarks;

return await SubCommands.RunAsync(args);
