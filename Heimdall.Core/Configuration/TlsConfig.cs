namespace Heimdall.Core.Configuration;

/// <summary>
/// The certificate of an API that listens at https. Both files are PEM, and paths are relative to the configuration file. Renewed files
/// are used for new connections within seconds, without a restart.
/// </summary>
public sealed record TlsConfig
{
    /// <summary>The server's certificate, and behind it those between it and the authority's. Required.</summary>
    public string Certificate { get; init; } = "";

    /// <summary>The private key of the certificate. Required.</summary>
    public string Key { get; init; } = "";

    /// <summary>The password of an encrypted key. Default: none.</summary>
    public string? KeyPassword { get; init; }
}
