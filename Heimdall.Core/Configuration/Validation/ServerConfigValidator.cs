using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

internal sealed class ServerConfigValidator : AbstractValidator<ServerConfig>
{
    public ServerConfigValidator()
    {
        RuleFor(server => server.Listen).Must(BeAddress).WithMessage("must be an absolute http or https URL without a path, such as http://127.0.0.1:9090");
        RuleFor(server => server.Listen).Must((server, listen) => server.Tls is null || IsHttps(listen))
            .WithMessage("must begin with https://, because server.tls is configured");
        RuleFor(server => server.Tls).Must((server, tls) => tls is not null || !IsHttps(server.Listen))
            .WithMessage("is required, because server.listen is https: {certificate: server.pem, key: server.key}; or listen at http behind a proxy with TLS");
        RuleFor(server => server.Tls).SetValidator(new TlsConfigValidator()!);
        RuleFor(server => server.MaxBodyBytes).IsPositive();
        RuleFor(server => server.MaxInlinePerCaller).IsPositive();
        RuleFor(server => server.MaxQueuedPerCaller).IsPositive();
        RuleFor(server => server.StalledClientTimeout).IsWait();
        RuleFor(server => server.IdempotencyRetention).IsPositive();
        RuleFor(server => server.HealthTimeout).IsWait();
    }

    private static bool IsHttps(string listen) => listen.StartsWith("https:", StringComparison.OrdinalIgnoreCase);

    private static bool BeAddress(string listen) =>
        Uri.TryCreate(listen, UriKind.Absolute, out var url)
        && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)
        && url.PathAndQuery == "/"
        && url.Fragment.Length == 0
        && url.UserInfo.Length == 0;
}
