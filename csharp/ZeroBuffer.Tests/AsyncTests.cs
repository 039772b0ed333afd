// Awaiting: order, cancelling, errors, many at once without a thread each.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ZeroBuffer.Tests.Peers;
using Xunit;

namespace ZeroBuffer.Tests;

public class AsyncTests : BufferTest
{
    private static readonly BufferOptions OneFrame = new() { PayloadSize = 1000 };

    private static void WritesCounted(Channel channel, string[] arguments)
    {
        using var writer = Writer.Open(arguments[0], Limits.Wait);
        int count = int.Parse(arguments[1], CultureInfo.InvariantCulture);
        for (int number = 0; number < count; ++number)
        {
            writer.Write(BitConverter.GetBytes(number));
            if (number % 100 == 0)
            {
                Thread.Sleep(1);
            }
        }
    }

    // Scenario 1.2, 4.10
    [Theory]
    [InlineData(Where.Thread)]
    [InlineData(Where.Process)]
    public async Task A_stream_is_awaited_whole_in_order_and_ends_with_the_writer(Where where)
    {
        using var reader = Reader.Create(Name, OneFrame);
        Peer writer = Start(where, WritesCounted, Name, "5000");
        int number = 0;
        await foreach (Frame frame in reader)
        {
            using (frame)
            {
                Assert.Equal(number++, BitConverter.ToInt32(frame.Span));
                Assert.Equal((ulong)number, frame.Sequence);
            }
        }
        Assert.Equal(5000, number);
        await Assert.ThrowsAsync<PeerClosedException>(() => reader.ReadAsync().AsTask());
        writer.Finish();
    }

