namespace Heimdall.Core.Configuration;

/// <summary>
/// The configuration of both processes, as written in one YAML file. Complete and sensible when a section is left out;
/// every default is the one on its record. <c>configs/local.yaml</c> is the commented reference.
/// </summary>
public sealed record HeimdallConfig
{
    private string _sourceFile = "";

    /// <summary>The file that all this was read from; empty where there is none. No field of that file.</summary>
    public string SourceFile => _sourceFile;

    public DatabaseConfig Database { get; init; } = new();

    public ServerConfig Server { get; init; } = new();

    public AuthConfig Auth { get; init; } = new();

    public WorkerConfig Worker { get; init; } = new();

    public QueueConfig Queue { get; init; } = new();

    /// <summary>The only folder from which jobs may run <c>.sql</c> files. Relative to the configuration file. Default: <c>sql</c>.</summary>
    public string SqlDirectory { get; init; } = "sql";

    public SqlUploadsConfig SqlUploads { get; init; } = new();

    public ResultsConfig Results { get; init; } = new();

    public RetentionConfig Retention { get; init; } = new();

    public MetricsConfig Metrics { get; init; } = new();

    public TracingConfig Tracing { get; init; } = new();

    public OtlpConfig Otlp { get; init; } = new();

    public LoggingConfig Logging { get; init; } = new();

    public SecretsConfig Secrets { get; init; } = new();

    public HooksConfig Hooks { get; init; } = new();

    public CommandConfig[] Commands { get; init; } = [];

    public ClusterConfig[] Clusters { get; init; } = [];

    public ScheduleConfig[] Schedules { get; init; } = [];

    internal HeimdallConfig ReadFrom(string file) => this with { _sourceFile = file };
}
