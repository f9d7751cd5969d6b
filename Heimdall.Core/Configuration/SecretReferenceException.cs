namespace Heimdall.Core.Configuration;

/// <summary>A reference to a secret stands for nothing. The message names the reference and never holds what one stands for.</summary>
public sealed class SecretReferenceException(string message) : Exception(message);
