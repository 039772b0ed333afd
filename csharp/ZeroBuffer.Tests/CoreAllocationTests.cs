// Nothing is allocated per frame once everything is warm.
using System;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace ZeroBuffer.Tests;

public sealed class CoreAllocationTests
{
    private static readonly BufferOptions Small = new() { PayloadSize = 64 << 10 };

    [Fact]
    public void Writing_and_reading_allocate_nothing_per_frame()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        byte[] data = new byte[100];
        var many = new Frame[2];
        long sum = 0;
        void Round()
        {
            writer.Write(data);
            using (Frame frame = reader.Read())
            {
                sum += frame.Span.Length + frame.Length + (long)frame.Sequence + frame.Type + (long)frame.Tag;
                sum += frame.As<int>().Length;
            }
            using (Claim claim = writer.Claim(100))
            {
                claim.Span.Fill(1);
                claim.AsBufferWriter().Advance(50);
                claim.AsBufferWriter().Commit();
            }
            reader.Read(TimeSpan.Zero, out Frame second);
            using (FrameMemory memory = second.AsMemory())
            {
                second.Dispose();
                sum += memory.Memory.Span[0];
            }
            sum += reader.TryRead(out _) ? 1 : 0;
            using (writer.Batch())
            {
                writer.TryWrite(data);
                writer.Write(data, TimeSpan.Zero);
            }
            int count = reader.ReadMany(many, TimeSpan.Zero);
            for (int i = 0; i < count; ++i)
            {
                many[i].Dispose();
            }
            sum += reader.GetStats().Frames + writer.GetStats().Frames;
            writer.Write(data);
            reader.ReadNewest(TimeSpan.Zero, out Frame newest);
            newest.Dispose();
        }
        Assert.Equal(0, Support.AllocatedInSteadyState(Round));
        Assert.NotEqual(0, sum);
    }

    [Fact]
    public void Messages_in_one_call_allocate_nothing()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        byte[] bytes = new byte[10 * 64];
        var numbers = new long[10];
        int count = 0;
        void Round()
        {
            count += writer.WriteMessages(bytes, 64) + writer.WriteMessages<long>(numbers, TimeSpan.Zero);
            count += reader.ReadMessages(bytes, 64) + reader.ReadMessages<long>(numbers, TimeSpan.Zero);
            count += reader.ReadMessages(bytes, 64, TimeSpan.Zero);
        }
        Assert.Equal(0, Support.AllocatedInSteadyState(Round));
        Assert.Equal(0, count % 40);
        Assert.NotEqual(0, count);
    }

    [Fact]
    public void A_loop_over_a_reader_allocates_nothing()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        var writer = Writer.Open(name, TimeSpan.Zero);
        for (int i = 0; i < 500; ++i)
        {
            writer.Write("x"u8);
        }
        writer.Dispose();
        int count = 0;
        long before = 0;
        foreach (Frame frame in reader)
        {
            frame.Dispose();
            if (++count == 100)
            {
                before = GC.GetAllocatedBytesForCurrentThread();
            }
        }
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        Assert.Equal(500, count);
    }

    [Fact]
    public void An_awaited_frame_that_has_to_be_waited_for_allocates_nothing_where_it_is_awaited()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        using var cancel = new CancellationTokenSource();
        void Round()
        {
            ValueTask<Frame> next = reader.ReadAsync(cancel.Token);
            writer.Write("x"u8);
            while (!next.IsCompleted)
            {
                Thread.Yield();
            }
            next.GetAwaiter().GetResult().Dispose();
        }
        Assert.Equal(0, Support.AllocatedInSteadyState(Round));
    }
}
