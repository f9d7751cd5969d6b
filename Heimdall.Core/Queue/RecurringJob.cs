namespace Heimdall.Core.Queue;

/// <summary>A schedule as Hangfire's page of recurring jobs shows it.</summary>
/// <param name="Id">Of the schedule.</param>
/// <param name="Cron">When.</param>
/// <param name="Timezone">By which clocks.</param>
/// <param name="NextAt">The next run; null: none.</param>
public sealed record RecurringJob(string Id, string Cron, string Timezone, DateTime? NextAt);
