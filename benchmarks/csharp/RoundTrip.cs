// The workload rtt64: 64 bytes there through one ring and back through another, each round trip timed by itself.
using System;
using System.Diagnostics;

namespace ZeroBuffer.Benchmarks;

internal static class RoundTrip
{
    private const int MostTimes = 400_000;

    /// <summary>The median in nanoseconds. The first fifth of the time warms up.</summary>
    internal static double? Ask(string name, TimeSpan time)
    {
        using var request = Writer.Create(name + ".request", Message.SmallRing);
        using var response = Reader.Create(name + ".response", Message.SmallRing);
        Message.AwaitReader(request);
        Span<byte> message = stackalloc byte[Message.Size];
        var times = new long[MostTimes]; // touched by the warming loop below, as far as that comes
        int count = 0;
        ulong sequence = 0;
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < time / 5)
        {
            times[count++ % MostTimes] = Once(request, response, message, ++sequence);
        }
        for (count = 0; count < MostTimes;)
        {
            times[count++] = Once(request, response, message, ++sequence);
            if ((sequence & 63) == 0 && Stopwatch.GetElapsedTime(start) >= time)
            {
                break;
            }
        }
        Once(request, response, message, Message.Stop);
        Array.Sort(times, 0, count);
        return times[count / 2] * (1e9 / Stopwatch.Frequency);
    }

    internal static double? Answer(string name)
    {
        using var request = Reader.Open(name + ".request", Message.Connect);
        using var response = Writer.Open(name + ".response", Message.Connect);
        Span<byte> message = stackalloc byte[Message.Size];
        do
        {
            Receive(request, message);
            response.Write(message);
        }
        while (Message.Sequence(message) != Message.Stop);
        return null;
    }

    private static long Once(Writer request, Reader response, Span<byte> message, ulong sequence)
    {
        Message.SetSequence(message, sequence);
        long start = Stopwatch.GetTimestamp();
        request.Write(message);
        Receive(response, message);
        long end = Stopwatch.GetTimestamp();
        Message.Check(Message.Sequence(message), sequence);
        return end - start;
    }

    private static void Receive(Reader reader, Span<byte> message)
    {
        using Frame frame = reader.Read();
        frame.Span.CopyTo(message);
    }
}
