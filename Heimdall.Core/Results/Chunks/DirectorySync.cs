using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Heimdall.Core.Results.Chunks;

/// <summary>Makes the names in a directory durable. POSIX wants that said of the directory itself, and .NET has no call that opens one.</summary>
internal static class DirectorySync
{
    private const int ReadOnly = 0;

    /// <exception cref="IOException">The system says that it could not be done.</exception>
    public static void Flush(string directory)
    {
        if (OperatingSystem.IsWindows())
        {
            return; // NTFS journals names by itself
        }
        using var handle = new SafeFileHandle(Open(directory, ReadOnly), ownsHandle: true);
        if (handle.IsInvalid)
        {
            throw new IOException($"The directory {directory} cannot be opened: error {Marshal.GetLastPInvokeError()}.");
        }
        RandomAccess.FlushToDisk(handle);
    }

    [DllImport("libc", EntryPoint = "open", SetLastError = true, CharSet = CharSet.Ansi, BestFitMapping = false, ThrowOnUnmappableChar = true)]
    private static extern int Open([MarshalAs(UnmanagedType.LPUTF8Str)] string path, int flags);
}
