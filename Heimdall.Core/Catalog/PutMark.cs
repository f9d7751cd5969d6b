namespace Heimdall.Core.Catalog;

/// <summary>Who put a command or a cluster over REST, and when.</summary>
public sealed record PutMark(DateTime At, string By);
