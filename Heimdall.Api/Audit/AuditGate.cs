using System.Text;
using Heimdall.Api.Callers;
using Heimdall.Api.Rights;
using Heimdall.Core.Audit;

namespace Heimdall.Api.Audit;

/// <summary>
/// Records who asks for a change, and each refusal: of wrong credentials, and of callers without the role. A change of
/// the store records itself in its transaction. What is left is recorded here, once it is answered. A job that is
/// submitted is its own record.
/// </summary>
internal sealed partial class AuditGate(AuditLog log, ILogger<AuditGate> logger)
{
    private const string Api = "/api/v1/";
    private const string Hooks = "hooks";
    private const string Delivery = "delivery";

    /// <summary>A longer one could not be in an index. The path of a script is shorter.</summary>
    private const int LongestTarget = 2000; // bytes
    private const int CutTarget = 600;      // characters

    public async Task InvokeAsync(HttpContext context, RequestDelegate next)
    {
        if (FindAction(context) is not var (action, right) || right is Right.None)
        {
            await next(context);
            return;
        }
        var entry = new AuditEntry(
            context.User.Identity?.Name, context.User.Identity?.AuthenticationType,
            context.Connection.RemoteIpAddress?.ToString(), action, Bound(TargetOf(context)));
        var isChange = IsChange(context, right);
        log.Current = isChange ? entry : null;
        try
        {
            await next(context);
        }
        catch
        {
            if (isChange && !entry.IsDone)
            {
                await WriteAsync(entry, AuditOutcome.Failed, status: null); // part of it may be done
            }
            throw;
        }
        if (OutcomeOf(context, isChange) is { } outcome && !entry.IsDone)
        {
            await WriteAsync(entry, outcome, context.Response.StatusCode);
        }
    }

    /// <summary>Makes one of several changes that a request asks for, with a record of its own.</summary>
    /// <param name="target">What it is about.</param>
    /// <param name="changeAsync">The change; gives why it was not made, or null.</param>
    public async Task<PartRefusal?> MakePartAsync(string target, Func<Task<PartRefusal?>> changeAsync)
    {
        if (log.Current?.PartFor(target) is not { } part)
        {
            return await changeAsync();
        }
        log.Current = part; // until this method returns
        PartRefusal? refusal;
        try
        {
            refusal = await changeAsync();
        }
        catch
        {
            if (!part.IsDone)
            {
                await WriteAsync(part, AuditOutcome.Failed, status: null); // it may be done
            }
            throw;
        }
        if (!part.IsDone)
        {
            await WriteAsync(part, OutcomeOf(refusal?.Status), refusal?.Status);
        }
        return refusal;
    }

    private static (string Action, Right Right)? FindAction(HttpContext context)
    {
        if (context.GetEndpoint() is not RouteEndpoint endpoint
            || endpoint.Metadata.GetMetadata<NeededRight>() is not { } needed)
        {
            return null;
        }
        var method = context.Request.Method;
        if (!context.Request.Path.StartsWithSegments(AccessTable.Dashboard, StringComparison.Ordinal, out var page))
        {
            return ($"{method} {endpoint.RoutePattern.RawText}", needed.Right);
        }
        var path = page.Value ?? "";
        var name = $"{method} {AccessTable.Dashboard}{AccessTable.PageOf(method, path)}";
        return (name, AccessTable.OfPage(method, path));
    }

    private static bool IsChange(HttpContext context, Right right) =>
        !HttpMethods.IsGet(context.Request.Method) && right is not (Right.Submit or Right.Known);

    /// <returns>Null for what is not recorded.</returns>
    private static AuditOutcome? OutcomeOf(HttpContext context, bool isChange) => context.Response.StatusCode switch
    {
        // Who sends no credentials at all is nobody, and could fill the table.
        StatusCodes.Status401Unauthorized when context.User.Identity is not { IsAuthenticated: true } =>
            Credentials.AreWrong(context) ? AuditOutcome.Refused : null,
        StatusCodes.Status302Found when Credentials.AreWrong(context) => AuditOutcome.Refused,
        StatusCodes.Status403Forbidden => AuditOutcome.Refused,
        StatusCodes.Status429TooManyRequests => null,
        >= 400 => isChange ? AuditOutcome.Failed : null,
        _ => isChange ? AuditOutcome.Done : null,
    };

    private static AuditOutcome OutcomeOf(int? refusal) => refusal switch
    {
        null => AuditOutcome.Done,
        StatusCodes.Status403Forbidden => AuditOutcome.Refused,
        _ => AuditOutcome.Failed,
    };

    /// <summary>What a request is about: <c>job/ID</c>, <c>schedule/ID</c>, <c>sql/PATH</c> and so on.</summary>
    private static string TargetOf(HttpContext context)
    {
        var path = context.Request.Path.Value ?? "";
        if (path.StartsWith($"{AccessTable.Dashboard}/sql/", StringComparison.Ordinal))
        {
            var parts = path.Split('/'); // "", hangfire, sql, jobs, ID, cancel
            return parts.Length > 4 ? $"{(parts[3] == Hooks ? Delivery : parts[3].TrimEnd('s'))}/{parts[4]}" : parts[3];
        }
        if (!path.StartsWith(Api, StringComparison.Ordinal))
        {
            return path;
        }
        var kind = path[Api.Length..].StartsWith($"{Hooks}/deliveries/", StringComparison.Ordinal)
            ? Delivery
            : path[Api.Length..].Split('/')[0];
        var values = context.Request.RouteValues;
        return (values.GetValueOrDefault("id") ?? values.GetValueOrDefault("path")) is { } id
            ? $"{kind.TrimEnd('s')}/{id}"
            : kind;
    }

    private static string Bound(string target)
    {
        if (Encoding.UTF8.GetByteCount(target) <= LongestTarget)
        {
            return target;
        }
        // Half of a character could not be written.
        var cut = char.IsHighSurrogate(target[CutTarget - 1]) ? CutTarget - 1 : CutTarget;
        return $"{target[..cut]}…";
    }

    private async Task WriteAsync(AuditEntry entry, AuditOutcome outcome, int? status)
    {
        try
        {
            await log.WriteAsync(entry, outcome, status, CancellationToken.None);
        }
        catch (Exception exception)
        {
            LogNotRecorded(entry.User, entry.Action, entry.Target, outcome, exception.Message);
        }
    }

    [LoggerMessage(LogLevel.Error, "Not in the audit: user {User}, {Action} of {Target}, {Outcome}: {Reason}")]
    private partial void LogNotRecorded(
        string? user, string action, string target, AuditOutcome outcome, string reason);
}

/// <summary>Why something was not done.</summary>
/// <param name="Status">As a reply of HTTP would have it.</param>
/// <param name="Why">In a sentence.</param>
internal sealed record PartRefusal(int Status, string Why);
