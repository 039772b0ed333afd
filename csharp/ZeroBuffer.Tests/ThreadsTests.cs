// One object in two threads: what is refused, what is free, and how a wait of another thread is ended.
using System;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ZeroBuffer.Tests.Peers;
using Xunit;

namespace ZeroBuffer.Tests;

public class ThreadsTests : BufferTest
{
    private static readonly BufferOptions OneFrame = new() { PayloadSize = 1000 };

    /// <summary>Whether another thread is inside a call of this reader.</summary>
    private static bool InUse(Reader reader) => Refused(() => reader.ReadMetadata(TimeSpan.Zero));

    /// <inheritdoc cref="InUse(Reader)"/>
    private static bool InUse(Writer writer) => Refused(() => writer.Drain(TimeSpan.Zero));

    /// <summary>A call in another thread; again where a look by <see cref="InUse(Reader)"/> was inside at that moment.</summary>
    private static Task<T> Begin<T>(Func<T> call) => Eventually.InAnotherThread(() =>
    {
        for (;;)
        {
            try
            {
                return call();
            }
            catch (ConcurrentUseException)
            {
                Thread.Yield();
            }
        }
    });

    private static bool Refused(Action call)
    {
        try
        {
            call();
            return false;
        }
        catch (ConcurrentUseException)
        {
            return true;
        }
    }

    [Fact]
    public void Two_threads_in_one_object_are_refused_not_mixed_up()
    {
        using var reader = Reader.Create(Name, OneFrame);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        Task<Frame> waiting = Begin(() => reader.Read());
        Eventually.True(() => InUse(reader), "the other thread waits");
        Action[] reads =
        [
            () => reader.TryRead(out _), () => reader.Read(), () => reader.Read(TimeSpan.Zero, out _), () => reader.ReadNewest(TimeSpan.Zero, out _),
            () => reader.ReadMany(new Frame[2], TimeSpan.Zero), () => reader.ReadMetadata(TimeSpan.Zero), () => reader.GetEnumerator().MoveNext(),
            () => _ = reader.ReadAsync().AsTask(), () => _ = reader.ReadMetadataAsync().AsTask(),
            () => _ = reader.GetAsyncEnumerator().MoveNextAsync().AsTask(), () => reader.ReadMessages(new byte[1], 1),
        ];
        Assert.All(reads, call => Assert.Contains("another thread", Assert.Throws<ConcurrentUseException>(call).Message, StringComparison.Ordinal));
        Assert.Equal(0, reader.GetStats().Frames);
        writer.Write(new byte[1000]);
        Frame frame = waiting.Result();

        Task<Claim> room = Begin(() => writer.Claim(1000));
        Eventually.True(() => InUse(writer), "the other thread waits for room");
        Action[] writes =
        [
            () => writer.Write("x"u8), () => writer.TryWrite("x"u8), () => writer.Claim(1), () => writer.TryClaim(1, out _), () => writer.Batch(),
            () => writer.WriteMetadata("x"u8), () => writer.WaitForReaders(1, TimeSpan.Zero), () => writer.ForgetDeadReaders(),
            () => _ = writer.WriteAsync(new byte[1]).AsTask(), () => _ = writer.ClaimAsync(1).AsTask(), () => writer.WriteMessages("x"u8, 1),
        ];
        Assert.All(writes, call => Assert.Throws<ConcurrentUseException>(call));
        Assert.Equal(1, writer.GetStats().Frames);
        frame.Dispose();
        room.Result().Dispose();
    }

    [Fact]
    public void A_call_during_an_awaited_one_is_refused_and_the_awaited_one_goes_on()
    {
        using var reader = Reader.Create(Name, OneFrame);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        Task<Frame> awaited = reader.ReadAsync().AsTask();
        Assert.Throws<ConcurrentUseException>(() => reader.TryRead(out _));
        Assert.Throws<ConcurrentUseException>(() => { _ = reader.ReadAsync().AsTask(); });
        writer.Write("x"u8);
        awaited.Result().Dispose();
        Assert.False(reader.TryRead(out _));
    }

    // Scenario 4.12
    [Theory]
    [InlineData(WaitPolicy.Spin)]
    [InlineData(WaitPolicy.SpinThenBlock)]
    [InlineData(WaitPolicy.Block)]
    public void Interrupt_ends_the_wait_of_another_thread_or_the_next_one(WaitPolicy wait)
    {
        using var reader = Reader.Create(Name, OneFrame with { Wait = wait });
        using var writer = Writer.Open(Name, TimeSpan.Zero, new BufferOptions { Wait = wait });
        Task<Frame> reading = Begin(() => reader.Read());
        Eventually.True(() => InUse(reader), "the other thread waits");
        reader.Interrupt();
        Assert.Throws<InterruptedWaitException>(() => reading.Result());
        reader.Interrupt();
        Assert.Throws<InterruptedWaitException>(() => reader.Read());
        Assert.False(reader.Read(TimeSpan.FromMilliseconds(10), out _));
        writer.Write(new byte[1000]);
        Task<Claim> claiming = Begin(() => writer.Claim(1000));
        Eventually.True(() => InUse(writer), "the other thread waits for room");
        writer.Interrupt();
        Assert.Throws<InterruptedWaitException>(() => claiming.Result());
        Task<long> closing = Begin(() => writer.Close(Timeout.InfiniteTimeSpan));
        writer.Interrupt(); // no look whether it lingers: a close that meets a look does not linger, and an interrupt that is early waits for it
        Assert.Throws<InterruptedWaitException>(() => closing.Result());
        Assert.Throws<ObjectDisposedException>(() => writer.Write("x"u8));
    }