    [Fact]
    public async Task A_frame_may_be_held_across_awaits_and_released_elsewhere()
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 10_000 });
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        for (int round = 0; round < 50; ++round)
        {
            await writer.WriteAsync(Bytes.Pattern(500, round));
            Frame frame = await reader.ReadAsync();
            using FrameMemory memory = frame.AsMemory();
            frame.Dispose();
            await Task.Yield();
            Assert.Equal(Bytes.Pattern(500, round), memory.Memory.ToArray());
        }
        Assert.True(writer.Drain(Limits.Wait));
    }

    [Fact]
    public async Task Awaiting_goes_on_with_a_successor_after_a_close()
    {
        using var reader = Reader.Create(Name, OneFrame);
        for (ulong generation = 1; generation <= 3; ++generation)
        {
            Task<ulong> last;
            using (var writer = Writer.Open(Name, TimeSpan.Zero))
            {
                last = LastOf(reader);
                await writer.WriteAsync("x"u8.ToArray());
            }
            Assert.Equal(generation, await last.WaitAsync(Limits.Wait));
        }
    }

    private static async Task<ulong> LastOf(Reader reader)
    {
        ulong last = 0;
        await foreach (Frame frame in reader)
        {
            last = frame.Sequence;
            frame.Dispose();
        }
        return last;
    }

    [Fact]
    public async Task Cancelling_races_with_writing_and_no_frame_is_lost()
    {
        using var reader = Reader.Create(Name, OneFrame);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        ulong last = 0;
        int cancelled = 0;
        for (int round = 0; round < 2000; ++round)
        {
            using var cancel = new CancellationTokenSource();
            Task<Frame> reading = reader.ReadAsync(cancel.Token).AsTask();
            Task racing = Task.Run(cancel.Cancel);
            Assert.True(writer.TryWrite("x"u8));
            await racing;
            try
            {
                using Frame frame = await reading.WaitAsync(Limits.Wait);
                Assert.Equal(++last, frame.Sequence);
            }
            catch (OperationCanceledException error)
            {
                Assert.Equal(cancel.Token, error.CancellationToken);
                ++cancelled;
                using Frame frame = await reader.ReadAsync();
                Assert.Equal(++last, frame.Sequence);
            }
        }
        Assert.Equal(2000ul, last);
        Assert.False(reader.TryRead(out _));
        Assert.InRange(cancelled, 0, 2000);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_token_ends_a_loop_at_once_also_one_that_was_cancelled_before(bool before)
    {
        using var reader = Reader.Create(Name, OneFrame);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        using var cancel = new CancellationTokenSource();
        if (before)
        {
            writer.Write("not taken"u8);
            await cancel.CancelAsync();
        }
        Task loop = Task.Run(async () =>
        {
            await foreach (Frame frame in reader.WithCancellation(cancel.Token))
            {
                frame.Dispose();
                Assert.Fail("there was no frame to take");
            }
        });
        if (!before)
        {
            await Task.Delay(50);
            await cancel.CancelAsync();
        }
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => loop.WaitAsync(Limits.Wait));
        Assert.Equal(before, reader.TryRead(out Frame left));
        left.Dispose();
    }

    // Scenario 1.3
    [Fact]
    public async Task Room_is_awaited_and_a_cancelled_wait_sends_nothing()
    {
        using var reader = Reader.Create(Name, OneFrame);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        writer.Write(new byte[1000]);
        using var cancel = new CancellationTokenSource();
        Task<bool> writing = writer.WriteAsync(new byte[1000], cancellationToken: cancel.Token).AsTask();
        Assert.False(writing.IsCompleted);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing.WaitAsync(Limits.Wait));
        Task<Claim> claiming = writer.ClaimAsync(1000).AsTask();
        Assert.False(claiming.IsCompleted);
        reader.Read().Dispose();
        using (Claim claim = await claiming.WaitAsync(Limits.Wait))
        {
            claim.Span.Fill(3);
            claim.CommitAll(tag: 3);
        }
        using Frame frame = await reader.ReadAsync();
        Assert.Equal((2ul, 3ul), (frame.Sequence, frame.Tag));
    }

    // Scenario 1.3
    [Fact]
    public async Task An_awaited_write_that_is_dropped_is_false()
    {
        using var reader = Reader.Create(Name, OneFrame);
        using var writer = Writer.Open(Name, TimeSpan.Zero, new BufferOptions { Full = FullPolicy.Drop });
        Assert.True(await writer.WriteAsync(new byte[1000]));
        Assert.False(await writer.WriteAsync(new byte[1000]));
        await Assert.ThrowsAsync<FrameDroppedException>(() => writer.ClaimAsync(1000).AsTask());
        Assert.Equal(2, writer.GetStats().Dropped);
    }

    // Scenario 1.1
    [Fact]
    public async Task Metadata_is_awaited_and_cancelled()
    {
        using var reader = Reader.Create(Name, OneFrame);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        using var cancel = new CancellationTokenSource(50);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => reader.ReadMetadataAsync(cancel.Token).AsTask().WaitAsync(Limits.Wait));
        Task<byte[]> metadata = reader.ReadMetadataAsync().AsTask();
        Assert.False(metadata.IsCompleted);
        writer.WriteMetadata("here it is"u8);
        Assert.Equal("here it is"u8.ToArray(), await metadata.WaitAsync(Limits.Wait));
    }

    // Scenario 3.5
    [Fact]
    public async Task An_awaiting_reader_that_holds_what_the_writer_needs_is_told()
    {
        using var reader = Reader.Create(Name, OneFrame);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        writer.Write(new byte[1000]);
        Frame held = await reader.ReadAsync();
        Task<bool> writing = writer.WriteAsync(new byte[1000]).AsTask();
        await Assert.ThrowsAsync<HeldFramesBlockException>(() => reader.ReadAsync().AsTask().WaitAsync(Limits.Wait));
        held.Dispose();
        Assert.True(await writing.WaitAsync(Limits.Wait));
        (await reader.ReadAsync()).Dispose();
    }

    [Fact]
    public async Task An_error_of_the_call_itself_is_no_wait()
    {
        using var reader = Reader.Create(Name, OneFrame);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        await Assert.ThrowsAsync<FrameTooLargeException>(() => writer.ClaimAsync(1 << 20).AsTask());
        await Assert.ThrowsAsync<FrameTooLargeException>(() => writer.WriteAsync(new byte[1 << 20]).AsTask());
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(async () => await writer.ClaimAsync(-1));
        using Claim claim = await writer.ClaimAsync(10);
        await Assert.ThrowsAsync<ClaimOpenException>(() => writer.ClaimAsync(10).AsTask());
    }

    [Fact]
    public async Task Three_hundred_readers_await_without_three_hundred_threads()
    {
        const int buffers = 5, each = 60;
        var readers = new List<Reader>();
        var writers = new List<Writer>();
        try
        {
            for (int i = 0; i < buffers; ++i)
            {
                writers.Add(Writer.Create($"{Name}-{i}", OneFrame with { MaxReaders = each }));
                readers.AddRange(Enumerable.Range(0, each).Select(_ => Reader.Open($"{Name}-{i}", TimeSpan.Zero)));
            }
            int before = Threads();
            Task<int>[] sums = [.. readers.Select(SumOf)];
            Assert.All(sums, sum => Assert.False(sum.IsCompleted));
            Assert.InRange(Threads(), 0, before + 50);
            for (byte round = 1; round <= 3; ++round)
            {
                writers.ForEach(writer => writer.Write([round]));
            }
            writers.ForEach(writer => writer.Dispose());
            Assert.All(await Task.WhenAll(sums).WaitAsync(Limits.Wait), sum => Assert.Equal(6, sum));
        }
        finally
        {
            writers.ForEach(writer => writer.Dispose());
            readers.ForEach(reader => reader.Dispose());
        }
    }

    private static async Task<int> SumOf(Reader reader)
    {
        int sum = 0;
        await foreach (Frame frame in reader)
        {
            using (frame)
            {
                sum += frame.Span[0];
            }
        }
        return sum;
    }

    private static int Threads() => Directory.EnumerateFileSystemEntries("/proc/self/task").Count();

    [Fact]
    public async Task Dispose_ends_awaited_calls_of_both_ends_from_another_thread()
    {
        for (int round = 0; round < 15; ++round)
        {
            var reader = Reader.Create(Name, OneFrame);
            var writer = Writer.Open(Name, TimeSpan.Zero);
            writer.Write(new byte[1000]);
            Task<Claim> claiming = writer.ClaimAsync(1000).AsTask();
            await Task.Run(writer.Dispose);
            await Assert.ThrowsAsync<ObjectDisposedException>(() => claiming.WaitAsync(Limits.Wait));
            reader.Read().Dispose();
            Assert.Throws<PeerClosedException>(() => reader.Read());
            using var second = Writer.Open(Name, TimeSpan.Zero);
            Task<Frame> reading = reader.ReadAsync().AsTask();
            await Task.Run(reader.Dispose);
            await Assert.ThrowsAsync<ObjectDisposedException>(() => reading.WaitAsync(Limits.Wait));
        }
    }

    [Fact]
    public async Task Interrupt_ends_an_awaited_call()
    {
        using var reader = Reader.Create(Name, OneFrame);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        writer.Write(new byte[1000]);
        Task<Claim> claiming = writer.ClaimAsync(1000).AsTask();
        writer.Interrupt();
        await Assert.ThrowsAsync<InterruptedWaitException>(() => claiming.WaitAsync(Limits.Wait));
        (await reader.ReadAsync()).Dispose();
        Task<Frame> reading = reader.ReadAsync().AsTask();
        reader.Interrupt();
        await Assert.ThrowsAsync<InterruptedWaitException>(() => reading.WaitAsync(Limits.Wait));
        writer.Write("and on"u8);
        (await reader.ReadAsync()).Dispose();
    }

    private static void CountsAllocations(Channel channel, string[] arguments)
    {
        long perRound = AllocatedPerRound(arguments[0]).GetAwaiter().GetResult();
        channel.Say(perRound.ToString(CultureInfo.InvariantCulture));
    }

    private static async Task<long> AllocatedPerRound(string name)
    {
        using var reader = Reader.Create(name, OneFrame);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        byte[] data = new byte[600];
        long before = 0;
        const int rounds = 20_000;
        Task writing = Task.Run(async () =>
        {
            for (int round = 0; round < 2 * rounds; ++round)
            {
                if (round == rounds)
                {
                    before = GC.GetTotalAllocatedBytes(precise: true);
                }
                await writer.WriteAsync(data);
            }
        });
        for (int round = 0; round < 2 * rounds; ++round)
        {
            using Frame frame = await reader.ReadAsync();
        }
        await writing;
        return (GC.GetTotalAllocatedBytes(precise: true) - before) / rounds;
    }

    [Fact]
    public void Awaiting_on_both_sides_allocates_nothing_per_frame_in_the_whole_process()
    {
        ProcessPeer counting = StartProcess(CountsAllocations, Name);
#if DEBUG
        const long most = 200; // the compiler makes classes of the state machines, so that a debugger can look at them
#else
        const long most = 0;
#endif
        Assert.InRange(long.Parse(counting.Hear(), CultureInfo.InvariantCulture), 0, most);
        counting.Finish();
    }
}
