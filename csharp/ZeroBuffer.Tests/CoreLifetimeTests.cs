// How long bytes live: frames, copies of them, memories, claims; with readers and writers that go before them.
using System;
using System.Buffers;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace ZeroBuffer.Tests;

public sealed class CoreLifetimeTests
{
    private static readonly BufferOptions Small = new() { PayloadSize = 64 << 10, MaxHeld = 4 };

    [Fact]
    public void A_copied_frame_releases_once_and_says_so()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        writer.Write("a"u8);
        writer.Write("b"u8);
        Frame first = reader.Read();
        Frame copy = first;
        Frame second = reader.Read();
        Assert.Equal(first, copy);
        Assert.NotEqual(first, second);
        first.Dispose();
        copy.Dispose();
        first.Dispose();
        Assert.True(copy.IsReleased);
        Assert.False(second.IsReleased);
        Assert.Throws<ObjectDisposedException>(() => copy.Span.Length);
        Assert.Throws<ObjectDisposedException>(() => copy.Sequence);
        Assert.Throws<ObjectDisposedException>(() => default(Frame).Length);
        Assert.Equal("b"u8, second.Span);
        Assert.Equal(1, reader.GetStats().Held);
        second.Dispose();
        Assert.Equal(0, reader.GetStats().Held);
    }

    [Fact]
    public void An_old_copy_never_releases_the_frame_that_has_its_place_now()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small with { MaxHeld = 1 });
        using var writer = Writer.Open(name, TimeSpan.Zero);
        Frame old = default;
        for (int i = 0; i < 100; ++i)
        {
            writer.Write("x"u8);
            Frame frame = reader.Read();
            old.Dispose();
            Assert.False(frame.IsReleased);
            Assert.True(old.IsReleased);
            frame.Dispose();
            old = frame;
        }
    }

    [Fact]
    public void Of_many_threads_that_dispose_copies_exactly_one_releases()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        for (int i = 0; i < 2000; ++i)
        {
            writer.Write("x"u8);
            Frame frame = reader.Read();
            Parallel.For(0, 4, _ => frame.Dispose());
            Assert.True(frame.IsReleased);
            Assert.Equal(0, reader.GetStats().Held);
        }
    }

    [Fact]
    public void A_frame_outlives_its_reader_and_its_room_comes_back_when_it_goes()
    {
        string name = Support.UniqueName();
        var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        writer.Write("kept"u8);
        Frame frame = reader.Read();
        reader.Dispose();
        reader.Dispose();
        Assert.Equal("kept"u8, frame.Span);
        Assert.False(HasFreePlace(name));
        frame.Dispose();
        Assert.True(HasFreePlace(name));
        Assert.Throws<ObjectDisposedException>(() => reader.TryRead(out _));
        Assert.Equal(1, reader.GetStats().Frames);
        Assert.Equal(-1, reader.FileDescriptor);
        reader.Interrupt();
    }

    [Fact]
    public void A_forgotten_reader_gives_back_its_place_and_the_frames_that_nobody_released()
    {
        string name = Support.UniqueName();
        using var writer = Writer.Create(name, Small);
        writer.Write("x"u8);
        writer.Write("x"u8);
        Forget(name, dispose: false);
        CollectUntilItsPlaceIsFree(name);
    }

    [Fact]
    public void Frames_that_nobody_released_go_with_a_disposed_reader_too()
    {
        string name = Support.UniqueName();
        using var writer = Writer.Create(name, Small);
        writer.Write("x"u8);
        writer.Write("x"u8);
        Forget(name, dispose: true);
        CollectUntilItsPlaceIsFree(name);
    }

    [Fact]
    public async Task A_memory_keeps_its_frame_held_also_across_the_end_of_frame_and_reader()
    {
        string name = Support.UniqueName();
        var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        writer.Write("kept"u8);
        Frame frame = reader.Read();
        FrameMemory memory = frame.AsMemory();
        FrameMemory other = frame.AsMemory();
        frame.Dispose();
        Assert.True(frame.IsReleased);
        Assert.Throws<ObjectDisposedException>(() => frame.AsMemory());
        reader.Dispose();
        await Task.Yield();
        Assert.Equal("kept"u8, memory.Memory.Span);
        Assert.False(HasFreePlace(name));
        MemoryHandle pin = memory.Memory.Pin();
        memory.Dispose();
        memory.Dispose();
        other.Dispose();
        Assert.Throws<ObjectDisposedException>(() => memory.Memory);
        Assert.False(HasFreePlace(name));
        pin.Dispose();
        pin.Dispose();
        Assert.True(HasFreePlace(name));
    }

    [Fact]
    public void A_frame_that_is_disposed_before_its_memories_can_be_released_by_neither_twice()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        for (int i = 0; i < 2000; ++i)
        {
            writer.Write("x"u8);
            Frame frame = reader.Read();
            FrameMemory memory = frame.AsMemory();
            Parallel.Invoke(frame.Dispose, memory.Dispose, memory.Dispose, frame.Dispose);
            Assert.Equal(0, reader.GetStats().Held);
        }
    }

    [Fact]
    public void A_sequence_sees_the_bytes_as_long_as_the_frame_is_held()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        writer.Write("sequence"u8);
        writer.Write(default);
        Frame frame = reader.Read();
        ReadOnlySequence<byte> sequence = frame.AsSequence();
        Assert.Equal("sequence"u8, sequence.ToArray());
        frame.Dispose();
        Assert.Throws<ObjectDisposedException>(() => sequence.ToArray());
        using Frame empty = reader.Read();
        Assert.True(empty.AsSequence().IsEmpty);
        Assert.True(empty.Span.IsEmpty);
        Assert.True(empty.As<long>().IsEmpty);
    }

    [Fact]
    public void A_frame_is_seen_as_values_where_its_length_is_theirs()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        writer.Write(MemoryMarshal.AsBytes<double>([1.5, -2]));
        writer.Write("12345"u8);
        using (Frame doubles = reader.Read())
        {
            Assert.Equal([1.5, -2.0], doubles.As<double>());
            Assert.Equal(BitConverter.GetBytes(-2.0), doubles.Slice(8, 8));
            Assert.Throws<ArgumentOutOfRangeException>(() => doubles.Slice(9, 8).Length);
        }
        using Frame five = reader.Read();
        Assert.Throws<InvalidOperationException>(() => five.As<int>().Length);
    }

    [Fact]
    public void A_claim_is_committed_or_discarded_once_whichever_copy_does_it()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        Claim claim = writer.Claim(8);
        Claim copy = claim;
        Assert.Throws<ArgumentOutOfRangeException>(() => claim.Commit(9));
        Assert.Throws<ArgumentOutOfRangeException>(() => claim.Commit(-1));
        Assert.True(claim.IsOpen);
        claim.Commit(8);
        Assert.False(copy.IsOpen);
        Assert.Throws<ObjectDisposedException>(() => copy.Commit(8));
        Assert.Throws<ObjectDisposedException>(() => copy.Span.Length);
        copy.Dispose();
        using (Claim next = writer.Claim(8))
        {
            copy.Dispose();
            Assert.True(next.IsOpen);
        }
        Assert.Equal(1, writer.GetStats().Frames);
    }

    [Fact]
    public void A_claim_can_be_filled_while_another_thread_disposes_the_writer()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        var writer = Writer.Open(name, TimeSpan.Zero);
        Claim claim = writer.Claim(100);
        Span<byte> room = claim.Span;
        writer.Dispose();
        room.Fill(1);
        Assert.False(claim.IsOpen);
        Assert.Throws<ObjectDisposedException>(() => claim.Commit(100));
        claim.Dispose();
        claim.Dispose();
        Assert.Throws<PeerClosedException>(() => reader.Read());
    }

    [Fact]
    public void Closing_tells_how_many_frames_nobody_will_read()
    {
        string name = Support.UniqueName();
        var reader = Reader.Create(name, Small);
        var writer = Writer.Open(name, TimeSpan.Zero);
        writer.Write("x"u8);
        writer.Write("x"u8);
        reader.Dispose();
        Assert.Equal(2, writer.Close(TimeSpan.FromMilliseconds(1)));
        Assert.Equal(0, writer.Close(TimeSpan.Zero));
        Assert.Throws<ObjectDisposedException>(() => writer.Write("x"u8));
        Assert.Equal(2, writer.GetStats().Frames);
    }

    [Fact]
    public void A_buffer_writer_fills_a_claim_and_refuses_what_does_not_fit()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        using (Claim claim = writer.Claim(10))
        {
            ClaimBufferWriter buffer = claim.AsBufferWriter();
            buffer.Write("hello"u8);
            " you"u8.CopyTo(buffer.GetMemory(4).Span);
            buffer.Advance(4);
            Assert.Equal(9, buffer.WrittenCount);
            Assert.Throws<InvalidOperationException>(() => buffer.GetSpan(2).Length);
            Assert.Throws<InvalidOperationException>(() => buffer.Advance(2));
            buffer.Commit(type: 200);
            Assert.Throws<ObjectDisposedException>(() => buffer.GetSpan().Length);
        }
        using Frame frame = reader.Read();
        Assert.Equal("hello you"u8, frame.Span);
        Assert.Equal(200, frame.Type);
    }

    [Fact]
    public void Disposing_ends_the_wait_of_another_thread_and_a_second_caller_is_refused()
    {
        string name = Support.UniqueName();
        var reader = Reader.Create(name, Small);
        Exception? waited = null;
        var thread = new Thread(() => waited = Record.Exception(() => reader.Read()));
        thread.Start();
        SpinWait.SpinUntil(() => reader.GetStats().Sleeps > 0, Support.Watchdog);
        Assert.Throws<ConcurrentUseException>(() => reader.TryRead(out _));
        reader.Dispose();
        Assert.True(thread.Join(Support.Watchdog));
        Assert.IsType<ObjectDisposedException>(waited);
    }

    [Fact]
    public async Task An_interrupt_ends_the_wait_of_another_thread()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        Task waiting = Task.Run(() => reader.Read(Support.Watchdog, out _));
        SpinWait.SpinUntil(() => reader.GetStats().Sleeps > 0, Support.Watchdog);
        reader.Interrupt();
        await Assert.ThrowsAsync<InterruptedWaitException>(() => waiting.WaitAsync(Support.Watchdog));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Forget(string name, bool dispose)
    {
        var reader = Reader.Open(name, TimeSpan.Zero);
        _ = reader.Read();
        _ = reader.Read();
        if (dispose)
        {
            reader.Dispose();
        }
    }

    private static void CollectUntilItsPlaceIsFree(string name)
    {
        for (DateTime end = DateTime.UtcNow + Support.Watchdog; !HasFreePlace(name); Thread.Sleep(1))
        {
            Assert.True(DateTime.UtcNow < end);
            GC.Collect();
            GC.WaitForPendingFinalizers();
        }
    }

    private static bool HasFreePlace(string name)
    {
        try
        {
            Reader.Open(name, TimeSpan.Zero).Dispose();
            return true;
        }
        catch (TooManyReadersException)
        {
            return false;
        }
    }
}
