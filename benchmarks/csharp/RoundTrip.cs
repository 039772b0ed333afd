// 64 bytes there and back, each round trip timed by itself: the workload rtt64, through one ring and back through another, the
// caller's side of call64 and call64_in_place, and what the peers are timed with.
using System;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace ZeroBuffer.Benchmarks;

internal static unsafe class RoundTrip
{
    private const int MostTimes = 400_000;

    private static readonly Text* Own = (Text*)NativeMemory.AlignedAlloc(Message.Size, Message.Size);

    /// <summary>A way for a message to another process and back.</summary>
    internal interface IExchange
    {
        void Do(ref Text message);
    }

    internal static Figure? Ask(string name, TimeSpan time)
    {
        using var request = Writer.Create(name + ".request", Message.SmallRing);
        using var response = Reader.Create(name + ".response", Message.SmallRing);
        Message.AwaitReader(request);
        return Measure(new TwoRings(request, response), time);
    }

    internal static Figure? Call(string name, TimeSpan time)
    {
        using DuplexClient client = DuplexClient.Open(name, Message.Connect);
        return Measure(new Calls(client), time);
    }

    /// <summary>The median in nanoseconds. The first fifth of the time warms up.</summary>
    internal static Figure Measure<TExchange>(TExchange exchange, TimeSpan time)
        where TExchange : struct, IExchange
    {
        ref Text message = ref *Own;
        var times = new long[MostTimes]; // touched by the warming loop below, as far as that comes
        int count = 0;
        ulong sequence = 0;
        long start = Stopwatch.GetTimestamp();
        while (Stopwatch.GetElapsedTime(start) < time / 5)
        {
            times[count++ % MostTimes] = Once(exchange, ref message, ++sequence);
        }
        for (count = 0; count < MostTimes;)
        {
            times[count++] = Once(exchange, ref message, ++sequence);
            if ((sequence & 63) == 0 && Stopwatch.GetElapsedTime(start) >= time)
            {
                break;
            }
        }
        Once(exchange, ref message, Message.Stop);
        return Figure.OfTimes(times.AsSpan(0, count));
    }

    internal static Figure? Answer(string name)
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

    private static long Once<TExchange>(TExchange exchange, ref Text message, ulong sequence)
        where TExchange : struct, IExchange
    {
        message.Sequence = sequence;
        long start = Stopwatch.GetTimestamp();
        exchange.Do(ref message);
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

    private readonly struct TwoRings(Writer request, Reader response) : IExchange
    {
        public void Do(ref Text message)
        {
            Send(request, ref message);
            Receive(response, ref message);
        }
    }

    private readonly struct Calls(DuplexClient client) : IExchange
    {
        public void Do(ref Text message)
        {
            using Response response = client.Call(MemoryMarshal.AsBytes(new ReadOnlySpan<Text>(in message)));
            message = response.As<Text>()[0];
            Message.Check(message.Second, Answers.To(message.Sequence));
        }
    }

    /// <summary>A message of a size that the compiler knows, in a cache line of its own, as in C++.</summary>
    [StructLayout(LayoutKind.Sequential, Size = Message.Size)]
    internal struct Text
    {
        internal ulong Sequence;
        internal ulong Second;
    }
}
