// The workloads stream64 and stream64_batch16: messages of 64 bytes one way, each published alone or so many in a batch.
using System;
using System.Diagnostics;

namespace ZeroBuffer.Benchmarks;

internal static class MessageStream
{
    internal const int BetweenLooksAtTheClock = 1024;

    internal static Figure? Send(string name, TimeSpan time, int batch)
    {
        using var writer = Writer.Create(name, Message.SmallRing);
        Message.AwaitReader(writer);
        Span<byte> message = stackalloc byte[Message.Size];
        ulong sequence = 0;
        long start = Stopwatch.GetTimestamp();
        do
        {
            for (int sent = 0; sent < BetweenLooksAtTheClock; sent += batch)
            {
                if (batch == 1)
                {
                    SendOne(writer, message, ++sequence);
                }
                else
                {
                    SendBatch(writer, message, sequence, batch);
                    sequence += (ulong)batch;
                }
            }
        }
        while (Stopwatch.GetElapsedTime(start) < time);
        SendOne(writer, message, Message.Stop);
        writer.Close(Message.Connect);
        return null;
    }

    /// <summary>Million messages per second, from the first arrival to the last.</summary>
    internal static Figure? Receive(string name)
    {
        using var reader = Reader.Open(name, Message.Connect);
        ulong count = 0;
        ulong sequence = ReceiveOne(reader);
        long start = Stopwatch.GetTimestamp();
        for (; sequence != Message.Stop; sequence = ReceiveOne(reader))
        {
            Message.Check(sequence, ++count);
        }
        return new Figure(count * 1e-6 / Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    private static void SendOne(Writer writer, Span<byte> message, ulong sequence)
    {
        Message.SetSequence(message, sequence);
        writer.Write(message);
    }

    private static void SendBatch(Writer writer, Span<byte> message, ulong before, int count)
    {
        using (writer.Batch())
        {
            for (int i = 1; i <= count; ++i)
            {
                SendOne(writer, message, before + (ulong)i);
            }
        }
    }

    private static ulong ReceiveOne(Reader reader)
    {
        using Frame frame = reader.Read();
        return Message.Sequence(frame.Span);
    }
}
