using System.Collections.Concurrent;
using System.Net;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.IdentityModel.JsonWebTokens;
using Microsoft.IdentityModel.Tokens;
using HttpResults = Microsoft.AspNetCore.Http.Results;

namespace Heimdall.Tests.Support;

/// <summary>
/// An identity provider: OpenID Connect with the authorization code, at <c>localhost</c>, which is another site than
/// that of the API. It checks what a provider checks, so that what is missing in a request is an error here.
/// </summary>
internal sealed class OpenIdProvider : IAsyncDisposable
{
    public const string ClientId = "heimdall-tests";

    /// <summary>No reply, log or page may show it.</summary>
    public const string ClientSecret = "canary-0idc-s3cret";

    private const string UserCookie = "provider_user";

    private readonly int _port = FreePort.Find();
    private readonly ConcurrentDictionary<string, Grant> _codes = new();
    private readonly ConcurrentQueue<string> _requests = new();
    private WebApplication? _app;
    private ECDsa _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
    private string _keyId = "first";

    private OpenIdProvider()
    {
    }

    public string Authority => $"http://localhost:{_port}";

    /// <summary>Claims of every user beside their name.</summary>
    public Dictionary<string, object> Claims { get; } = [];

    /// <summary>Changes the next ID tokens before they are signed.</summary>
    public Action<Dictionary<string, object>>? Change { get; set; }

    /// <summary>Makes the next ID tokens of their claims, in place of signing them.</summary>
    public Func<Dictionary<string, object>, string>? Make { get; set; }

    /// <summary>Whether the user says no.</summary>
    public bool IsDenying { get; set; }

    /// <summary>Whether codes are answered by an error of the provider's own.</summary>
    public bool IsFailing { get; set; }

    /// <summary>Whether sessions can be ended here.</summary>
    public bool HasEndSession { get; init; } = true;

    /// <summary>Method, path and query of what was asked for.</summary>
    public IReadOnlyCollection<string> Requests => _requests;

    /// <summary>The keys as they are published.</summary>
    public string Keys => JsonSerializer.Serialize(new { keys = new[] { PublicKey() } });

    public static async Task<OpenIdProvider> StartAsync(bool hasEndSession = true)
    {
        var provider = new OpenIdProvider { HasEndSession = hasEndSession };
        await provider.StartAgainAsync();
        return provider;
    }

    /// <summary>The inside of <c>auth.oidc</c> for an API that signs in here.</summary>
    public string Config(string more = "") =>
        $"authority: \"{Authority}\", client_id: {ClientId}, client_secret: {ClientSecret}{more}";

