using System.Runtime.InteropServices;
using Heimdall.Cli;

using var interrupt = new CancellationTokenSource();
using var signal = PosixSignalRegistration.Create(PosixSignal.SIGINT, context =>
{
    context.Cancel = true;
    if (interrupt.IsCancellationRequested)
    {
        Terminal.LeaveAtOnce();
    }
    interrupt.Cancel();
});
return await HeimdallCommands.RunAsync(args, Terminal.OfProcess(interrupt.Token));
