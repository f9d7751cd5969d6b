namespace Heimdall.Core.ConnectionStrings;

/// <summary>A connection string that cannot be read. The message says what is wrong with it and holds none of its values.</summary>
public sealed class ConnectionStringException(string message) : Exception(message);
