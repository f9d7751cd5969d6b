using System.Text;
using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

internal sealed class WorkerConfigValidator : AbstractValidator<WorkerConfig>
{
    private const int MaxConcurrency = 256;
    private const int MaxSocketPath = 100; // the kernel takes 107 bytes, other systems 103
    private const int MostLostAttempts = 100;
    private static readonly TimeSpan _minLease = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan _maxLease = TimeSpan.FromMinutes(5);

    public WorkerConfigValidator()
    {
        RuleFor(worker => worker.Concurrency).Must(jobs => jobs is >= 1 and <= MaxConcurrency).WithMessage($"must be between 1 and {MaxConcurrency}");
        RuleFor(worker => worker.Lease).Must(lease => lease >= _minLease && lease <= _maxLease).WithMessage("must be between 2s and 5m");
        RuleFor(worker => worker.DrainTimeout).IsWait();
        RuleFor(worker => worker.HealthSocket).Must(path => path is null || BeSocketPath(path))
            .WithMessage($"must be the path of a file, at most {MaxSocketPath} bytes long with its directories");
        RuleFor(worker => worker.MaxLostAttempts).Must(count => count is >= 1 and <= MostLostAttempts)
            .WithMessage($"must be 1 to {MostLostAttempts}");
        RuleForEach(worker => worker.ClusterTags).IsTag();
    }

    private static bool BeSocketPath(string path) =>
        !string.IsNullOrWhiteSpace(path)
        && !path.Contains('\0')
        && !Path.EndsInDirectorySeparator(path)
        && Encoding.UTF8.GetByteCount(path) <= MaxSocketPath;
}
