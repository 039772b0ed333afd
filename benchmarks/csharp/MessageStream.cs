// The workloads stream64, stream64_batch16 and stream64_batch: messages of 64 bytes one way, each written alone and published
// alone or so many together, or 1,024 written and read by a call.
using System;
using System.Diagnostics;

namespace ZeroBuffer.Benchmarks;

internal static class MessageStream
{
    internal const int BetweenLooksAtTheClock = 1024;
    private const int InACall = 1024;

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

    /// <summary>The stop sequence is the last one of a call.</summary>
    internal static Figure? SendCalls(string name, TimeSpan time)
    {
        using var writer = Writer.Create(name, Message.SmallRing);
        Message.AwaitReader(writer);
        var batch = new RoundTrip.Text[InACall];
        ulong sequence = 0;
        long start = Stopwatch.GetTimestamp();
        do
        {
            SendCall(writer, batch, ref sequence, last: false);
        }
        while (Stopwatch.GetElapsedTime(start) < time);
        SendCall(writer, batch, ref sequence, last: true);
        writer.Close(Message.Connect);
        return null;
    }

    /// <summary>Million messages per second, from the first arrival to the last.</summary>
    internal static Figure? ReceiveCalls(string name)
    {
        using var reader = Reader.Open(name, Message.Connect);
        var room = new RoundTrip.Text[InACall];
        int first = reader.ReadMessages<RoundTrip.Text>(room);
        long start = Stopwatch.GetTimestamp();
        ulong count = Check(room.AsSpan(0, first), 0);
        for (bool stopped = false; !stopped;)
        {
            int came = reader.ReadMessages<RoundTrip.Text>(room);
            stopped = room[came - 1].Sequence == Message.Stop;
            count = Check(room.AsSpan(0, stopped ? came - 1 : came), count);
        }
        return new Figure((count + 1 - (ulong)first) * 1e-6 / Stopwatch.GetElapsedTime(start).TotalSeconds);
    }

    private static void SendCall(Writer writer, RoundTrip.Text[] batch, ref ulong sequence, bool last)
    {
        foreach (ref RoundTrip.Text message in batch.AsSpan())
        {
            message.Sequence = ++sequence;
        }
        if (last)
        {
            batch[^1].Sequence = Message.Stop;
        }
        Message.Check((ulong)writer.WriteMessages<RoundTrip.Text>(batch), InACall);
    }

    private static ulong Check(ReadOnlySpan<RoundTrip.Text> messages, ulong count)
    {
        foreach (ref readonly RoundTrip.Text message in messages)
        {
            Message.Check(message.Sequence, ++count);
        }
        return count;
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
