using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

internal sealed class QueueConfigValidator : AbstractValidator<QueueConfig>
{
    public QueueConfigValidator() =>
        RuleFor(queue => queue.Storage).Must(storage => storage is QueueConfig.Heimdall or QueueConfig.Stock)
            .WithMessage($"must be {QueueConfig.Heimdall} or {QueueConfig.Stock}");
}
