// Awaiting: calls in lanes of their own and in a queue, cancelling, serving with handlers that await.
using System;
using System.Collections.Concurrent;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ZeroBuffer.Tests.Peers;
using Xunit;

namespace ZeroBuffer.Tests.Duplex;

public sealed class DuplexAsyncTests : DuplexTest
{
    // Scenario 6.1
    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public async Task Awaited_calls_are_answered_many_at_a_time(Kind kind)
    {
        using DuplexServer server = Serve(kind, Small with { Lanes = 4 });
        using DuplexClient client = Call();
        server.Start(Invert, threads: 2);
        Task[] callers = [.. Enumerable.Range(0, 20).Select(async caller =>
        {
            for (int i = 0; i < 50; ++i)
            {
                byte[] request = Bytes.Pattern(100 + caller, i);
                using Response answer = await client.CallAsync(request, type: 150);
                Assert.Equal(Inverted(request), answer.Span);
                Assert.Equal(150, answer.Type);
            }
        })];
        await Task.WhenAll(callers).WaitAsync(Limits.Wait);
        Assert.Equal((1000, 1000, 0), (client.GetStats().Requests, client.GetStats().Answers, client.GetStats().Late));
    }

    [Fact]
    public async Task Calls_that_find_every_lane_in_use_begin_in_the_order_in_which_they_came()
    {
        using DuplexServer server = Serve(Kind.Immutable, Small with { Lanes = 1 });
        using DuplexClient client = Call();
        Task<Response>[] calls = [.. Enumerable.Range(0, 50).Select(number => client.CallAsync(new[] { (byte)number }).AsTask())];
        for (byte number = 0; number < 50; ++number)
        {
            Assert.True(server.Take(Limits.Wait, out Request request));
            Assert.Equal([number], request.Data.ToArray());
            request.Write([number]);
            Assert.Equal([number], Taken(await calls[number].WaitAsync(Limits.Wait)));
        }
    }

