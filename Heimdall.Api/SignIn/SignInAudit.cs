using Heimdall.Api.Callers;
using Heimdall.Core.Audit;

namespace Heimdall.Api.SignIn;

/// <summary>What is recorded of sign-ins: who has signed in and out, and why somebody could not.</summary>
internal sealed partial class SignInAudit(AuditLog log, ILogger<SignInAudit> logger)
{
    public const string SignIn = $"GET {SignInPages.Callback}";
    public const string SignOut = $"POST {SignInPages.SignOut}";

    private const string Refused = "sign-in";

    private static readonly object _user = new();

    /// <summary>As of the request that ends a session by its id: so it can be said whose was ended.</summary>
    public static string TargetOf(Guid session) => $"session/{session}";

    public static AuditEntry Entry(HttpContext context, string? user, string action, string target) =>
        new(user, Credentials.Oidc, context.Connection.RemoteIpAddress?.ToString(), action, target);

    /// <summary>Notes who signs out: where the session is ended, only its key is known.</summary>
    public static void SetWhoSignsOut(HttpContext context, string user) => context.Items[_user] = user;

    public static string? WhoSignsOut(HttpContext context) => context.Items[_user] as string;

    /// <summary>Records a sign-in that was refused. The reason is in the target, behind a slash.</summary>
    public async Task RefuseAsync(HttpContext context, SignInProblem problem, string why)
    {
        LogRefused(problem.ToWord(), why);
        try
        {
            await log.WriteAsync(
                Entry(context, null, SignIn, $"{Refused}/{problem.ToWord()}"), AuditOutcome.Refused,
                StatusCodes.Status401Unauthorized, CancellationToken.None);
        }
        catch (Exception exception)
        {
            LogNotRecorded(problem.ToWord(), exception.Message);
        }
    }

    [LoggerMessage(LogLevel.Warning, "A sign-in was refused ({Problem}): {Why}")]
    private partial void LogRefused(string problem, string why);

    [LoggerMessage(LogLevel.Error, "Not in the audit: a sign-in was refused ({Problem}): {Reason}")]
    private partial void LogNotRecorded(string problem, string reason);
}
