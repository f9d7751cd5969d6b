namespace Heimdall.Core.Configuration;

/// <summary>A collector to which both processes send traces and metrics by OpenTelemetry's protocol.</summary>
public sealed record OtlpConfig
{
    /// <summary>The protocol over gRPC.</summary>
    public const string Grpc = "grpc";

    /// <summary>The protocol over HTTP, with protobuf as its body.</summary>
    public const string Http = "http";

    /// <summary>Its URL, such as <c>http://127.0.0.1:4317</c>. Default: none, nothing is sent.</summary>
    public string? Endpoint { get; init; }

    /// <summary><c>grpc</c> or <c>http</c>. Default: grpc.</summary>
    public string Protocol { get; init; } = Grpc;

    /// <summary>
    /// Sent with everything, as <c>name=value,name=value</c>; may refer to secrets. Default: none, or those of the
    /// environment's <c>OTEL_EXPORTER_OTLP_HEADERS</c>.
    /// </summary>
    public string? Headers { get; init; }

    /// <summary>How often metrics are sent. Default: 60 seconds.</summary>
    public TimeSpan MetricsInterval { get; init; } = TimeSpan.FromSeconds(60);
}
