using Heimdall.Core.Plugins;

namespace Heimdall.Core.Results;

/// <summary>What is known of a stored result before its rows are read.</summary>
public sealed record StoredResult(IReadOnlyList<ResultColumn> Columns, long RowCount, bool Truncated, DateTime ExpiresAt);
