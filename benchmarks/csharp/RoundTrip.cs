// The workload rtt64: 64 bytes there through one ring and back through another, each round trip timed by itself.
using System;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace ZeroBuffer.Benchmarks;

internal static unsafe class RoundTrip
{
    private const int MostTimes = 400_000;

    private static readonly Text* Own = (Text*)NativeMemory.AlignedAlloc(Message.Size, Message.Size);

    /// <summary>The median in nanoseconds. The first fifth of the time warms up.</summary>
    internal static double? Ask(string name, TimeSpan time)
    {
        using var request = Writer.Create(name + ".request", Message.SmallRing);
        using var response = Reader.Create(name + ".response", Message.SmallRing);
        Message.AwaitReader(request);
        ref Text message = ref *Own;
        var times = new long[MostTimes]; // touched by the warming loop below, as far as that comes
        int count = 0;
        ulong sequence = 0;
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < time / 5)
        {
            times[count++ % MostTimes] = Once(request, response, ref message, ++sequence);
        }
        for (count = 0; count < MostTimes;)
        {
            times[count++] = Once(request, response, ref message, ++sequence);
            if ((sequence & 63) == 0 && Stopwatch.GetElapsedTime(start) >= time)
            {
                break;
            }
        }
        Once(request, response, ref message, Message.Stop);
        Array.Sort(times, 0, count);
        return times[count / 2] * (1e9 / Stopwatch.Frequency);
    }

    internal static double? Answer(string name)
    {
        using var request = Reader.Open(name + ".request", Message.Connect);
        using var response = Writer.Open(name + ".response", Message.Connect);
        ref Text message = ref *Own;
        do
        {
            Receive(request, ref message);
            Send(response, ref message);
        }
        while (message.Sequence != Message.Stop);
        return null;
    }

    private static long Once(Writer request, Reader response, ref Text message, ulong sequence)
    {
        message.Sequence = sequence;
        long start = Stopwatch.GetTimestamp();
        Send(request, ref message);
        Receive(response, ref message);
        long end = Stopwatch.GetTimestamp();
        Message.Check(message.Sequence, sequence);
        return end - start;
    }

    private static void Send(Writer writer, ref Text message) =>
        writer.Write(MemoryMarshal.AsBytes(new ReadOnlySpan<Text>(in message)));

    private static void Receive(Reader reader, ref Text message)
    {
        using Frame frame = reader.Read();
        message = frame.As<Text>()[0];
    }

    /// <summary>A message of a size that the compiler knows, in a cache line of its own, as in C++.</summary>
    [StructLayout(LayoutKind.Sequential, Size = Message.Size)]
    private struct Text
    {
        internal ulong Sequence;
    }
}
