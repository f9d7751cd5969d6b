using System.Net;
using System.Text.RegularExpressions;
using NUnit.Framework;

namespace Heimdall.Tests.Support;

/// <summary>What a browser does for a sign-in, one request at a time: it keeps cookies, follows on demand.</summary>
/// <param name="address">Of the API.</param>
/// <param name="way">Sends what is for the API, and is not disposed of here; null for the direct way.</param>
internal sealed partial class SignInClient(Uri address, HttpClient? way = null) : IDisposable
{
    public const string SessionCookie = "heimdall_session";

    private readonly HttpClient _client = new(new SocketsHttpHandler { AllowAutoRedirect = false, UseCookies = false });
    private readonly Dictionary<string, string> _cookies = [];

    public IReadOnlyDictionary<string, string> Cookies => _cookies;

    /// <summary>The cookie of the session, which a test may replace.</summary>
    public string? Session
    {
        get => _cookies.GetValueOrDefault(SessionCookie);
        set
        {
            _cookies.Remove(SessionCookie);
            if (value is not null)
            {
                _cookies[SessionCookie] = value;
            }
        }
    }

    /// <summary>Signs in, up to the page that was wanted, which is not asked for.</summary>
    public async Task<Reply> SignInAsync(
        string user, CancellationToken cancellationToken, string wanted = "/hangfire/sql/jobs")
    {
        var callback = await BeginAsync(user, cancellationToken, wanted);
        return await GetAsync(callback, cancellationToken);
    }

    /// <summary>Begins a sign-in, and lets the provider take the user.</summary>
    /// <returns>Where the provider sends the browser back to.</returns>
    public async Task<string> BeginAsync(
        string user, CancellationToken cancellationToken, string wanted = "/hangfire/sql/jobs", string prefix = "")
    {
        var start = $"{prefix}/signin/start?return={Uri.EscapeDataString(wanted)}";
        var started = (await GetAsync(start, cancellationToken)).AssertStatus(302);
        using var reply = await _client.GetAsync(
            new Uri($"{started.Header("Location")}&login_hint={Uri.EscapeDataString(user)}"), cancellationToken);
        Assert.That(reply.StatusCode, Is.EqualTo(HttpStatusCode.Redirect), started.Header("Location"));
        return reply.Headers.Location!.AbsoluteUri;
    }

    public Task<Reply> GetAsync(
        string path, CancellationToken cancellationToken, params (string Name, string Value)[] headers) =>
        SendAsync("GET", path, cancellationToken, null, headers);

    /// <summary>As a browser that opens a page.</summary>
    public Task<Reply> OpenAsync(string path, CancellationToken cancellationToken) => GetAsync(
        path, cancellationToken, ("Accept", "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8"),
        ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Site", "none"));

    /// <summary>As a page of the server that sends something.</summary>
    public Task<Reply> PostAsync(string path, CancellationToken cancellationToken, HttpContent? content = null) =>
        SendAsync("POST", path, cancellationToken, content, ("Sec-Fetch-Site", "same-origin"));

    public async Task<Reply> SendAsync(
        string method, string path, CancellationToken cancellationToken, HttpContent? content = null,
        params (string Name, string Value)[] headers)
    {
        using var request = new HttpRequestMessage(new HttpMethod(method), new Uri(address, path))
        {
            Content = content,
        };
        if (_cookies.Count > 0)
        {
            request.Headers.Add("Cookie", string.Join("; ", _cookies.Select(cookie => $"{cookie.Key}={cookie.Value}")));
        }
        foreach (var (name, value) in headers)
        {
            request.Headers.TryAddWithoutValidation(name, value);
        }
        using var response = await (way ?? _client).SendAsync(request, cancellationToken);
        Keep(response);
        return await Reply.ReadAsync(response, cancellationToken);
    }

    /// <summary>Another window of the same browser, or the same browser at another API.</summary>
    public SignInClient CopyFor(Uri other)
    {
        var copy = new SignInClient(other);
        foreach (var (name, value) in _cookies)
        {
            copy._cookies[name] = value;
        }
        return copy;
    }

    /// <summary>Where a page sends the browser by itself; null: nowhere.</summary>
    public static string? NextOf(Reply page) =>
        Next().Match(page.Text) is { Success: true } next ? WebUtility.HtmlDecode(next.Groups[1].Value) : null;

    public void Dispose() => _client.Dispose();

    [GeneratedRegex("""<meta http-equiv="refresh" content="0;url=([^"]*)">""")]
    private static partial Regex Next();

    private void Keep(HttpResponseMessage response)
    {
        if (!response.Headers.TryGetValues("Set-Cookie", out var set))
        {
            return;
        }
        foreach (var parts in set.Select(cookie => cookie.Split(';')[0].Split('=', 2)))
        {
            _cookies.Remove(parts[0]);
            if (parts[1].Length > 0)
            {
                _cookies[parts[0]] = parts[1];
            }
        }
    }
}
