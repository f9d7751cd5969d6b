using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

internal sealed class ServerConfigValidator : AbstractValidator<ServerConfig>
{
    private static readonly string[] _ownPaths =
        ["api", "hangfire", "openapi", "healthz", "readyz", "metrics", "docs", "console", "signin", "signout"];

    public ServerConfigValidator()
    {
        RuleFor(server => server.Listen).Must(BeAddress).WithMessage("must be an absolute http or https URL without a path, such as http://127.0.0.1:9090");
        RuleFor(server => server.Listen).Must((server, listen) => server.Tls is null || IsHttps(listen))
            .WithMessage("must begin with https://, because server.tls is configured");
        RuleFor(server => server.Tls).Must((server, tls) => tls is not null || !IsHttps(server.Listen))
            .WithMessage("is required, because server.listen is https: {certificate: server.pem, key: server.key}; or listen at http behind a proxy with TLS");
        RuleFor(server => server.Tls).SetValidator(new TlsConfigValidator()!);
        RuleFor(server => server.PublicUrl).Must(BePublic!).When(server => server.PublicUrl is not null)
            .WithMessage("must be an absolute http or https URL without a query or //, such as https://example.org/heimdall");
        RuleFor(server => server.PublicUrl).Must(HaveOwnPath!).When(server => server.PublicUrl is not null)
            .WithMessage($"has a path that begins like Heimdall's own (/{string.Join(", /", _ownPaths)}): take another");
        RuleForEach(server => server.CorsOrigins).Must(BeOrigin)
            .WithMessage("must be the origin of a page as browsers send it, such as https://example.org or "
                + "http://localhost:3000: no path, no slash at its end, no *");
        RuleFor(server => server.MaxConnections).IsPositive();
        RuleFor(server => server.MaxBodyBytes).IsPositive();
        RuleFor(server => server.MaxInlinePerCaller).IsPositive();
        RuleFor(server => server.MaxQueuedPerCaller).IsPositive();
        RuleFor(server => server.MaxTargets).InclusiveBetween(1, ServerConfig.MostTargets)
            .WithMessage($"must be 1 to {ServerConfig.MostTargets}");
        RuleFor(server => server.MaxWatchersPerCaller).IsPositive();
        RuleFor(server => server.StalledClientTimeout).IsWait();
        RuleFor(server => server.IdempotencyRetention).IsPositive()
            .Must(retention => retention <= ConfigRules.LongestRetention).WithMessage("must not be longer than 36500d");
        RuleFor(server => server.HealthTimeout).IsWait();
    }

    private static bool IsHttps(string listen) => listen.StartsWith("https:", StringComparison.OrdinalIgnoreCase);

    private static bool BePublic(string url) =>
        Uri.TryCreate(url, UriKind.Absolute, out var address)
        && (address.Scheme == Uri.UriSchemeHttp || address.Scheme == Uri.UriSchemeHttps)
        && address.Query.Length == 0
        && !address.AbsolutePath.Contains("//", StringComparison.Ordinal) // in a Location it would be another host
        && address.Fragment.Length == 0
        && address.UserInfo.Length == 0;

    /// <summary>A proxy may take the path off or leave it: where both could be meant, nobody knows which.</summary>
    private static bool HaveOwnPath(string url) =>
        !Uri.TryCreate(url, UriKind.Absolute, out var address)
        || !_ownPaths.Contains(address.AbsolutePath.Split('/')[1], StringComparer.OrdinalIgnoreCase);

    /// <summary>In the form in which it is compared: lower case, without a port that is the scheme's own.</summary>
    private static bool BeOrigin(string origin) =>
        Uri.TryCreate(origin, UriKind.Absolute, out var url)
        && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)
        && !origin.Contains('*', StringComparison.Ordinal)
        && url.GetLeftPart(UriPartial.Authority) == origin;

    private static bool BeAddress(string listen) =>
        Uri.TryCreate(listen, UriKind.Absolute, out var url)
        && (url.Scheme == Uri.UriSchemeHttp || url.Scheme == Uri.UriSchemeHttps)
        && url.PathAndQuery == "/"
        && url.Fragment.Length == 0
        && url.UserInfo.Length == 0;
}
