// The patterns of the workloads, with a peer in the place of the library: there and back, messages one way, pictures one way.
using System;
using System.Diagnostics;
using System.Runtime.InteropServices;

namespace ZeroBuffer.Benchmarks.Peers;

internal static class PeerPatterns
{
    /// <summary>The peers' workload of that name, or null where there is none.</summary>
    internal static Func<Figure?>? Find(string workload, bool first, string path, TimeSpan time) => workload switch
    {
        "rtt64_named_pipe" => () => RoundTrips(new NamedPipeEnd(path, first, Message.Size), first, time),
        "rtt64_mapped_file" => () => RoundTrips(new MappedFileEnd(path, first, Message.Size, true, false), first, time),
        "one_way64_named_pipe" => () => Messages(new NamedPipeEnd(path, first, Message.Size), first, time),
        "one_way64_mapped_file" => () => Messages(new MappedFileEnd(path, first, Message.Size, false, false), first, time),
        "frame6m_copy_named_pipe" => () => Frames(new NamedPipeEnd(path, first, FrameStream.FrameSize), first, time),
        "frame6m_read_mapped_file" => () => Frames(new MappedFileEnd(path, first, FrameStream.FrameSize, false, false), first, time),
        "frame6m_copy_mapped_file" => () => Frames(new MappedFileEnd(path, first, FrameStream.FrameSize, false, true), first, time),
        _ => null,
    };

    private static Figure? RoundTrips<TEnd>(TEnd end, bool first, TimeSpan time)
        where TEnd : IPeerEnd
    {
        using (end)
        {
            return first ? RoundTrip.Measure(new Exchange<TEnd>(end), time) : Answer(end);
        }
    }

    private static Figure? Answer<TEnd>(TEnd end)
        where TEnd : IPeerEnd
    {
        Span<byte> message = stackalloc byte[Message.Size];
        do
        {
            end.Receive().CopyTo(message);
            end.Release();
            end.Send(message);
        }
        while (Message.Sequence(message) != Message.Stop);
        return null;
    }

    private static Figure? Messages<TEnd>(TEnd end, bool first, TimeSpan time)
        where TEnd : IPeerEnd
    {
        using (end)
        {
            return first ? Send(end, new byte[Message.Size], time, MessageStream.BetweenLooksAtTheClock) : ReceiveMessages(end);
        }
    }

    private static Figure? Frames<TEnd>(TEnd end, bool first, TimeSpan time)
        where TEnd : IPeerEnd
    {
        byte[] frame = new byte[first ? FrameStream.FrameSize : 0];
        Array.Fill(frame, (byte)3);
        using (end)
        {
            return first ? Send(end, frame, time, 16) : ReceiveFrames(end);
        }
    }

    private static Figure? Send<TEnd>(TEnd end, byte[] message, TimeSpan time, int betweenLooksAtTheClock)
        where TEnd : IPeerEnd
    {
        ulong sequence = 0;
        long start = Stopwatch.GetTimestamp();
        do
        {
            for (int i = 0; i < betweenLooksAtTheClock; ++i)
            {
                Message.SetSequence(message, ++sequence);
                end.Send(message);
            }
        }
        while (Stopwatch.GetElapsedTime(start) < time);
        Message.SetSequence(message, Message.Stop);
        end.Send(message);
        return null;
    }

    private static Figure? ReceiveMessages<TEnd>(TEnd end)
        where TEnd : IPeerEnd
    {
        ulong count = 1;
        Message.Check(ReceiveMessage(end), 1);
        long start = Stopwatch.GetTimestamp();
        for (ulong sequence = ReceiveMessage(end); sequence != Message.Stop; sequence = ReceiveMessage(end))
        {
            Message.Check(sequence, ++count);
        }
        return new Figure(count * 1e-6 / Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    private static ulong ReceiveMessage<TEnd>(TEnd end)
        where TEnd : IPeerEnd
    {
        ulong sequence = Message.Sequence(end.Receive());
        end.Release();
        return sequence;
    }

    private static Figure? ReceiveFrames<TEnd>(TEnd end)
        where TEnd : IPeerEnd
    {
        ulong count = 1;
        Message.Check(ReceiveFrame(end), 1);
        long start = Stopwatch.GetTimestamp();
        for (ulong sequence = ReceiveFrame(end); sequence != Message.Stop; sequence = ReceiveFrame(end))
        {
            Message.Check(sequence, ++count);
        }
        return new Figure(count * FrameStream.FrameSize * 1e-9 / Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    private static ulong ReceiveFrame<TEnd>(TEnd end)
        where TEnd : IPeerEnd
    {
        ulong sequence = FrameStream.LookAt(end.Receive());
        end.Release();
        return sequence;
    }

    private readonly struct Exchange<TEnd>(TEnd end) : RoundTrip.IExchange
        where TEnd : IPeerEnd
    {
        public void Do(ref RoundTrip.Text message)
        {
            end.Send(MemoryMarshal.AsBytes(new ReadOnlySpan<RoundTrip.Text>(in message)));
            message = MemoryMarshal.Read<RoundTrip.Text>(end.Receive());
            end.Release();
        }
    }
}
