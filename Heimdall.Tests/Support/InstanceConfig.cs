namespace Heimdall.Tests.Support;

/// <summary>
/// The configuration of an instance. <see cref="Server"/>, <see cref="Worker"/>, <see cref="Queue"/>,
/// <see cref="Auth"/>, <see cref="Results"/>, <see cref="Retention"/>, <see cref="SqlUploads"/>, <see cref="Metrics"/>,
/// <see cref="Tracing"/>, <see cref="Otlp"/>, <see cref="Logging"/>, <see cref="Secrets"/> and <see cref="Hooks"/> are
/// the inside of a YAML
/// flow mapping; <see cref="Commands"/>, <see cref="Clusters"/> and <see cref="Schedules"/> are lists, one <c>- {…}</c>
/// a line.
/// </summary>
internal sealed record InstanceConfig
{
    public required string Store { get; init; }

    public required string Target { get; init; }

    public string Server { get; init; } = "health_timeout: 5s";

    // Short: tests that kill a process wait for it.
    public string Worker { get; init; } = "lease: 2s, concurrency: 4";

    public string Queue { get; init; } = "";

    public string Auth { get; init; } = "";

    public string Results { get; init; } = "enabled: true";

    public string Retention { get; init; } = "";

    public string SqlUploads { get; init; } = "";

    public string Metrics { get; init; } = "";

    public string Tracing { get; init; } = "";

    public string Otlp { get; init; } = "";

    public string Logging { get; init; } = "";

    public string Secrets { get; init; } = "";

    public string Hooks { get; init; } = "";

    public string Commands { get; init; } = """
        - {name: postgres-0.0.1, plugin: postgres, version: 0.0.1, description: Runs SQL, tags: [type:postgres], cluster_tags: [type:postgres, data:local]}

        """;

    public string Clusters { get; init; } = "";

    public string Schedules { get; init; } = "";

    /// <summary>With one more cluster.</summary>
    public InstanceConfig WithCluster(string name, string tags, string connectionString, string more = "", string context = "") => this with
    {
        Clusters = $$"""
            {{Clusters}}- {name: {{name}}, version: 0.0.1, tags: [{{tags}}], context: {connection_string: "{{connectionString}}"{{context}}}{{more}}}

            """,
    };

    /// <summary>With one more command.</summary>
    public InstanceConfig WithCommand(string name, string tags, string more = "", string clusterTags = "type:postgres, data:local") => this with
    {
        Commands = $$"""
            {{Commands}}- {name: {{name}}, plugin: postgres, version: 0.0.1, tags: [{{tags}}], cluster_tags: [{{clusterTags}}]{{more}}}

            """,
    };

    /// <summary>With one more schedule: what its flow mapping says beside its name.</summary>
    public InstanceConfig WithSchedule(string name, string fields) => this with
    {
        Schedules = $$"""
            {{Schedules}}- {name: {{name}}, {{fields}}}

            """,
    };

    public string ToYaml(string listen) => $$"""
        database: {connection_string: "{{Store}}"}
        server: {listen: "{{listen}}", {{Server}}}
        worker: { {{Worker}} }
        queue: { {{Queue}} }
        auth: { {{Auth}} }
        results: { {{Results}} }
        retention: { {{Retention}} }
        sql_uploads: { {{SqlUploads}} }
        metrics: { {{Metrics}} }
        tracing: { {{Tracing}} }
        otlp: { {{Otlp}} }
        logging: { {{Logging}} }
        secrets: { {{Secrets}} }
        hooks: { {{Hooks}} }
        sql_directory: sql
        commands:
        {{Commands}}
        clusters:
        {{Clusters}}
        schedules:
        {{Schedules}}
        """;
}
