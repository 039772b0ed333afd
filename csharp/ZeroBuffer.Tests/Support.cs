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

    /// <summary>
    /// Bytes that 2,000 rounds allocate on this thread once the compiler has finished with them: when that is, on a busy
    /// machine, nobody knows, so the best of some tries counts. What allocates in every round never comes to 0.
    /// </summary>
    internal static long AllocatedInSteadyState(Action round)
    {
        long least = long.MaxValue;
        for (int attempt = 0; attempt < 20 && least != 0; ++attempt)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 2_000; ++i)
            {
                round();
            }
            least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            Thread.Sleep(100); // the optimising compiler's own work
        }
        return least;
    }
}
