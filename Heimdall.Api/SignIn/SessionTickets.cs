using System.Security.Cryptography;
using System.Text;
using Heimdall.Api.Callers;
using Heimdall.Core.Configuration;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Authentication.Cookies;
using Microsoft.AspNetCore.DataProtection;

namespace Heimdall.Api.SignIn;

/// <summary>
/// Keeps what the framework knows of a session in the store, so that the cookie stays small, is taken by each API
/// process, and is worth nothing once the session has been ended. The cookie has a random key. The store has its hash,
/// which the provider and the client are part of: a session at another one is none.
/// </summary>
internal sealed class SessionTickets(AuthConfig auth, SessionStore store, IDataProtectionProvider protection)
    : ITicketStore
{
    private const int KeyBytes = 32;

    private static readonly TimeSpan UseInterval = TimeSpan.FromMinutes(1);

    private readonly IDataProtector _protector = protection.CreateProtector("Heimdall.BrowserSession");

    private OidcConfig Config => auth.Oidc!;

    public Task<string> StoreAsync(AuthenticationTicket ticket) => throw NeedsRequest();

    public async Task<string> StoreAsync(
        AuthenticationTicket ticket, HttpContext context, CancellationToken cancellationToken)
    {
        var bytes = TicketSerializer.Default.Serialize(ticket);
        var key = Convert.ToHexStringLower(RandomNumberGenerator.GetBytes(KeyBytes));
        var user = ticket.Principal.Identity!.Name!;
        var address = context.Connection.RemoteIpAddress?.ToString();
        var id = Guid.CreateVersion7();
        await store.AddAsync(
            new NewSession(id, HashOf(key), user, _protector.Protect(bytes), address, Config.SessionLifetime),
            SignInAudit.Entry(context, user, SignInAudit.SignIn, SignInAudit.TargetOf(id)),
            cancellationToken);
        return key;
    }

    public Task RenewAsync(string key, AuthenticationTicket ticket) => throw NeedsRequest();

    public Task<AuthenticationTicket?> RetrieveAsync(string key) => throw NeedsRequest();

    public async Task<AuthenticationTicket?> RetrieveAsync(
        string key, HttpContext context, CancellationToken cancellationToken)
    {
        var hash = HashOf(key);
        if (context.Request.Path == SignInPages.Callback)
        {
            // Whoever signs in gets a new key: the one before may have been put there by somebody else.
            await store.EndAsync(hash, entry: null, cancellationToken);
            return null;
        }
        BrowserSession.MarkOurs(context);
        var interval = Config.IdleTimeout / 4 < UseInterval ? Config.IdleTimeout / 4 : UseInterval;
        var ticket = await store.UseAsync(hash, Config.IdleTimeout, interval, cancellationToken);
        if (ticket is null || Read(ticket) is not { } found)
        {
            return null;
        }
        SessionWatch.Note(context, hash);
        return found;
    }

    public Task RemoveAsync(string key) => throw NeedsRequest();

    public async Task RemoveAsync(string key, HttpContext context, CancellationToken cancellationToken)
    {
        var hash = HashOf(key);
        var entry = context.Request.Path == SignInPages.SignOut
            && await store.FindAsync(hash, cancellationToken) is { } id
                ? SignInAudit.Entry(
                    context, SignInAudit.WhoSignsOut(context), SignInAudit.SignOut, SignInAudit.TargetOf(id))
                : null;
        await store.EndAsync(hash, entry, cancellationToken);
    }

    /// <returns>Null where the keys that protect tickets are gone.</returns>
    private AuthenticationTicket? Read(byte[] ticket)
    {
        try
        {
            return TicketSerializer.Default.Deserialize(_protector.Unprotect(ticket));
        }
        catch (CryptographicException)
        {
            return null;
        }
    }

    private byte[] HashOf(string key) => SHA256.HashData(Encoding.UTF8.GetBytes(string.Join(
        '\n', key, Config.Authority, Config.ClientId, Config.UserClaim, Config.RolesClaim)));

    private static NotSupportedException NeedsRequest() => new("A session is one of a request.");
}
