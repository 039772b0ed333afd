// Frames forwarded without a copy: what C# can show of it from outside.
using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ZeroBuffer.Tests.Peers;
using Xunit;

namespace ZeroBuffer.Tests;

public sealed class SharingTests : BufferTest
{
    private static readonly BufferOptions Shared = new() { PayloadSize = 10_000, ShareSlots = 2 };

    private string Second => Name + "-b";

    // Scenario 7.1
    [Fact]
    public unsafe void A_frame_is_forwarded_without_a_copy_and_seen_where_it_lies()
    {
        using var source = Reader.Create(Name, Shared);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        using var output = Writer.Create(Second, Shared);
        using var reader = Reader.Open(Second, TimeSpan.Zero);
        using var shared = SharedWriter.Over(output, source);
        Assert.True(shared.CanShare, shared.WhyNot);
        Assert.Equal((string.Empty, 2), (shared.WhyNot, source.Info.ShareSlots));
        for (byte number = 1; number <= 50; ++number)
        {
            Claim claim = writer.Claim(1000);
            claim.Span.Fill(number);
            Span<byte> written = claim.Span;
            claim.CommitAll(type: 130, tag: number);
            Frame frame = source.Read();
            if (number % 2 == 0)
            {
                Assert.Equal(Forwarded.Shared, shared.Forward(frame));
            }
            else
            {
                Assert.Equal(Forwarded.Shared, shared.Forward(frame, type: 131, tag: 7));
            }
            Assert.True(frame.IsReleased, "it was taken");
            Assert.Throws<ObjectDisposedException>(() => shared.Forward(frame));
            using Frame seen = reader.Read();
            Assert.Equal(Bytes.Of(number, 1000), seen.Span);
            Assert.Equal(number % 2 == 0 ? (130, number) : (131, 7ul), (seen.Type, seen.Tag));
            Assert.Equal(number, seen.Sequence);
            written[3] = 99; // against every rule, and only to show that these are the same bytes
            Assert.Equal(99, seen.Span[3]);
        }
        SharedWriterStats stats = shared.GetStats();
        Assert.Equal((50, 50_000, 0, 0), (stats.SharedFrames, stats.SharedBytes, stats.CopiedFrames, stats.CopiedBytes));
        Assert.Equal((50, 0), (reader.GetStats().SharedFrames, reader.GetStats().SharedCopiedBytes));
    }

    // Scenario 7.2
    [Fact]
    public void The_room_of_a_shared_frame_is_not_used_while_a_reader_of_the_output_looks_at_it()
    {
        using var source = Reader.Create(Name, Shared with { PayloadSize = 1000 });
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        using var output = Writer.Create(Second, Shared);
        using var reader = Reader.Open(Second, TimeSpan.Zero);
        using var shared = SharedWriter.Over(output, source);
        writer.Write(Bytes.Of(1, 1000));
        shared.Forward(source.Read());
        Assert.False(writer.TryWrite(Bytes.Of(2, 1000)), "it waits in the output");
        Frame held = reader.Read();
        Assert.False(writer.Write(Bytes.Of(2, 1000), TimeSpan.FromMilliseconds(50)));
        Assert.Equal(1, shared.GetStats().Kept);
        Assert.Equal(Bytes.Of(1, 1000), held.Span);
        held.Dispose();
        Assert.True(writer.Write(Bytes.Of(2, 1000), Limits.Wait));
        Eventually.True(() => shared.ReleasePassed() == 0, "nothing is kept");
    }

    // Scenario 7.4
    [Theory]
    [InlineData(0, 2)]
    [InlineData(2, 0)]
    public void Where_nothing_can_be_shared_the_same_call_copies_and_says_so(int sourceSlots, int outputSlots)
    {
        using var source = Reader.Create(Name, Shared with { ShareSlots = sourceSlots });
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        using var output = Writer.Create(Second, Shared with { ShareSlots = outputSlots });
        using var reader = Reader.Open(Second, TimeSpan.Zero);
        using var shared = SharedWriter.Over(output, source);
        Assert.False(shared.CanShare);
        Assert.Contains("share_slots", shared.WhyNot, StringComparison.Ordinal);
        writer.Write(Bytes.Of(5, 500), type: 140, tag: 3);
        Frame frame = source.Read();
        Assert.True(shared.Forward(frame, TimeSpan.Zero, out Forwarded how));
        Assert.Equal(Forwarded.Copied, how);
        Assert.True(frame.IsReleased);
        using Frame seen = reader.Read();
        Assert.Equal(Bytes.Of(5, 500), seen.Span);
        Assert.Equal((140, 3ul), (seen.Type, seen.Tag));
        Assert.Equal((1, 500, 0), (shared.GetStats().CopiedFrames, shared.GetStats().CopiedBytes, shared.GetStats().SharedFrames));
    }

