// What careless use must not break: things used after their end, awaited twice, closed while others look.
using System;
using System.Buffers;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using Xunit;
using ZeroBuffer.Tests.Peers;

namespace ZeroBuffer.Tests;

public sealed class MisuseTests : BufferTest
{
    private static readonly BufferOptions Small = new() { PayloadSize = 4 << 10 };

    [Fact]
    public void Memory_that_was_disposed_cannot_be_pinned_and_the_next_frames_are_unharmed()
    {
        using var reader = Reader.Create(Name, Small);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        for (int i = 0; i < 300; ++i)
        {
            writer.Write(BitConverter.GetBytes(i));
            Frame frame = reader.Read();
            FrameMemory memory = frame.AsMemory();
            ReadOnlyMemory<byte> kept = memory.Memory;
            memory.Dispose();
            frame.Dispose();
            Assert.Throws<ObjectDisposedException>(() => kept.Pin());
            writer.Write(BitConverter.GetBytes(i));
            Frame next = reader.Read();
            Assert.Equal(i, BitConverter.ToInt32(next.Span));
            next.Dispose();
            Assert.True(next.IsReleased);
            Assert.Equal(0, reader.GetStats().Held);
        }
    }

    [Fact]
    public async Task Awaiting_a_move_twice_spoils_no_later_one()
    {
        using var reader = Reader.Create(Name, Small);
        var writer = Writer.Open(Name, TimeSpan.Zero);
        await using var frames = reader.GetAsyncEnumerator();
        ValueTask<bool> first = frames.MoveNextAsync();
        Assert.False(first.IsCompleted);
        Assert.Throws<InvalidOperationException>(() => first.GetAwaiter().GetResult()); // too early, a common mistake
        writer.Write("1"u8);
        Assert.True(await first);
        frames.Current.Dispose();
        ValueTask<bool> second = frames.MoveNextAsync();
        Assert.False(second.IsCompleted);
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await first); // again, too late
        writer.Write("2"u8);
        Assert.True(await second);
        Assert.Equal("2"u8, frames.Current.Span);
        frames.Current.Dispose();
        ValueTask<bool> last = frames.MoveNextAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await second);
        writer.Dispose();
        Assert.False(await last);
    }

    [Fact]
    public async Task A_result_is_fetched_once()
    {
        using var reader = Reader.Create(Name, Small);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        ValueTask<byte[]> metadata = reader.ReadMetadataAsync();
        writer.WriteMetadata("about"u8);
        Assert.Equal("about"u8.ToArray(), await metadata);
        ValueTask<Frame> read = reader.ReadAsync();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await metadata);
        writer.Write("x"u8);
        Eventually.True(() => read.IsCompleted, "the frame comes");
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await metadata); // ends no call but its own
        Assert.Throws<ConcurrentUseException>(() => reader.TryRead(out _));
        (await read).Dispose();
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await read);
        Assert.False(reader.TryRead(out _));
    }

    /// <summary>Runs what is posted at once, in the thread that posts, as contexts of tests often do.</summary>
    private sealed class AtOnce : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state)
        {
            SetSynchronizationContext(this);
            d(state);
        }
    }

    private static async Task<string> ThreadAfterRead(Reader reader)
    {
        using (await reader.ReadAsync())
        {
            return ThreadName();
        }
    }

    private static string ThreadName() => System.IO.File.ReadAllText("/proc/thread-self/comm").Trim();

    [Fact]
    public async Task What_follows_an_await_never_runs_in_the_thread_of_the_library()
    {
        using var reader = Reader.Create(Name, Small);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        SynchronizationContext? own = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(new AtOnce());
        Task<string> thread = ThreadAfterRead(reader);
        SynchronizationContext.SetSynchronizationContext(own);
        writer.Write("x"u8);
        Assert.NotEqual("zerobuffer-wait", await thread.WaitAsync(Limits.Wait));
    }

    [Fact]
    public void A_buffer_is_left_when_Dispose_returns_also_while_others_look_at_the_counters()
    {
        for (int round = 0; round < 10; ++round)
        {
            var reader = Reader.Create(Name, Small);
            var writer = Writer.Open(Name, TimeSpan.Zero);
            bool end = false;
            Thread[] lookers = [.. Enumerable.Range(0, 2).Select(i => new Thread(() =>
            {
                while (!Volatile.Read(ref end))
                {
                    _ = i == 0 ? reader.GetStats().Frames : writer.GetStats().Frames;
                }
            }) { IsBackground = true })];
            foreach (Thread looker in lookers)
            {
                looker.Start();
            }
            writer.Write("x"u8);
            writer.Write("y"u8);
            reader.Dispose();
            long unread = writer.Close(TimeSpan.Zero);
            bool gone = !System.IO.File.Exists(File);
            Volatile.Write(ref end, true);
            foreach (Thread looker in lookers)
            {
                looker.Join();
            }
            Assert.Equal(2, unread);
            Assert.True(gone, $"round {round}: the file is still there");
        }
    }

    [Fact]
    public void Spans_of_a_forgotten_frame_never_fault()
    {
        using var writer = Writer.Create(Name, Small);
        writer.Write("x"u8);
        nint address = Forgotten(Name);
        Eventually.True(
            () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return writer.GetStats().Readers == 0;
            },
            "the frame is given back");
        GC.Collect();
        GC.WaitForPendingFinalizers();
        Assert.Contains(
            System.IO.File.ReadLines("/proc/self/maps"),
            line => Range(line) is var (from, to) && (ulong)address >= from && (ulong)address < to);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static unsafe nint Forgotten(string name)
    {
        using var reader = Reader.Open(name, TimeSpan.Zero);
        return (nint)Unsafe.AsPointer(ref Unsafe.AsRef(in reader.Read().Span[0]));
    }

    private static (ulong, ulong) Range(string line)
    {
        string[] ends = line[..line.IndexOf(' ', StringComparison.Ordinal)].Split('-');
        return (Convert.ToUInt64(ends[0], 16), Convert.ToUInt64(ends[1], 16));
    }

    [Fact]
    public void Metadata_that_was_written_is_no_failure_whatever_it_says()
    {
        using var reader = Reader.Create(Name, Small);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        byte[] later = [.. "{\"zerobuffer_schema\":2,\"kind\":\"array\"}"u8];
        writer.WriteMetadata(later);
        Assert.Equal(later, reader.ReadMetadata(TimeSpan.Zero));
        writer.WriteArray<int>([1, 2], [2]);
        using Frame frame = reader.Read();
        Assert.Equal([1, 2], frame.AsArray().ToArray<int>());
    }

    [Fact]
    public async Task A_second_writer_thread_cannot_break_an_awaited_write()
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 32 << 20 });
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        byte[] data = new byte[20 << 20];
        bool end = false;
        Task intruder = Eventually.InAnotherThread(() =>
        {
            while (!Volatile.Read(ref end))
            {
                try
                {
                    writer.ForgetDeadReaders();
                }
                catch (ConcurrentUseException)
                {
                }
            }
        });
        Task reading = Eventually.InAnotherThread(() =>
        {
            for (int i = 0; i < 10; ++i)
            {
                reader.Read().Dispose();
            }
        });
        int sent = 0;
        while (sent < 10)
        {
            ValueTask<bool> writing;
            try
            {
                writing = writer.WriteAsync(data);
            }
            catch (ConcurrentUseException)
            {
                continue;
            }
            Assert.True(await writing);
            ++sent;
        }
        Volatile.Write(ref end, true);
        await intruder.WaitAsync(Limits.Wait);
        await reading.WaitAsync(Limits.Wait);
    }

    [Fact]
    public async Task A_failure_of_an_awaited_call_is_in_its_task_whenever_it_is_found()
    {
        using var reader = Reader.Create(Name, Small);
        reader.Interrupt();
        ValueTask<Frame> read = reader.ReadAsync();
        await Assert.ThrowsAsync<InterruptedWaitException>(async () => await read);
    }

    [Fact]
    public async Task The_longest_timeouts_do_wait()
    {
        using var reader = Reader.Create(Name, Small);
        foreach (TimeSpan timeout in new[]
            { TimeSpan.MaxValue, TimeSpan.FromTicks(long.MaxValue / 100), TimeSpan.FromTicks((long.MaxValue / 100) + 1) })
        {
            Task<bool> reading = Eventually.InAnotherThread(() => reader.Read(timeout, out _));
            Assert.NotEqual(reading, await Task.WhenAny(reading, Task.Delay(50)));
            reader.Interrupt();
            await Assert.ThrowsAsync<InterruptedWaitException>(() => reading.WaitAsync(Limits.Wait));
        }
    }
}
