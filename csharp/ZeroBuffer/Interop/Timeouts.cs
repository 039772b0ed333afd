// TimeSpan to the nanoseconds of the native library.
using System;
using System.Threading;

namespace ZeroBuffer.Interop;

internal static class Timeouts
{
    /// <summary><see cref="Timeout.InfiniteTimeSpan"/> and what is longer than 292 years wait for ever.</summary>
    internal static long Nanoseconds(TimeSpan timeout)
    {
        long ticks = timeout.Ticks;
        if (ticks >= 0)
        {
            return ticks > long.MaxValue / 100 ? Native.Forever : ticks * 100;
        }
        return timeout == Timeout.InfiniteTimeSpan
            ? Native.Forever
            : throw new ArgumentOutOfRangeException(
                nameof(timeout), timeout, "a timeout is not negative; Timeout.InfiniteTimeSpan waits for ever");
    }
}
