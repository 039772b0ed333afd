// Where libzerobuffer.so is found: the file that ZEROBUFFER_LIBRARY names, else what came with the package, else what the
// system has. Knows nothing of what is in it.
using System;
using System.IO;
using System.Reflection;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ZeroBuffer.Interop;

internal static class LibraryResolver
{
    internal const string Variable = "ZEROBUFFER_LIBRARY";

    private static readonly string[] FileNames = ["libzerobuffer.so.2", "libzerobuffer.so"];

    [ModuleInitializer]
    internal static void Register() => NativeLibrary.SetDllImportResolver(typeof(LibraryResolver).Assembly, Resolve);

    private static nint Resolve(string name, Assembly assembly, DllImportSearchPath? searchPath)
    {
        if (name != Native.Library)
        {
            return 0;
        }
        string? named = Environment.GetEnvironmentVariable(Variable);
        if (!string.IsNullOrEmpty(named))
        {
            return File.Exists(named)
                ? NativeLibrary.Load(named)
                : throw new DllNotFoundException($"{Variable} names '{named}', and there is no such file");
        }
        string architecture = RuntimeInformation.ProcessArchitecture == Architecture.Arm64 ? "arm64" : "x64";
        string folder = Path.Combine(AppContext.BaseDirectory, "runtimes", $"linux-{architecture}", "native");
        foreach (string file in FileNames)
        {
            if (NativeLibrary.TryLoad(Path.Combine(folder, file), out nint inFolder))
            {
                return inFolder;
            }
            if (NativeLibrary.TryLoad(file, assembly, searchPath, out nint found))
            {
                return found;
            }
        }
        throw new DllNotFoundException(
            $"libzerobuffer.so was not found: neither in runtimes/linux-{architecture}/native of this program or its packages nor "
            + $"among the system's libraries. Install it, or name the file in {Variable}. This package runs on Linux (x64, arm64).");
    }
}
