using Heimdall.Api.Origins;
using Microsoft.OpenApi;

namespace Heimdall.Api.Callers;

/// <summary>The ways in which this server finds out who calls, as <see cref="CallerAuthentication"/> does it.</summary>
internal static class CallerSchemes
{
    /// <summary>The schemes of the document. Each is enough alone.</summary>
    /// <param name="known">What is configured now.</param>
    public static IReadOnlyDictionary<string, OpenApiSecurityScheme> Of(KnownCallers known)
    {
        var config = known.Config;
        var schemes = new Dictionary<string, OpenApiSecurityScheme>();
        if (config.ApiKeys.Length > 0 || config.Jwt is not null)
        {
            schemes["bearer"] = new()
            {
                Type = SecuritySchemeType.Http,
                Scheme = "bearer",
                Description = (config.ApiKeys.Length > 0, config.Jwt is not null) switch
                {
                    (true, true) => "An API key, or a token of the identity provider.",
                    (true, false) => "An API key.",
                    _ => "A token of the identity provider.",
                },
            };
        }
        if (config.ApiKeys.Length > 0)
        {
            schemes["api_key"] = new()
            {
                Type = SecuritySchemeType.ApiKey,
                In = ParameterLocation.Header,
                Name = CallerAuthentication.KeyHeader,
                Description = "An API key.",
            };
            schemes["basic"] = new()
            {
                Type = SecuritySchemeType.Http,
                Scheme = "basic",
                Description = "An API key as the password; the user does not matter.",
            };
        }
        if (config.Header is { } header)
        {
            schemes["proxy"] = Name(header, "The user, named by a trusted proxy.");
        }
        if (known.TakesSessions)
        {
            schemes["session"] = new()
            {
                Type = SecuritySchemeType.ApiKey,
                In = ParameterLocation.Cookie,
                Name = SessionCookie.Name,
                Description =
                    "The session of a browser that is signed in; changes are taken of this server's own pages only.",
            };
        }
        if (!config.IsConfigured)
        {
            schemes["user"] = Name(
                CallerAuthentication.DefaultHeader, "Any name. Without one, the caller is anonymous.");
        }
        return schemes;
    }

    /// <summary>What an operation that needs a caller needs: one of the schemes.</summary>
    /// <param name="known">What is configured now.</param>
    /// <param name="document">The document that has the schemes.</param>
    public static IEnumerable<OpenApiSecurityRequirement> Requirements(KnownCallers known, OpenApiDocument document) =>
    [
        .. known.Config.IsConfigured ? Array.Empty<OpenApiSecurityRequirement>() : [new OpenApiSecurityRequirement()],
        .. Of(known).Keys.Select(id =>
            new OpenApiSecurityRequirement { [new OpenApiSecuritySchemeReference(id, document)] = [] }),
    ];

    private static OpenApiSecurityScheme Name(string header, string description) => new()
    {
        Type = SecuritySchemeType.ApiKey,
        In = ParameterLocation.Header,
        Name = header,
        Description = description,
    };
}