    [Fact]
    public void A_frame_that_cannot_be_forwarded_stays_the_callers()
    {
        using var source = Reader.Create(Name, Shared);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        using var output = Writer.Create(Second, Shared with { ShareSlots = 0, PayloadSize = 1000 });
        using var reader = Reader.Open(Second, TimeSpan.Zero);
        using var shared = SharedWriter.Over(output, source);
        writer.Write(Bytes.Of(1, 1000));
        writer.Write(Bytes.Of(2, 1000));
        writer.Write(Bytes.Of(3, 3000));
        shared.Forward(source.Read());
        Frame second = source.Read();
        FrameMemory memory = second.AsMemory();
        Assert.Throws<InvalidOperationException>(() => shared.Forward(second));
        memory.Dispose();
        Assert.False(shared.Forward(second, TimeSpan.FromMilliseconds(20), out _), "the output is full");
        Assert.Equal(Bytes.Of(2, 1000), second.Span);
        reader.Read().Dispose();
        Assert.True(shared.Forward(second, Limits.Wait, out _));
        Frame third = source.Read();
        Assert.Throws<FrameTooLargeException>(() => shared.Forward(third));
        Assert.Equal(3000, third.Length);
        third.Dispose();
        output.Dispose();
        writer.Write("x"u8);
        using Frame last = source.Read();
        Assert.Throws<ObjectDisposedException>(() => shared.Forward(last));
        Assert.False(last.IsReleased);
    }

    [Fact]
    public async Task Ending_waits_for_the_readers_of_the_output_if_asked_to()
    {
        using var source = Reader.Create(Name, Shared);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        using var output = Writer.Create(Second, Shared);
        using var reader = Reader.Open(Second, TimeSpan.Zero);
        var shared = SharedWriter.Over(output, source);
        writer.Write(Bytes.Of(1));
        shared.Forward(source.Read());
        Task<long> closing = Eventually.InAnotherThread(() => shared.Close(Limits.Wait));
        await Task.Delay(50);
        Assert.False(closing.IsCompleted);
        using (Frame frame = reader.Read())
        {
            Assert.Equal(Bytes.Of(1), frame.Span);
        }
        Assert.Equal(0, await closing.WaitAsync(Limits.Wait));
        shared.Dispose();
        Assert.Equal(1, shared.GetStats().SharedFrames);
        Assert.Throws<ObjectDisposedException>(() => shared.ReleasePassed());

        using (var again = SharedWriter.Over(output, source))
        {
            writer.Write(Bytes.Of(2));
            writer.Write(Bytes.Of(3));
            again.Forward(source.Read());
            again.Forward(source.Read());
        }
        writer.Write(new byte[9000]); // over what nobody keeps any more
        int lost = 0;
        for (int i = 0; i < 2; ++i)
        {
            try
            {
                using Frame frame = reader.Read();
                Assert.Contains(frame.Span[0], new byte[] { 2, 3 });
            }
            catch (FrameLostException)
            {
                ++lost;
            }
        }
        Assert.Equal(lost, reader.GetStats().Lost);
        output.Write("and on it goes"u8);
        using Frame next = reader.Read();
        Assert.Equal("and on it goes"u8, next.Span);
    }

    private static void Relays(Channel channel, string[] arguments)
    {
        using var source = Reader.Open(arguments[0], Limits.Wait);
        using var output = Writer.Create(arguments[1], Shared);
        using var shared = SharedWriter.Over(output, source);
        output.WaitForReaders(1, Limits.Wait);
        foreach (Frame frame in source)
        {
            shared.Forward(frame);
        }
        channel.Say(shared.GetStats().CopiedBytes == 0 ? "nothing copied" : "copied");
        shared.Close(Limits.Wait);
    }

    // Scenario 7.1
    [Fact]
    public void A_chain_of_relays_copies_nothing_and_keeps_the_order()
    {
        var writer = Writer.Create(Name, Shared with { ShareSlots = 4 });
        ProcessPeer first = StartProcess(Relays, Name, Name + "-1");
        Peer second = Start(Where.Thread, Relays, Name + "-1", Name + "-2");
        using var reader = Reader.Open(Name + "-2", Limits.Wait);
        Task writing = Eventually.InAnotherThread(() =>
        {
            writer.WaitForReaders(1, Limits.Wait);
            for (int number = 0; number < 500; ++number)
            {
                writer.Write(Bytes.Of(number, 700));
            }
            writer.Close(Limits.Wait);
        });
        int seen = 0;
        foreach (Frame frame in reader)
        {
            using (frame)
            {
                Assert.Equal(Bytes.Of(seen++, 700), frame.Span);
            }
        }
        Assert.Equal(500, seen);
        Assert.Equal((500, 0), (reader.GetStats().SharedFrames, reader.GetStats().SharedCopiedBytes));
        writing.Join();
        Assert.Equal(("nothing copied", "nothing copied"), (first.Hear(), second.Hear()));
        first.Finish();
        second.Finish();
    }

    [Fact]
    public void Forwarding_allocates_nothing()
    {
        using var source = Reader.Create(Name, Shared);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        using var output = Writer.Create(Second, Shared);
        using var reader = Reader.Open(Second, TimeSpan.Zero);
        using var shared = SharedWriter.Over(output, source);
        byte[] data = new byte[100];
        void Round()
        {
            writer.Write(data);
            shared.Forward(source.Read());
            reader.Read().Dispose();
        }
        Assert.Equal(0, Support.AllocatedInSteadyState(Round));
    }
}
