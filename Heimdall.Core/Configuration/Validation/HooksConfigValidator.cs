using FluentValidation;

namespace Heimdall.Core.Configuration.Validation;

/// <summary>Checks who gets messages, and where that may be.</summary>
internal sealed class HooksConfigValidator : AbstractValidator<HooksConfig>
{
    private static readonly TimeSpan LongestTimeout = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromDays(7);

    public HooksConfigValidator()
    {
        RuleForEach(hooks => hooks.Allow).Custom((entry, context) =>
        {
            if (HookTargets.FindProblem(entry) is { } problem)
            {
                context.AddFailure(problem);
            }
        });
        RuleForEach(hooks => hooks.Receivers)
            .SetValidator(hooks => new HookConfigValidator(new HookTargets(hooks.Allow)));
        RuleFor(hooks => hooks.Receivers).Custom((receivers, context) =>
        {
            foreach (var (index, receiver) in receivers.Index())
            {
                var first = Array.FindIndex(receivers, other => other.Id == receiver.Id);
                if (first < index && receiver.Id.Length > 0)
                {
                    context.AddFailure($"Receivers[{index}].Id", $"is the id of hooks.receivers[{first}] too");
                }
            }
        });
        RuleFor(hooks => hooks.Timeout).Must(time => time > TimeSpan.Zero && time <= LongestTimeout)
            .WithMessage("must be longer than nothing and at most 1m");
        RuleFor(hooks => hooks.RetryAfter).Must(time => time > TimeSpan.Zero && time <= TimeSpan.FromHours(1))
            .WithMessage("must be longer than nothing and at most 1h");
        RuleFor(hooks => hooks.RetryFor).Must(time => time > TimeSpan.Zero && time <= LongestRetry)
            .WithMessage("must be longer than nothing and at most 7d");
        RuleFor(hooks => hooks.ScheduleLateAfter).IsWait()
            .Must(time => time >= TimeSpan.FromSeconds(10)).WithMessage("must not be shorter than 10s");
        RuleFor(hooks => hooks.QueueOlderThan).IsWait();
    }
}

/// <summary>Checks one receiver. Its kind decides what it needs.</summary>
internal sealed class HookConfigValidator : AbstractValidator<HookConfig>
{
    private const string SecretExpected =
        "whsec_ and 24 to 64 random bytes in base64, as `openssl rand -base64 32` prints";

    private const int MostTexts = 100;
    private const int LeastSecret = 24;
    private const int MostSecret = 64;

    private readonly HookTargets _targets;

    public HookConfigValidator(HookTargets targets)
    {
        _targets = targets;
        RuleFor(hook => hook.Id).Cascade(CascadeMode.Stop).IsRequired().IsHookId();
        RuleFor(hook => hook.Kind).Must(HookConfig.Kinds.Contains)
            .WithMessage($"must be one of {string.Join(", ", HookConfig.Kinds)}");
        RuleFor(hook => hook.Url).Cascade(CascadeMode.Stop).IsRequired()
            .Custom((url, context) => Add(context, FindUrlProblem(context.InstanceToValidate)));
        RuleFor(hook => hook.Secrets).Must(secrets => secrets.Length > 0)
            .When(hook => hook.Kind == HookConfig.Webhook)
            .WithMessage($"is required: {SecretExpected}");
        RuleForEach(hook => hook.Secrets).Custom((secret, context) => Add(context, FindSecretProblem(secret)));
        RuleFor(hook => hook.Secrets).Must(secrets => secrets.Length == 0)
            .When(hook => hook.Kind is HookConfig.Slack or HookConfig.Mail)
            .WithMessage("are of a hook of kind webhook only");
        RuleForEach(hook => hook.Events).Must(HookEvents.Known.Contains)
            .WithMessage($"must be one of {string.Join(", ", HookEvents.Known)}");
        RuleForEach(hook => hook.Statuses).IsEndStatus();
        RuleFor(hook => hook.Commands).Must(ids => ids.Length <= MostTexts)
            .WithMessage($"must not be more than {MostTexts}");
        RuleForEach(hook => hook.ClusterTags).IsTag();
        RuleForEach(hook => hook.AllowedCallers)
            .Custom((pattern, context) => Add(context, CallerPattern.FindProblem(pattern)));
        RuleFor(hook => hook.From).Must(IsAddress).When(hook => hook.Kind == HookConfig.Mail)
            .WithMessage("must be an address such as heimdall@example.org");
        RuleFor(hook => hook.To).Must(to => to.Length is > 0 and <= MostTexts)
            .When(hook => hook.Kind == HookConfig.Mail)
            .WithMessage($"must be 1 to {MostTexts} addresses such as ops@example.org");
        RuleForEach(hook => hook.To).Must(IsAddress).WithMessage("must be an address such as ops@example.org");
        RuleFor(hook => hook).Custom((hook, context) =>
        {
            if (hook.Kind != HookConfig.Mail && (hook.From ?? hook.User ?? hook.Password) is not null)
            {
                context.AddFailure("From", "is of a hook of kind mail only, and so are to, user and password");
            }
            if ((hook.User is null) != (hook.Password is null))
            {
                context.AddFailure("Password", "goes with user: both or neither");
            }
            if (!hook.Tls && hook.User is not null)
            {
                context.AddFailure("Tls", "must be true where there is a user: the password would be sent in clear");
            }
            if (hook.User is { } user && FindReferenceProblem(user) is { } unknown)
            {
                context.AddFailure("User", unknown);
            }
            if (hook.Password is { } password && FindReferenceProblem(password) is { } problem)
            {
                context.AddFailure("Password", problem);
            }
        });
    }

