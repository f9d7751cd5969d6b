using System.Security.Cryptography;
using System.Text;

namespace Heimdall.Core.Schedules;

/// <summary>Somebody's wish for a run now.</summary>
/// <param name="User">Who asks.</param>
/// <param name="Key">
/// What he calls this wish: told again with the same key, it makes no second run of the schedule as long as the first is in its history. Null: it
/// is not told again.
/// </param>
public sealed record RunRequest(string User, string? Key)
{
    private const char Separator = '\0'; // in none of the texts

    /// <summary>The id of its run: with a key always the same, which the store takes once.</summary>
    internal Guid ToRunId(string schedule)
    {
        if (Key is null)
        {
            return Guid.CreateVersion7();
        }
        var id = SHA256.HashData(Encoding.UTF8.GetBytes($"{schedule}{Separator}{User}{Separator}{Key}"))[..16];
        id[6] = (byte)(0x80 | (id[6] & 0x0F)); // RFC 9562, version 8: made of what its maker likes
        id[8] = (byte)(0x80 | (id[8] & 0x3F));
        return new Guid(id, bigEndian: true);
    }
}

/// <summary>What became of a wish for a run.</summary>
/// <param name="Run">The run.</param>
/// <param name="IsNew">False when it was asked for before, with the same key.</param>
public sealed record RequestedRun(ScheduleRun Run, bool IsNew);
