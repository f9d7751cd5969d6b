using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

internal sealed class ServerConfigValidator : AbstractValidator<ServerConfig>
{
    public ServerConfigValidator()
    {
        RuleFor(server => server.Listen).Must(BeAddress).WithMessage("must be an absolute http or https URL without a path, such as http://127.0.0.1:9090");
        RuleFor(server => server.MaxBodyBytes).IsPositive();
        RuleFor(server => server.MaxInlinePerCaller).IsPositive();
        RuleFor(server => server.MaxQueuedPerCaller).IsPositive();
        RuleFor(server => server.StalledClientTimeout).IsWait();
        RuleFor(server => server.IdempotencyRetention).IsPositive();
        RuleFor(server => server.HealthTimeout).IsWait();
    }

    private static bool BeAddress(string listen) =>
        Uri.TryCreate(listen, UriKind.Absolute, out var url)
        && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)
        && url.PathAndQuery == "/"
        && url.Fragment.Length == 0
        && url.UserInfo.Length == 0;
}