    public async Task StartAgainAsync()
    {
        var builder = WebApplication.CreateEmptyBuilder(new WebApplicationOptions());
        builder.WebHost.UseKestrelCore().ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, _port));
        builder.Services.AddRouting();
        _app = builder.Build();
        _app.Use((context, next) =>
        {
            _requests.Enqueue(
                $"{context.Request.Method} {context.Request.Path}{context.Request.QueryString}");
            return next(context);
        });
        _app.UseRouting();
        _app.MapGet("/.well-known/openid-configuration", Describe);
        _app.MapGet("/keys", () => HttpResults.Content(Keys, "application/json"));
        _app.MapGet("/authorize", Authorize);
        _app.MapPost("/login", (Delegate)LogInAsync);
        _app.MapPost("/token", (Delegate)RedeemAsync);
        _app.MapGet("/end", EndSession);
        await _app.StartAsync();
    }

    public async Task StopAsync()
    {
        if (_app is { } app)
        {
            _app = null;
            await app.DisposeAsync();
        }
    }

    /// <summary>Signs with another key from now on, and publishes only that.</summary>
    public void RotateKey()
    {
        _key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        _keyId = Guid.NewGuid().ToString();
    }

    public string Sign(Dictionary<string, object> claims, ECDsa? key = null) => new JsonWebTokenHandler
    {
        SetDefaultTimesOnTokenCreation = false,
    }.CreateToken(new SecurityTokenDescriptor
    {
        Claims = claims,
        SigningCredentials = new SigningCredentials(
            new ECDsaSecurityKey(key ?? _key) { KeyId = _keyId }, SecurityAlgorithms.EcdsaSha256),
    });

    public async ValueTask DisposeAsync()
    {
        await StopAsync();
        _key.Dispose();
    }

    private IResult Describe()
    {
        var document = new Dictionary<string, object>
        {
            ["issuer"] = Authority,
            ["authorization_endpoint"] = $"{Authority}/authorize",
            ["token_endpoint"] = $"{Authority}/token",
            ["jwks_uri"] = $"{Authority}/keys",
            ["response_types_supported"] = new[] { "code" },
            ["subject_types_supported"] = new[] { "public" },
            ["id_token_signing_alg_values_supported"] = new[] { "ES256" },
            ["code_challenge_methods_supported"] = new[] { "S256" },
        };
        if (HasEndSession)
        {
            document["end_session_endpoint"] = $"{Authority}/end";
        }
        return HttpResults.Json(document);
    }

    /// <summary>Who is known here, by the cookie or by the name in the request, is sent back at once.</summary>
    private IResult Authorize(HttpContext context)
    {
        var query = context.Request.Query;
        if (query["client_id"] != ClientId || query["response_type"] != "code" || query["state"].Count != 1
            || query["nonce"].Count != 1 || query["code_challenge_method"] != "S256"
            || query["code_challenge"].Count != 1 || !query["scope"].ToString().Split(' ').Contains("openid"))
        {
            return HttpResults.BadRequest("invalid_request");
        }
        if (IsDenying)
        {
            return HttpResults.Redirect($"{query["redirect_uri"]}?error=access_denied&state={Escape(query["state"]!)}");
        }
        var user = query["login_hint"].FirstOrDefault() ?? context.Request.Cookies[UserCookie];
        if (user is not null)
        {
            return SendBack(query, user);
        }
        var fields = string.Concat(query.Select(
            field => $"<input type=\"hidden\" name=\"{field.Key}\" value=\"{WebUtility.HtmlEncode(field.Value)}\">"));
        return HttpResults.Content(
            $"<!DOCTYPE html><title>Provider</title><form method=\"post\" action=\"/login\">{fields}"
            + "<label>User <input name=\"user\"></label><button>Log in</button></form>",
            "text/html");
    }

    private async Task<IResult> LogInAsync(HttpContext context)
    {
        var form = await context.Request.ReadFormAsync();
        var user = form["user"].ToString();
        context.Response.Cookies.Append(UserCookie, user);
        return SendBack(new QueryCollection(form.ToDictionary(field => field.Key, field => field.Value)), user);
    }

    private IResult SendBack(IQueryCollection query, string user)
    {
        var code = Guid.NewGuid().ToString("N");
        _codes[code] = new Grant(user, query["nonce"]!, query["code_challenge"]!, query["redirect_uri"]!);
        return HttpResults.Redirect($"{query["redirect_uri"]}?code={code}&state={Escape(query["state"]!)}");
    }

    private async Task<IResult> RedeemAsync(HttpContext context)
    {
        if (IsFailing)
        {
            return HttpResults.Json(new { error = "server_error" }, statusCode: 503);
        }
        var form = await context.Request.ReadFormAsync();
        var verifier = Encoding.ASCII.GetBytes(form["code_verifier"].ToString());
        var challenge = Base64UrlEncoder.Encode(SHA256.HashData(verifier));
        if (form["client_id"] != ClientId || form["client_secret"] != ClientSecret
            || form["grant_type"] != "authorization_code" || !_codes.TryRemove(form["code"].ToString(), out var grant)
            || grant.Challenge != challenge || form["redirect_uri"] != grant.RedirectUri)
        {
            return HttpResults.Json(new { error = "invalid_grant" }, statusCode: 400);
        }
        var now = DateTimeOffset.UtcNow.ToUnixTimeSeconds();
        var claims = new Dictionary<string, object>(Claims)
        {
            ["iss"] = Authority,
            ["aud"] = ClientId,
            ["sub"] = grant.User,
            ["nonce"] = grant.Nonce,
            ["iat"] = now,
            ["exp"] = now + 300,
        };
        Change?.Invoke(claims);
        return HttpResults.Json(new
        {
            access_token = Guid.NewGuid().ToString("N"),
            token_type = "Bearer",
            expires_in = 300,
            id_token = Make?.Invoke(claims) ?? Sign(claims),
        });
    }

    private static IResult EndSession(HttpContext context)
    {
        var query = context.Request.Query;
        var client = query["id_token_hint"] is [{ } hint]
            ? new JsonWebTokenHandler().ReadJsonWebToken(hint).Audiences.Single()
            : query["client_id"].ToString();
        if (client != ClientId)
        {
            return HttpResults.BadRequest("invalid_request");
        }
        context.Response.Cookies.Delete(UserCookie);
        return HttpResults.Redirect($"{query["post_logout_redirect_uri"]}?state={Escape(query["state"]!)}");
    }

    private object PublicKey()
    {
        var key = JsonWebKeyConverter.ConvertFromECDsaSecurityKey(
            new ECDsaSecurityKey(ECDsa.Create(_key.ExportParameters(includePrivateParameters: false))));
        return new { kty = key.Kty, crv = key.Crv, x = key.X, y = key.Y, kid = _keyId, use = "sig", alg = "ES256" };
    }

    private static string Escape(string text) => Uri.EscapeDataString(text);

    private sealed record Grant(string User, string Nonce, string Challenge, string RedirectUri);
}
