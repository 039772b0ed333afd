// The workload read_release: what TryRead and Dispose of a waiting frame cost beyond the same two functions of the C library
// with nothing around them. In one process, in turns; the frames are waiting, nobody sleeps.
using System;
using System.Diagnostics;

namespace ZeroBuffer.Benchmarks;

internal static class ReadCost
{
    private const int Frames = 200; // waiting at a time

    /// <summary>
    /// Nanoseconds of the package's calls less those of the bare ones, each the least of many rounds. Negative where the package's
    /// are the cheaper ones: it tells the runtime that a look does not wait.
    /// </summary>
    internal static double? BeyondTheBareCalls(TimeSpan time)
    {
        using var reader = Reader.CreateAnonymous(Message.SmallRing with { MaxReaders = 2 });
        var bare = new BareReader(reader.FileDescriptor);
        using var writer = Writer.OpenFd(reader.FileDescriptor);
        long leastOurs = long.MaxValue;
        long leastBare = long.MaxValue;
        long start = Stopwatch.GetTimestamp();
        for (int round = 0; Stopwatch.GetElapsedTime(start) < time || round < 10; ++round)
        {
            WriteFrames(writer);
            if (round % 2 == 0)
            {
                leastOurs = Math.Min(leastOurs, Time(() => ReadAndRelease(reader)));
            }
            leastBare = Math.Min(leastBare, Time(() => bare.ReadAndRelease(Frames)));
            if (round % 2 != 0)
            {
                leastOurs = Math.Min(leastOurs, Time(() => ReadAndRelease(reader)));
            }
        }
        return (leastOurs - leastBare) * (1e9 / Stopwatch.Frequency) / Frames;
    }

    private static void WriteFrames(Writer writer)
    {
        Span<byte> message = stackalloc byte[Message.Size];
        for (int i = 0; i < Frames; ++i)
        {
            writer.Write(message);
        }
    }

    private static void ReadAndRelease(Reader reader)
    {
        for (int i = 0; i < Frames; ++i)
        {
            if (reader.TryRead(out Frame frame))
            {
                frame.Dispose();
            }
        }
    }

    private static long Time(Action action)
    {
        long start = Stopwatch.GetTimestamp();
        action();
        return Stopwatch.GetTimestamp() - start;
    }
}
