using System.Buffers.Text;
using System.Text.Json;
using Heimdall.Core.Jobs;

namespace Heimdall.Api.Jobs;

/// <summary>A cursor as clients carry it: opaque to them.</summary>
internal static class JobCursorText
{
    public static string Write(JobCursor cursor) => Base64Url.EncodeToString(JsonSerializer.SerializeToUtf8Bytes(cursor));

    public static JobCursor? Read(string text)
    {
        try
        {
            return JsonSerializer.Deserialize<JobCursor>(Base64Url.DecodeFromChars(text));
        }
        catch (Exception exception) when (exception is FormatException or JsonException)
        {
            return null;
        }
    }
}
