// The entry point of the test assembly when a test starts it as the other process: runs one function of a test class.
// `dotnet test` does not come here. Knows nothing of what the functions do.
using System;
using System.Reflection;
using System.Runtime.Versioning;
using ZeroBuffer.Tests.Peers;

[assembly: SupportedOSPlatform("linux")]

namespace ZeroBuffer.Tests;

internal static class Program
{
    /// <summary>Arguments: the class, the function, and what the function gets.</summary>
    private static int Main(string[] arguments)
    {
        if (arguments.Length < 2)
        {
            Console.Error.WriteLine("this is a test assembly; run it with: dotnet test");
            return 2;
        }
        MethodInfo function = Type.GetType(arguments[0], throwOnError: true)!
            .GetMethod(arguments[1], BindingFlags.Static | BindingFlags.Public | BindingFlags.NonPublic)!;
        try
        {
            function.CreateDelegate<PeerFunction>()(new ProcessChannel(), arguments[2..]);
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            Console.Error.WriteLine(error);
            return 1;
        }
        return 0;
    }
}
