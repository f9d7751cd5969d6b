using System.Buffers.Text;
using System.Text.Json;
using Heimdall.Core.Schedules;

namespace Heimdall.Api.Schedules;

/// <summary>Where a page of runs ended, as it stands in addresses.</summary>
internal static class RunCursorText
{
    public static string Write(RunCursor cursor) =>
        Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(cursor));

    /// <returns>Null where it is none.</returns>
    public static RunCursor? Read(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<RunCursor>(Base64Url.DecodeFromChars(text)) is
            { PlannedAt.Kind: DateTimeKind.Utc } cursor ? cursor : null;
        }
        catch (Exception exception) when (exception is FormatException or JsonException)
        {
            return null;
        }
    }
}
