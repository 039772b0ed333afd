// The workload frame6m_read: pictures of 1080p, copied in from one buffer, read in place, a byte of each page looked at.
using System;
using System.Diagnostics;

namespace ZeroBuffer.Benchmarks;

internal static class FrameStream
{
    private const int FrameSize = 1920 * 1080 * 3;
    private const int PageSize = 4096;

    private static uint _sum; // so that the bytes are really read

    internal static double? Send(string name, TimeSpan time)
    {
        using var writer = Writer.Create(name, BufferOptions.Default.ForFrames(FrameSize));
        Message.AwaitReader(writer);
        byte[] frame = new byte[FrameSize];
        Array.Fill(frame, (byte)3);
        ulong sequence = 0;
        long start = Stopwatch.GetTimestamp();
        while (sequence < 16 || Stopwatch.GetElapsedTime(start) < time)
        {
            SendOne(writer, frame, ++sequence);
        }
        SendOne(writer, frame, Message.Stop);
        writer.Close(Message.Connect);
        return null;
    }

    /// <summary>GB/s, from the first arrival to the last.</summary>
    internal static double? Receive(string name)
    {
        using var reader = Reader.Open(name, Message.Connect);
        Message.Check(ReceiveOne(reader), 1);
        ulong count = 1;
        long start = Stopwatch.GetTimestamp();
        for (ulong sequence = ReceiveOne(reader); sequence != Message.Stop; sequence = ReceiveOne(reader))
        {
            Message.Check(sequence, ++count);
        }
        // The frames after the first one, that of the end among them: with the first one the clock began.
        return count * FrameSize * 1e-9 / Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static void SendOne(Writer writer, byte[] frame, ulong sequence)
    {
        Message.SetSequence(frame, sequence);
        writer.Write(frame);
    }

    private static ulong ReceiveOne(Reader reader)
    {
        using Frame frame = reader.Read();
        ReadOnlySpan<byte> data = frame.Span;
        uint sum = 0;
        for (int i = 0; i < data.Length; i += PageSize)
        {
            sum += data[i];
        }
        _sum += sum;
        return Message.Sequence(data);
    }
}
