using FluentValidation;
using Heimdall.Core.Configuration.Yaml;

namespace Heimdall.Core.Configuration.Validation;

/// <summary>Rules that several validators share. Messages continue the path: "commands[0].name: is required".</summary>
internal static class ConfigRules
{
    public const int MaxNameLength = 300;
    public const int MaxVersionLength = 32;
    public const int MaxDescriptionLength = 2000;

    /// <summary>A hundred years: what lies before it must still be a date.</summary>
    public static readonly TimeSpan LongestRetention = TimeSpan.FromDays(36_500);

    /// <summary>An address of REST ends in it where other addresses end in an id.</summary>
    private const string ReservedId = "statuses";

    private const string RetentionMessage = "must be longer than nothing and at most 36500d, or forever";

    /// <summary>Longest wait that timers are trusted with.</summary>
    private static readonly TimeSpan _maxWait = TimeSpan.FromDays(1);

    public static IRuleBuilderOptions<T, string> IsRequired<T>(this IRuleBuilder<T, string> rule) =>
        rule.Must(text => !string.IsNullOrWhiteSpace(text)).WithMessage("is required");

    public static IRuleBuilderOptions<T, string> IsAtMost<T>(this IRuleBuilder<T, string> rule, int length) =>
        rule.Must(text => text.Length <= length).WithMessage($"must not be longer than {length} characters");

    /// <summary>An id may be left out; one that is written must be usable.</summary>
    public static IRuleBuilderOptions<T, string?> IsId<T>(this IRuleBuilder<T, string?> rule) =>
        rule.Must(id => id is null || !string.IsNullOrWhiteSpace(id)).WithMessage("must not be blank; leave it out to use the name")
            .Must(id => id is null || id.Length <= MaxNameLength).WithMessage($"must not be longer than {MaxNameLength} characters")
            .Must(id => !ReservedId.Equals(id, StringComparison.OrdinalIgnoreCase))
            .WithMessage($"must not be '{ReservedId}', the last word of an address of REST's own");

    public static IRuleBuilderOptions<T, string> IsStatus<T>(this IRuleBuilder<T, string> rule) =>
        rule.Must(status => status.Equals("active", StringComparison.OrdinalIgnoreCase) || status.Equals("inactive", StringComparison.OrdinalIgnoreCase))
            .WithMessage("must be active or inactive");

    /// <summary>No two of these fail together: on a list, <c>CascadeMode.Stop</c> would end at the first bad item.</summary>
    public static IRuleBuilderOptions<T, string> IsTag<T>(this IRuleBuilder<T, string> rule) =>
        rule.Must(tag => !string.IsNullOrWhiteSpace(tag)).WithMessage("must not be an empty tag")
            .Must(tag => tag == tag.Trim() || string.IsNullOrWhiteSpace(tag)).WithMessage("must not begin or end with a blank")
            .IsAtMost(MaxNameLength);

    /// <summary>The tags that a command or a cluster carries, as opposed to those it asks for.</summary>
    public static IRuleBuilderOptions<T, string> IsOwnTag<T>(this IRuleBuilder<T, string> rule) =>
        rule.IsTag()
            .Must(tag => !SystemTags.IsReserved(tag)).WithMessage($"must not begin with {string.Join(", ", SystemTags.Prefixes)}: the system sets these tags");

    public static IRuleBuilderOptionsConditions<T, string> IsCallerPattern<T>(this IRuleBuilder<T, string> rule) =>
        rule.Custom((pattern, context) =>
        {
            if (CallerPattern.FindProblem(pattern) is { } problem)
            {
                context.AddFailure(problem);
            }
        });

    /// <summary>Where a process listens for Prometheus.</summary>
    public static IRuleBuilderOptions<T, string?> IsPlainAddress<T>(
        this IRuleBuilder<T, string?> rule, string example) =>
        rule.Must(listen => listen is null || (Uri.TryCreate(listen, UriKind.Absolute, out var url)
                && url is { Scheme: "http", PathAndQuery: "/", Fragment.Length: 0, UserInfo.Length: 0 }))
            .WithMessage($"must be an absolute http URL without a path, such as {example}")
            .Must(listen => !Uri.TryCreate(listen, UriKind.Absolute, out var url) || url.Host == "localhost"
                || url.HostNameType is UriHostNameType.IPv4 or UriHostNameType.IPv6)
            .WithMessage("must have an IP address or localhost as its host: at any other name all addresses are open");

    public static IRuleBuilderOptions<T, int> IsPositive<T>(this IRuleBuilder<T, int> rule) =>
        rule.Must(number => number > 0).WithMessage("must be greater than 0");

    /// <summary>One that is left out limits nothing.</summary>
    public static IRuleBuilderOptions<T, int?> IsLimit<T>(this IRuleBuilder<T, int?> rule) =>
        rule.Must(number => number is null or > 0).WithMessage("must be greater than 0; leave it out for no limit");

    public static IRuleBuilderOptions<T, long> IsPositive<T>(this IRuleBuilder<T, long> rule) =>
        rule.Must(number => number > 0).WithMessage("must be greater than 0");

    public static IRuleBuilderOptions<T, TimeSpan> IsPositive<T>(this IRuleBuilder<T, TimeSpan> rule) =>
        rule.Must(time => time > TimeSpan.Zero).WithMessage("must be longer than nothing");

    /// <summary>How long something is kept: for ever, or for a time whose beginning must still be a date.</summary>
    public static IRuleBuilderOptions<T, TimeSpan> IsRetention<T>(this IRuleBuilder<T, TimeSpan> rule) =>
        rule.Must(time => BeRetention(time)).WithMessage(RetentionMessage);

    /// <summary>The same of one that may be left out.</summary>
    public static IRuleBuilderOptions<T, TimeSpan?> IsRetention<T>(this IRuleBuilder<T, TimeSpan?> rule) =>
        rule.Must(time => time is null || BeRetention(time.Value)).WithMessage(RetentionMessage);

    public static IRuleBuilderOptions<T, TimeSpan> IsWait<T>(this IRuleBuilder<T, TimeSpan> rule) =>
        rule.IsPositive().Must(time => time <= _maxWait).WithMessage("must not be longer than a day");

    private static bool BeRetention(TimeSpan time) =>
        time == Duration.Forever || (time > TimeSpan.Zero && time <= LongestRetention);
}
