using System.Runtime.InteropServices;

namespace Heimdall.Core.Scripts;

/// <summary>Tells regular files from pipes, sockets and devices, which .NET does not.</summary>
internal static class FileKind
{
    // https://man7.org/linux/man-pages/man2/statx.2.html
    private const int CurrentDirectory = -100;
    private const int DoNotFollowLinks = 0x100;
    private const uint TypeWanted = 1;
    private const int SizeOfStatus = 256;
    private const int Mode = 28;

    private const int TypeBits = 0xF000;
    private const int Regular = 0x8000;

    /// <summary>
    /// Whether a path is that of a regular file, and no link. False on systems where that cannot be asked.
    /// </summary>
    public static bool IsRegular(string path)
    {
        var status = new byte[SizeOfStatus];
        return OperatingSystem.IsLinux()
            && Statx(CurrentDirectory, path, DoNotFollowLinks, TypeWanted, status) == 0
            && (BitConverter.ToUInt16(status, Mode) & TypeBits) == Regular;
    }

    [DllImport(
        "libc", EntryPoint = "statx", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false,
        ThrowOnUnmappableChar = true)]
    private static extern int Statx(
        int directory, [MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags, uint wanted, [Out] byte[] status);
}
