using System.Text.Json.Nodes;

namespace Heimdall.Plugins.Postgres.Contexts;

/// <summary>A value that is bound to a query; it never becomes a part of its text.</summary>
/// <param name="Path">How a problem names it: <c>parameters[0]</c>, <c>parameters.city</c>.</param>
/// <param name="Name">For <c>:name</c>; null of one that is counted, for <c>$1</c>.</param>
/// <param name="Type">The server's name of its type; null to have the server infer it.</param>
/// <param name="Value">As JSON; null for NULL.</param>
internal sealed record QueryParameter(string Path, string? Name, string? Type, JsonNode? Value);
