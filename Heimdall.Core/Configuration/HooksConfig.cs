namespace Heimdall.Core.Configuration;

/// <summary>
/// Who is notified of what happens: of jobs that have ended, late schedules, clusters that are down, a slow queue.
/// </summary>
public sealed record HooksConfig
{
    /// <summary>
    /// Where messages may be sent: host names, <c>*.example.org</c> for the names below one, addresses and networks. An
    /// address that is not public needs an entry of its own, also behind a name. Default: none.
    /// </summary>
    public string[] Allow { get; init; } = [];

    /// <summary>Who gets messages. Default: nobody.</summary>
    public HookConfig[] Receivers { get; init; } = [];

    /// <summary>How long one attempt may take. Default: 15 seconds.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>
    /// How long after a failed attempt the next one comes; each pause is four times the one before, up to 2 hours.
    /// Default: 5 seconds.
    /// </summary>
    public TimeSpan RetryAfter { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>How long a message is tried again. Default: a day.</summary>
    public TimeSpan RetryFor { get; init; } = TimeSpan.FromDays(1);

    /// <summary>How long a run of a schedule may be due before the schedule is late. Default: 5 minutes.</summary>
    public TimeSpan ScheduleLateAfter { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How long a job may wait for its turn before the queue is slow. Default: 15 minutes.</summary>
    public TimeSpan QueueOlderThan { get; init; } = TimeSpan.FromMinutes(15);
}

/// <summary>A receiver of messages.</summary>
public sealed record HookConfig
{
    /// <summary>A JSON body, signed as Standard Webhooks says.</summary>
    public const string Webhook = "webhook";

    /// <summary>A JSON body with one text, as Slack, Mattermost and others take it.</summary>
    public const string Slack = "slack";

    /// <summary>A mail by SMTP.</summary>
    public const string Mail = "mail";

    public static IReadOnlyList<string> Kinds { get; } = [Webhook, Slack, Mail];

    /// <summary>By which jobs, commands and schedules name it.</summary>
    public string Id { get; init; } = "";

    /// <summary><c>webhook</c>, <c>slack</c> or <c>mail</c>. Default: <c>webhook</c>.</summary>
    public string Kind { get; init; } = Webhook;

    /// <summary>
    /// <c>https://…</c> or <c>http://…</c>; of mail <c>smtps://host:465</c>, or <c>smtp://host:587</c> with STARTTLS.
    /// May refer to secrets.
    /// </summary>
    public string Url { get; init; } = "";

    /// <summary>
    /// Of a webhook: <c>whsec_…</c>, each signs. While a secret is replaced there are two. They may refer to secrets.
    /// </summary>
    public string[] Secrets { get; init; } = [];

    /// <summary>What it is notified of without being named. Default: nothing.</summary>
    public string[] Events { get; init; } = [];

    /// <summary>Of these ends of jobs only. Default: all.</summary>
    public string[] Statuses { get; init; } = [];

    /// <summary>Of jobs of these commands only, by their ids. Default: all.</summary>
    public string[] Commands { get; init; } = [];

    /// <summary>Of clusters with all of these tags only, and of jobs on them. Default: all.</summary>
    public string[] ClusterTags { get; init; } = [];

    /// <summary>
    /// Patterns (regular expressions, matched whole) of the users whose jobs and schedules may name it. Default:
    /// everyone.
    /// </summary>
    public string[] AllowedCallers { get; init; } = [];

    /// <summary>Of mail: the sender.</summary>
    public string? From { get; init; }

    /// <summary>Of mail: the receivers.</summary>
    public string[] To { get; init; } = [];

    /// <summary>Of mail: the login at the server. Default: none.</summary>
    public string? User { get; init; }

    /// <summary>Of mail: its password; may refer to a secret.</summary>
    public string? Password { get; init; }

    /// <summary>Of mail by <c>smtp://</c>: false sends without TLS, and so without a login. Default: true.</summary>
    public bool Tls { get; init; } = true;
}

/// <summary>A hook that is notified when a job ends.</summary>
public sealed record OnEndConfig
{
    /// <summary>The id of a receiver.</summary>
    public string Hook { get; init; } = "";

    /// <summary>The statuses that it is notified of. Default: all.</summary>
    public string[] On { get; init; } = [];
}
