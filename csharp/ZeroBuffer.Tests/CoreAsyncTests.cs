// Awaiting: frames, metadata and room, and everything that ends an await early.
using System;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace ZeroBuffer.Tests;

public sealed class CoreAsyncTests
{
    private static readonly BufferOptions Small = new() { PayloadSize = 4 << 10 };

    [Fact]
    public async Task An_awaited_frame_comes_when_it_is_written()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        for (int i = 0; i < 1000; ++i)
        {
            ValueTask<Frame> next = reader.ReadAsync();
            Assert.False(next.IsCompleted);
            writer.Write(BitConverter.GetBytes(i));
            using Frame frame = await next.AsTask().WaitAsync(Support.Watchdog);
            Assert.Equal(i, BitConverter.ToInt32(frame.Span));
        }
    }

    [Fact]
    public async Task A_whole_stream_is_awaited_in_order_while_the_writer_awaits_room()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        Task writing = Task.Run(async () =>
        {
            using var writer = Writer.Open(name, TimeSpan.Zero);
            byte[] data = new byte[1000];
            for (int i = 0; i < 2000; ++i)
            {
                BitConverter.TryWriteBytes(data, i);
                if (i % 2 == 0)
                {
                    Assert.True(await writer.WriteAsync(data));
                }
                else
                {
                    using Claim claim = await writer.ClaimAsync(data.Length);
                    data.CopyTo(claim.Span);
                    claim.CommitAll();
                }
            }
        });
        int count = 0;
        using var watchdog = new CancellationTokenSource(Support.Watchdog);
        await foreach (Frame frame in reader.WithCancellation(watchdog.Token))
        {
            using (frame)
            {
                Assert.Equal(count++, BitConverter.ToInt32(frame.Span));
            }
            if (count % 100 == 0)
            {
                await Task.Yield();
            }
        }
        await writing;
        Assert.Equal(2000, count);
    }

    [Fact]
    public async Task A_cancelled_await_ends_at_once_and_loses_no_frame()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        ulong expected = 1;
        for (int i = 0; i < 500; ++i)
        {
            using var cancel = new CancellationTokenSource();
            ValueTask<Frame> next = reader.ReadAsync(cancel.Token);
            Task writing = Task.Run(() => writer.Write("x"u8));
            Task cancelling = Task.Run(cancel.Cancel);
            try
            {
                using Frame frame = await next.AsTask().WaitAsync(Support.Watchdog);
                Assert.Equal(expected, frame.Sequence);
            }
            catch (OperationCanceledException cancelled)
            {
                Assert.Equal(cancel.Token, cancelled.CancellationToken);
                Assert.True(reader.Read(Support.Watchdog, out Frame frame));
                Assert.Equal(expected, frame.Sequence);
                frame.Dispose();
            }
            ++expected;
            await writing;
            await cancelling;
        }
        Task before = reader.ReadAsync(new CancellationToken(canceled: true)).AsTask();
        Assert.True(before.IsCanceled);
    }

    [Fact]
    public async Task Disposing_ends_an_await_and_so_does_an_interrupt()
    {
        string name = Support.UniqueName();
        var reader = Reader.Create(name, Small);
        Task<Frame> waiting = reader.ReadAsync().AsTask();
        Assert.Throws<ConcurrentUseException>(() => reader.TryRead(out _));
        reader.Interrupt();
        await Assert.ThrowsAsync<InterruptedWaitException>(() => waiting.WaitAsync(Support.Watchdog));
        waiting = reader.ReadAsync().AsTask();
        reader.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => waiting.WaitAsync(Support.Watchdog));
    }

    [Fact]
    public async Task A_reader_can_be_disposed_while_a_result_was_not_fetched()
    {
        string name = Support.UniqueName();
        var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        ValueTask<Frame> next = reader.ReadAsync();
        writer.Write("late"u8);
        SpinWait.SpinUntil(() => next.IsCompleted, Support.Watchdog);
        reader.Dispose();
        using Frame frame = await next;
        Assert.Equal("late"u8, frame.Span);
    }

    [Fact]
    public async Task Metadata_and_the_end_of_the_stream_are_awaited_too()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        var writer = Writer.Open(name, TimeSpan.Zero);
        Task<byte[]> metadata = reader.ReadMetadataAsync().AsTask();
        writer.WriteMetadata("about"u8);
        Assert.Equal("about"u8.ToArray(), await metadata.WaitAsync(Support.Watchdog));
        await using var frames = reader.GetAsyncEnumerator();
        Task<bool> more = frames.MoveNextAsync().AsTask();
        writer.Dispose();
        Assert.False(await more.WaitAsync(Support.Watchdog));
        Assert.False(await frames.MoveNextAsync());
        await Assert.ThrowsAsync<PeerClosedException>(() => reader.ReadAsync().AsTask());
    }

    [Fact]
    public async Task An_await_of_room_can_be_cancelled_and_the_writer_goes_on()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        byte[] data = new byte[1000];
        while (writer.TryWrite(data))
        {
        }
        using (var cancel = new CancellationTokenSource())
        {
            Task<bool> writing = writer.WriteAsync(data, cancellationToken: cancel.Token).AsTask();
            await cancel.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => writing.WaitAsync(Support.Watchdog));
        }
        Task<Claim> claiming = writer.ClaimAsync(1000).AsTask();
        reader.Read().Dispose();
        using Claim claim = await claiming.WaitAsync(Support.Watchdog);
        Assert.Equal(1000, claim.Length);
    }
}