    [Fact]
    public async Task A_cancelled_call_ends_at_once_in_the_queue_and_on_its_way()
    {
        using DuplexServer server = Serve(Kind.InPlace, Small with { Lanes = 1 });
        using DuplexClient client = Call();
        using var first = new CancellationTokenSource();
        using var second = new CancellationTokenSource();
        Task<Response> onItsWay = client.CallAsync("1"u8.ToArray(), cancellationToken: first.Token).AsTask();
        Task<Response> queued = client.CallAsync("2"u8.ToArray(), cancellationToken: second.Token).AsTask();
        Task<Response> last = client.CallAsync("3"u8.ToArray()).AsTask();
        await second.CancelAsync();
        OperationCanceledException cancelled = await Assert.ThrowsAnyAsync<OperationCanceledException>(() => queued.WaitAsync(Limits.Wait));
        Assert.Equal(second.Token, cancelled.CancellationToken);
        await first.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => onItsWay.WaitAsync(Limits.Wait));
        server.Start(Echo);
        Assert.Equal("3"u8.ToArray(), Taken(await last.WaitAsync(Limits.Wait)));
        Assert.Equal(1, client.GetStats().Late);
        Assert.True(client.CallAsync(default, cancellationToken: new CancellationToken(true)).IsCanceled);
    }

    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public async Task Cancelling_races_with_the_answer_and_no_caller_gets_anothers(Kind kind)
    {
        using DuplexServer server = Serve(kind);
        using DuplexClient client = Call();
        server.Start(Echo);
        int answered = 0;
        Task[] callers = [.. Enumerable.Range(0, 4).Select(async caller =>
        {
            for (int round = 0; round < 300; ++round)
            {
                using var cancel = new CancellationTokenSource();
                byte[] request = [(byte)caller, (byte)round, (byte)(round >> 8)];
                Task<Response> call = client.CallAsync(request, cancellationToken: cancel.Token).AsTask();
                Task racing = Task.Run(cancel.Cancel);
                try
                {
                    Assert.Equal(request, Taken(await call.WaitAsync(Limits.Wait)));
                    Interlocked.Increment(ref answered);
                }
                catch (OperationCanceledException)
                {
                    // the race was lost
                }
                await racing;
            }
        })];
        await Task.WhenAll(callers).WaitAsync(Limits.Wait);
        Assert.Equal("last"u8.ToArray(), Taken(await client.CallAsync("last"u8.ToArray())));
        DuplexStats stats = client.GetStats();
        Assert.Equal(answered + 1, stats.Answers);
        Assert.True(stats.Late <= stats.Requests - stats.Answers);
    }

    [Fact]
    public async Task Waiting_and_awaited_calls_share_the_lanes()
    {
        using DuplexServer server = Serve(Kind.Immutable);
        using DuplexClient client = Call();
        server.Start(Echo, threads: 2);
        Task threads = Task.WhenAll(Enumerable.Range(0, 2).Select(_ => Eventually.InAnotherThread(() =>
        {
            for (int i = 0; i < 500; ++i)
            {
                Assert.Equal([(byte)i], Taken(client.Call([(byte)i], Limits.Wait)));
            }
        })));
        Task awaits = Task.WhenAll(Enumerable.Range(0, 4).Select(async _ =>
        {
            for (int i = 0; i < 200; ++i)
            {
                Assert.Equal([(byte)i], Taken(await client.CallAsync(new[] { (byte)i })));
            }
        }));
        await Task.WhenAll(threads, awaits).WaitAsync(Limits.Wait);
    }

    [Fact]
    public async Task A_claim_is_awaited_too_and_its_answer_lies_where_it_was_written()
    {
        using DuplexServer server = Serve(Kind.InPlace);
        using DuplexClient client = Call();
        server.Start(Invert);
        for (int round = 0; round < 20; ++round)
        {
            RequestClaim claim = client.ClaimRequest(100, Limits.Wait);
            claim.Span.Fill((byte)round);
            nint written = AddressOf(claim.Span);
            using Response answer = await claim.CallAsync(type: 130);
            Assert.Equal(written, AddressOf(answer.Span));
            Assert.Equal(Bytes.Of(~round), answer.Span);
            Assert.False(claim.IsOpen);
            await Assert.ThrowsAsync<ObjectDisposedException>(async () => await claim.CallAsync());
        }
        Assert.Equal(0, client.GetStats().CopiedBytes);
    }

    private static unsafe nint AddressOf(ReadOnlySpan<byte> span)
    {
        fixed (byte* first = span)
        {
            return (nint)first;
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public async Task Handlers_may_await_one_or_several_at_a_time(int concurrency)
    {
        using DuplexServer server = Serve(Kind.Immutable, Small with { Lanes = 8 });
        using DuplexClient client = Call();
        using var cancel = new CancellationTokenSource();
        int inside = 0, most = 0;
        Task serving = server.ServeAsync(
            async (request, token) =>
            {
                int now = Interlocked.Increment(ref inside);
                lock (cancel)
                {
                    most = Math.Max(most, now);
                }
                await Task.Delay(5, token);
                Interlocked.Decrement(ref inside);
                if (request.Type == 128)
                {
                    throw new FormatException("refused");
                }
                request.Write(request.Data);
            },
            concurrency,
            cancel.Token);
        Task<Response>[] calls = [.. Enumerable.Range(0, 16).Select(number => client.CallAsync(new[] { (byte)number }).AsTask())];
        for (byte number = 0; number < 16; ++number)
        {
            Assert.Equal([number], Taken(await calls[number].WaitAsync(Limits.Wait)));
        }
        Assert.InRange(most, 1, concurrency);
        RemoteException error = await Assert.ThrowsAsync<RemoteException>(async () => await client.CallAsync("x"u8.ToArray(), 128));
        Assert.Equal("refused", error.Message);
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => serving.WaitAsync(Limits.Wait));
        Task<Response> late = client.CallAsync("stays"u8.ToArray()).AsTask();
        server.Start(Echo);
        Assert.Equal("stays"u8.ToArray(), Taken(await late.WaitAsync(Limits.Wait)));
    }

    [Fact]
    public async Task Requests_are_awaited_one_after_the_other()
    {
        using DuplexServer server = Serve(Kind.Immutable);
        using DuplexClient client = Call();
        RequestDispatcher handlers = new RequestDispatcher()
            .On(128, request => request.Write("now"u8))
            .OnAsync(129, async (request, token) =>
            {
                await Task.Yield();
                request.Write("later"u8);
            });
        using (var stop = new CancellationTokenSource())
        {
            Task<Request> none = server.TakeAsync(stop.Token).AsTask();
            Assert.Throws<ConcurrentUseException>(() => server.TakeAsync());
            await stop.CancelAsync();
            await Assert.ThrowsAnyAsync<OperationCanceledException>(() => none.WaitAsync(Limits.Wait));
        }
        using var cancel = new CancellationTokenSource();
        Task serving = Task.Run(async () =>
        {
            await foreach (Request request in server.WithCancellation(cancel.Token))
            {
                using (request)
                {
                    await handlers.HandleAsync(request, cancel.Token);
                }
            }
        });
        for (int i = 0; i < 100; ++i)
        {
            Assert.Equal("now"u8.ToArray(), Taken(await client.CallAsync(default, 128)));
            Assert.Equal("later"u8.ToArray(), Taken(client.Call(default, Limits.Wait, 129)));
        }
        await Assert.ThrowsAsync<RemoteException>(async () => await client.CallAsync(default, 130));
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => serving.WaitAsync(Limits.Wait));
    }

    [Fact]
    public async Task Disposing_a_server_ends_what_awaits_it()
    {
        for (int round = 0; round < 20; ++round)
        {
            DuplexServer server = Serve(Kind.Immutable);
            using DuplexClient client = Call();
            Task serving = server.ServeAsync(
                (request, token) =>
                {
                    request.Write(request.Data);
                    return ValueTask.CompletedTask;
                },
                round % 3 + 1);
            Assert.Equal("x"u8.ToArray(), Taken(await client.CallAsync("x"u8.ToArray())));
            server.Dispose();
            await Assert.ThrowsAsync<ObjectDisposedException>(() => serving.WaitAsync(Limits.Wait));
        }
    }

    [Fact]
    public async Task Answers_to_what_was_sent_are_awaited_in_order()
    {
        using DuplexServer server = Serve(Kind.InPlace);
        using DuplexClient client = Call();
        server.Start(Echo);
        var sequences = new ConcurrentQueue<ulong>();
        Task sending = Eventually.InAnotherThread(() =>
        {
            for (int number = 0; number < 500; ++number)
            {
                sequences.Enqueue(client.Send(BitConverter.GetBytes(number)));
            }
        });
        for (int number = 0; number < 500; ++number)
        {
            using Response answer = await client.ReceiveAsync().AsTask().WaitAsync(Limits.Wait);
            Assert.Equal(number, BitConverter.ToInt32(answer.Span));
        }
        sending.Join();
        using var cancel = new CancellationTokenSource();
        Task<Response> none = client.ReceiveAsync(cancel.Token).AsTask();
        Assert.Throws<ConcurrentUseException>(() => client.ReceiveAsync());
        await cancel.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => none.WaitAsync(Limits.Wait));
        client.Send("1234"u8);
        Assert.Equal("1234"u8.ToArray(), Taken(await client.ReceiveAsync()));
    }

    [Fact]
    public async Task A_call_is_awaited_once_and_fails_in_its_task()
    {
        using DuplexServer server = Serve(Kind.Immutable);
        using DuplexClient client = Call();
        ValueTask<Response> call = client.CallAsync("x"u8.ToArray());
        Assert.Throws<InvalidOperationException>(() => call.GetAwaiter().GetResult());
        server.Start(Echo);
        Assert.Equal("x"u8.ToArray(), Taken(await call));
        await Assert.ThrowsAsync<InvalidOperationException>(async () => await call);
        ValueTask<Response> tooLarge = client.CallAsync(new byte[1 << 20]);
        await Assert.ThrowsAsync<FrameTooLargeException>(async () => await tooLarge);
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

    private static async Task<string> ThreadAfterCall(DuplexClient client)
    {
        using (await client.CallAsync("x"u8.ToArray()))
        {
            return System.IO.File.ReadAllText("/proc/thread-self/comm").Trim();
        }
    }

    [Fact]
    public async Task What_follows_an_await_never_runs_in_the_thread_of_the_library()
    {
        using DuplexServer server = Serve(Kind.Immutable);
        using DuplexClient client = Call();
        SynchronizationContext? own = SynchronizationContext.Current;
        SynchronizationContext.SetSynchronizationContext(new AtOnce());
        Task<string> thread = ThreadAfterCall(client);
        SynchronizationContext.SetSynchronizationContext(own);
        server.Start(Echo);
        Assert.NotEqual("zerobuffer-wait", await thread.WaitAsync(Limits.Wait));
    }
}