    [Theory]
    [InlineData(WaitPolicy.Spin)]
    [InlineData(WaitPolicy.SpinThenBlock)]
    [InlineData(WaitPolicy.Block)]
    public void Dispose_ends_the_wait_of_another_thread_first(WaitPolicy wait)
    {
        var reader = Reader.Create(Name, OneFrame with { Wait = wait });
        using var writer = Writer.Open(Name, TimeSpan.Zero, new BufferOptions { Wait = wait });
        Task<Frame> reading = Begin(() => reader.Read());
        Eventually.True(() => InUse(reader), "the other thread waits");
        reader.Dispose();
        Assert.Contains("another thread", Assert.Throws<ObjectDisposedException>(() => reading.Result()).Message, StringComparison.Ordinal);
        using var next = Reader.Open(Name, TimeSpan.Zero);
        writer.Write(new byte[1000]);
        Task<bool> writing = Begin(() => writer.Write(new byte[1000]));
        Eventually.True(() => InUse(writer), "the other thread waits for room");
        writer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => writing.Result());
        reader.Interrupt();
        writer.Interrupt();
    }

    [Fact]
    public void Every_call_of_what_was_disposed_says_so()
    {
        var reader = Reader.Create(Name, OneFrame);
        var writer = Writer.Open(Name, TimeSpan.Zero);
        writer.Dispose();
        reader.Dispose();
        reader.Dispose();
        Action[] calls =
        [
            () => reader.Read(), () => reader.TryRead(out _), () => reader.ReadMany(new Frame[1], TimeSpan.Zero), () => reader.ReadNewest(TimeSpan.Zero, out _),
            () => reader.ReadMetadata(TimeSpan.Zero), () => reader.GetEnumerator().MoveNext(), () => _ = reader.ReadAsync().AsTask(),
            () => _ = reader.ReadMetadataAsync().AsTask(), () => writer.Claim(1), () => writer.TryClaim(1, out _), () => writer.Write("x"u8),
            () => writer.TryWrite("x"u8), () => writer.Drain(TimeSpan.Zero), () => writer.WriteMetadata("x"u8), () => writer.Batch(),
            () => writer.WaitForReaders(1, TimeSpan.Zero), () => writer.ForgetDeadReaders(), () => _ = writer.WriteAsync(new byte[1]).AsTask(),
            () => reader.ReadMessages(new byte[1], 1), () => writer.WriteMessages("x"u8, 1),
        ];
        Assert.All(calls, call => Assert.Throws<ObjectDisposedException>(call));
        Assert.Equal((-1, -1), (reader.FileDescriptor, writer.FileDescriptor));
    }

    [Fact]
    public void Many_threads_may_dispose_one_reader()
    {
        for (int round = 0; round < 15; ++round)
        {
            var reader = Reader.Create(Name, OneFrame);
            using (var writer = Writer.Open(Name, TimeSpan.Zero))
            {
                writer.Write("x"u8);
                Frame frame = reader.Read();
                using var together = new Barrier(4);
                Task[] threads = [.. Enumerable.Range(0, 3).Select(_ => Eventually.InAnotherThread(() =>
                {
                    together.SignalAndWait();
                    reader.Dispose();
                }))];
                together.SignalAndWait();
                frame.Dispose();
                Array.ForEach(threads, thread => thread.Join());
            }
        }
    }

    [Fact]
    public void Frames_are_released_while_another_thread_waits_in_their_reader()
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 2000 });
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        writer.Write(new byte[1000]);
        Frame frame = reader.Read();
        Task<Frame> waiting = Begin(() => reader.Read());
        Eventually.True(() => InUse(reader), "the other thread waits");
        Assert.Equal(1000, frame.AsArray().ByteCount);
        frame.Dispose();
        Assert.True(writer.Drain(Limits.Wait));
        writer.Write("done"u8);
        waiting.Result().Dispose();
    }

    [Fact]
    public void A_reader_may_be_handed_from_thread_to_thread()
    {
        using var reader = Reader.Create(Name, OneFrame);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        for (int i = 1; i <= 20; ++i)
        {
            Eventually.InAnotherThread(() => writer.Write("x"u8)).Join();
            using Frame frame = Eventually.InAnotherThread(() => reader.Read()).Result();
            Assert.Equal((ulong)i, frame.Sequence);
        }
    }
}
