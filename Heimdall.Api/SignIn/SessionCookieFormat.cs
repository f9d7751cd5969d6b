using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.DataProtection;

namespace Heimdall.Api.SignIn;

/// <summary>
/// Reads and writes the cookie of a session. The keys for it are read from the store when they are first needed. The
/// framework takes a store that is away then for a wrong cookie, so they are read before it looks at one.
/// </summary>
internal sealed class SessionCookieFormat(IDataProtectionProvider protection) : ISecureDataFormat<AuthenticationTicket>
{
    private const string Purpose = "Heimdall.SessionCookie";

    private readonly IDataProtector _protector = protection.CreateProtector(Purpose);
    private readonly TicketDataFormat _format = new(protection.CreateProtector(Purpose));
    private volatile bool _hasKeys;

    public string Protect(AuthenticationTicket data) => _format.Protect(data);

    public string Protect(AuthenticationTicket data, string? purpose) => _format.Protect(data, purpose);

    public AuthenticationTicket? Unprotect(string? protectedText) => Unprotect(protectedText, purpose: null);

    public AuthenticationTicket? Unprotect(string? protectedText, string? purpose)
    {
        NeedKeys();
        return _format.Unprotect(protectedText, purpose);
    }

    /// <summary>Has the keys read, once. It fails as the store does.</summary>
    public void NeedKeys()
    {
        if (!_hasKeys)
        {
            _protector.Protect([]);
            _hasKeys = true;
        }
    }
}
