using Hangfire;
using Heimdall.Core.Database;

namespace Heimdall.Core.Queue;

/// <summary>
/// Gives Hangfire each time zone as it is now, without changes to come. With them its parser gives an answer that does
/// not come after the question, in zones such as Europe/Dublin, and its scheduler asks for ever. What it computes for
/// the time after a change is corrected by the schedule's last run before.
/// </summary>
public sealed class SteadyZones(StoreClock clock) : ITimeZoneResolver
{
    public TimeZoneInfo GetTimeZoneById(string timeZoneId)
    {
        var zone = TimeZoneInfo.FindSystemTimeZoneById(timeZoneId);
        return TimeZoneInfo.CreateCustomTimeZone(
            zone.Id, zone.GetUtcOffset(clock.Now), zone.DisplayName, zone.StandardName);
    }
}
