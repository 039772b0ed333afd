// What the tests share: names that nobody else uses, and how long is too long.
using System;
using System.Globalization;
using System.Threading;

namespace ZeroBuffer.Tests;

internal static class Support
{
    private static int s_count;

    /// <summary>No test asserts a short time; this one only ends what hangs.</summary>
    internal static readonly TimeSpan Watchdog = TimeSpan.FromSeconds(30);

    internal static string UniqueName() => string.Create(
        CultureInfo.InvariantCulture,
        $"cs-{Environment.ProcessId}-{Random.Shared.Next():x}-{Interlocked.Increment(ref s_count)}");
}
