// Which build of the tests this is and what it runs on: the net8.0 build may run on a newer runtime, and its name says so.
using System;
using System.Reflection;
using System.Runtime.InteropServices;
using System.Runtime.Versioning;
using Xunit;

namespace ZeroBuffer.Tests;

public class FrameworkTests
{
#if NET10_0_OR_GREATER
    private const string Built = ".NETCoreApp,Version=v10.0";
#else
    private const string Built = ".NETCoreApp,Version=v8.0";
#endif

    public static TheoryData<string, string> Builds => new() { { Built, RuntimeInformation.FrameworkDescription } };

    [Theory]
    [MemberData(nameof(Builds))]
    public void Tests_and_library_are_of_one_build_and_run_here(string built, string running)
    {
        Assert.Equal(built, typeof(FrameworkTests).Assembly.GetCustomAttribute<TargetFrameworkAttribute>()!.FrameworkName);
        Assert.Equal(built, typeof(Reader).Assembly.GetCustomAttribute<TargetFrameworkAttribute>()!.FrameworkName);
        Assert.StartsWith(".NET ", running, StringComparison.Ordinal);
        Console.WriteLine($"built for {built}, running on {running}");
    }
}
