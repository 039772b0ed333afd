// The workload read_release: what Read and Dispose of a waiting frame cost in one process, the least of many rounds; nobody
// sleeps.
using System;
using System.Diagnostics;

namespace ZeroBuffer.Benchmarks;

internal static class ReadCost
{
    private const int Frames = 200; // waiting at a time

    /// <summary>Nanoseconds of one frame.</summary>
    internal static Figure Least(TimeSpan time)
    {
        using var reader = Reader.CreateAnonymous(Message.SmallRing);
        using var writer = Writer.OpenFd(reader.FileDescriptor);
        long least = long.MaxValue;
        long start = Stopwatch.GetTimestamp();
        for (int round = 0; Stopwatch.GetElapsedTime(start) < time || round < 10; ++round)
        {
            WriteFrames(writer);
            long begin = Stopwatch.GetTimestamp();
            ReadAndRelease(reader);
            least = Math.Min(least, Stopwatch.GetTimestamp() - begin);
        }
        return new Figure(least * (1e9 / Stopwatch.Frequency) / Frames);
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
            reader.Read().Dispose();
        }
    }
}
