// How near the CPUs of both sides are to each other now: one cache line bounced between them, as cpp/cli/bench does it. The
// line lies in a file of the driver's, zeroed anew for each probe.
using System;
using System.Diagnostics;
using System.IO;
using System.IO.MemoryMappedFiles;
using System.Threading;

namespace ZeroBuffer.Benchmarks;

internal static unsafe class CacheLine
{
    private const int Groups = 40;
    private const int RoundTrips = 50;

    /// <summary>Nanoseconds of a round trip: the median of small groups, so that an interruption does not count.</summary>
    internal static double? Bounce(string file, bool first)
    {
        using var mapped = MemoryMappedFile.CreateFromFile(file, FileMode.Open, null, 0);
        using MemoryMappedViewAccessor view = mapped.CreateViewAccessor(0, Environment.SystemPageSize);
        byte* line = null;
        view.SafeMemoryMappedViewHandle.AcquirePointer(ref line);
        ref long turn = ref *(long*)line;
        Group(ref turn, 0, first); // until both are there
        double[] means = new double[Groups];
        for (int group = 0; group < Groups; ++group)
        {
            means[group] = Group(ref turn, (group + 1) * 2L * RoundTrips, first);
        }
        view.SafeMemoryMappedViewHandle.ReleasePointer();
        Array.Sort(means);
        return first ? means[Groups / 2] : null;
    }

    private static double Group(ref long turn, long from, bool first)
    {
        long start = Stopwatch.GetTimestamp();
        for (long next = from; next < from + 2 * RoundTrips; next += 2)
        {
            if (first)
            {
                Volatile.Write(ref turn, next + 1);
            }
            Await(ref turn, first ? next + 2 : next + 1);
            if (!first)
            {
                Volatile.Write(ref turn, next + 2);
            }
        }
        return Stopwatch.GetElapsedTime(start).TotalNanoseconds / RoundTrips;
    }

    private static void Await(ref long turn, long value)
    {
        while (Volatile.Read(ref turn) != value)
        {
            if (System.Runtime.Intrinsics.X86.X86Base.IsSupported)
            {
                System.Runtime.Intrinsics.X86.X86Base.Pause();
            }
        }
    }
}
