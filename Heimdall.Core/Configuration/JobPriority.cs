namespace Heimdall.Core.Configuration;

/// <summary>Which of one caller's waiting jobs comes first: that of the higher priority, then the older one.</summary>
public static class JobPriority
{
    public const int Lowest = -100;
    public const int Highest = 100;

    public static bool IsValid(int priority) => priority is >= Lowest and <= Highest;
}
