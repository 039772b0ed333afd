// The workloads frame6m_read and frame6m_copy: pictures of 1080p, copied in from one buffer, read in place or copied out into
// the same memory each time, a byte of each page looked at.
using System;
using System.Diagnostics;

namespace ZeroBuffer.Benchmarks;

internal static class FrameStream
{
    internal const int FrameSize = 1920 * 1080 * 3;
    private const int PageSize = 4096;

    private static uint _sum; // so that the bytes are really read

    internal static Figure? Send(string name, TimeSpan time)
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
    internal static Figure? Receive(string name, bool copyOut)
    {
        using var reader = Reader.Open(name, Message.Connect);
        byte[]? mine = copyOut ? new byte[FrameSize] : null;
        mine?.AsSpan().Fill(1); // touched
        Message.Check(ReceiveOne(reader, mine), 1);
        ulong count = 1;
        long start = Stopwatch.GetTimestamp();
        for (ulong sequence = ReceiveOne(reader, mine); sequence != Message.Stop; sequence = ReceiveOne(reader, mine))
        {
            Message.Check(sequence, ++count);
        }
        // The frames after the first one, that of the end among them: with the first one the clock began.
        return new Figure(count * FrameSize * 1e-9 / Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    /// <summary>One byte of each page, as somebody who reads a picture in place at least does. Its sequence.</summary>
    internal static ulong LookAt(ReadOnlySpan<byte> data)
    {
        uint sum = 0;
        for (int i = 0; i < data.Length; i += PageSize)
        {
            sum += data[i];
        }
        _sum += sum;
        return Message.Sequence(data);
    }

    private static void SendOne(Writer writer, byte[] frame, ulong sequence)
    {
        Message.SetSequence(frame, sequence);
        writer.Write(frame);
    }

    private static ulong ReceiveOne(Reader reader, byte[]? mine)
    {
        using Frame frame = reader.Read();
        if (mine is null)
        {
            return LookAt(frame.Span);
        }
        frame.Span.CopyTo(mine);
        return LookAt(mine);
    }
}