    private string? FindUrlProblem(HookConfig hook)
    {
        if (FindReferenceProblem(hook.Url) is { } problem)
        {
            return problem;
        }
        var isMail = hook.Kind == HookConfig.Mail;
        if (!Uri.TryCreate(SecretReferences.Resolve(hook.Url), UriKind.Absolute, out var url)
            || !(isMail ? url.Scheme is "smtp" or "smtps" : url.Scheme is "http" or "https")
            || url.Host.Length == 0 || url.UserInfo.Length > 0 || url.Fragment.Length > 0)
        {
            // Of a URL that may be a secret nothing is shown.
            return isMail
                ? "must be smtp:// or smtps:// with a host, such as smtp://mail.example.org:587; "
                    + "the user has a key of its own"
                : "must be an absolute http or https URL without a user, such as https://hooks.example.org/heimdall";
        }
        return _targets.Names(url.IdnHost.Trim('[', ']'))
            ? null
            : $"leads to {url.IdnHost}, which is not in hooks.allow";
    }

    private static string? FindSecretProblem(string secret)
    {
        if (FindReferenceProblem(secret) is { } problem)
        {
            return problem;
        }
        return ReadSecret(SecretReferences.Resolve(secret)) is { Length: >= LeastSecret and <= MostSecret }
            ? null
            : $"must be {SecretExpected}";
    }

    /// <returns>The key that a secret stands for; null where it stands for none.</returns>
    internal static byte[]? ReadSecret(string secret)
    {
        const string Prefix = "whsec_";
        var key = new byte[secret.Length];
        return secret.StartsWith(Prefix, StringComparison.Ordinal)
            && Convert.TryFromBase64String(secret[Prefix.Length..].Trim(), key, out var length)
                ? key[..length]
                : null;
    }

    private static string? FindReferenceProblem(string text)
    {
        try
        {
            _ = SecretReferences.Resolve(text);
            return null;
        }
        catch (SecretReferenceException e)
        {
            return e.Message; // it names the reference only
        }
    }

    private static bool IsAddress(string? text) =>
        text is not null && System.Net.Mail.MailAddress.TryCreate(text, out var address) && address.Address == text;

    private static void Add<T>(ValidationContext<T> context, string? problem)
    {
        if (problem is not null)
        {
            context.AddFailure(problem);
        }
    }
}

/// <summary>Checks a list of hooks that are notified when a job ends.</summary>
public static class OnEndRules
{
    /// <summary>So many hooks one job, command or schedule names at most.</summary>
    public const int Most = 10;

    /// <summary>The statuses in which a job ends.</summary>
    public static IReadOnlyList<string> Ends { get; } = ["SUCCEEDED", "FAILED", "CANCELED", "KILLED"];

    /// <summary>What is wrong with a list, by its place in it.</summary>
    /// <param name="entries">The list.</param>
    /// <param name="hooks">The ids that there are; null where that is not asked.</param>
    public static IEnumerable<(string Path, string Message)> FindProblems(
        IReadOnlyList<OnEndConfig> entries, IReadOnlyCollection<string>? hooks)
    {
        if (entries.Count > Most)
        {
            yield return ("", $"must not be more than {Most}");
            yield break; // each of them is compared with those before it
        }
        foreach (var (index, entry) in entries.Index())
        {
            if (string.IsNullOrWhiteSpace(entry.Hook))
            {
                yield return ($"[{index}].hook", "is required: the id of a receiver in hooks.receivers");
            }
            else if (entries.Take(index).Any(other => other.Hook == entry.Hook))
            {
                yield return ($"[{index}].hook", "is named twice");
            }
            else if (hooks?.Contains(entry.Hook) == false)
            {
                yield return ($"[{index}].hook", hooks.Count == 0
                    ? "is no hook: hooks.receivers has none"
                    : $"is no hook; there are: {string.Join(", ", hooks)}");
            }
            if (entry.On.Length > Ends.Count)
            {
                yield return ($"[{index}].on", $"must not be more than {Ends.Count}");
                continue;
            }
            foreach (var (place, _) in entry.On.Index().Where(status => !Ends.Contains(status.Item)))
            {
                yield return ($"[{index}].on[{place}]", $"must be one of {string.Join(", ", Ends)}");
            }
        }
    }

    internal static IRuleBuilderOptions<T, string> IsEndStatus<T>(this IRuleBuilder<T, string> rule) =>
        rule.Must(Ends.Contains).WithMessage($"must be one of {string.Join(", ", Ends)}");

    internal static IRuleBuilderOptions<T, string> IsHookId<T>(this IRuleBuilder<T, string> rule) =>
        rule.Matches(@"^[A-Za-z0-9._-]{1,100}\z").WithMessage("must have 1 to 100 letters, digits and . _ - only");
}
