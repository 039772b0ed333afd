// Calls: what goes there comes back, of any size; errors; types; order; answers in place and into the caller's memory.
using System;
using System.Collections.Generic;
using System.Globalization;
using System.Linq;
using System.Text;
using System.Threading;
using System.Threading.Tasks;
using ZeroBuffer.Tests.Peers;
using Xunit;

namespace ZeroBuffer.Tests.Duplex;

public sealed class DuplexCallTests : DuplexTest
{
    private static void ServesUntilTold(Channel channel, string[] arguments)
    {
        var options = new DuplexOptions { RequestSize = 10 << 20, ResponseSize = 10 << 20, Lanes = 1 };
        using DuplexServer server = Serve(Enum.Parse<Kind>(arguments[1]), arguments[0], options);
        server.Start(Invert);
        channel.Say("serving");
        channel.Hear();
    }

    // Scenario 6.1
    [Theory]
    [InlineData(Kind.Immutable, Where.Thread)]
    [InlineData(Kind.InPlace, Where.Thread)]
    [InlineData(Kind.Immutable, Where.Process)]
    [InlineData(Kind.InPlace, Where.Process)]
    public void Requests_of_any_size_are_answered(Kind kind, Where where)
    {
        Peer server = Start(where, ServesUntilTold, Name, kind.ToString());
        Assert.Equal("serving", server.Hear());
        using (DuplexClient client = Call())
        {
            Assert.Equal((kind == Kind.InPlace, false), (client.Info.InPlace, client.Info.Created));
            foreach (int size in new[] { 0, 1, 1 << 10, 100 << 10, 10 << 20 })
            {
                byte[] request = Bytes.Pattern(size, size);
                using Response answer = client.Call(request, Limits.Wait, type: 130, tag: 7);
                Assert.Equal(Inverted(request), answer.Span);
                Assert.Equal(130, answer.Type);
            }
        }
        server.Say("enough");
        server.Finish();
    }

    // Scenario 6.2
    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public void Many_requests_on_their_way_are_correlated_by_their_sequence(Kind kind)
    {
        using DuplexServer server = Serve(kind);
        using DuplexClient client = Call();
        server.Start(Echo, threads: 2);
        var sent = new Queue<(ulong Sequence, byte[] Bytes)>();
        using var posted = new SemaphoreSlim(0);
        Task sending = Eventually.InAnotherThread(() =>
        {
            for (int number = 0; number < 2000; ++number)
            {
                byte[] request = Bytes.Pattern(number % 500, number);
                Assert.True(client.Send(request, Limits.Wait, out ulong sequence));
                lock (sent)
                {
                    sent.Enqueue((sequence, request));
                }
                posted.Release();
            }
        });
        for (int number = 0; number < 2000; ++number)
        {
            Assert.True(client.Receive(Limits.Wait, out Response answer));
            Assert.True(posted.Wait(Limits.Wait));
            lock (sent)
            {
                (ulong sequence, byte[] bytes) = sent.Dequeue();
                Assert.Equal(sequence, answer.Sequence);
                Assert.Equal(bytes, answer.Span);
            }
            answer.Dispose();
        }
        sending.Join();
        Assert.False(client.Receive(TimeSpan.Zero, out _));
    }

    // Scenario 6.2
    [Fact]
    public void A_request_built_in_place_is_sent_without_a_copy()
    {
        using DuplexServer server = Serve(Kind.InPlace);
        using DuplexClient client = Call();
        server.Start(Echo);
        ulong first;
        using (RequestClaim claim = client.ClaimSend(100, Limits.Wait))
        {
            claim.Span.Fill(3);
            Assert.Throws<InvalidArgumentException>(() => claim.Call(Limits.Wait));
            Assert.True(claim.IsOpen);
            first = claim.Send(10, type: 140, tag: 2);
            Assert.False(claim.IsOpen);
        }
        client.ClaimSend(100, Limits.Wait).Dispose();
        ulong second = client.Send("second"u8);
        using Response one = client.Receive();
        using Response two = client.Receive();
        Assert.Equal((first, 10L, (ushort)140), (one.Sequence, one.Length, one.Type));
        Assert.Equal(second, two.Sequence);
        Assert.Equal("second"u8, two.Span);
    }

    // Scenario 6.3
    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public void A_slow_handler_keeps_the_order_of_answers(Kind kind)
    {
        using DuplexServer server = Serve(kind);
        using DuplexClient client = Call();
        server.Start(
            request =>
            {
                Thread.Sleep(request.Data[0] % 3 == 0 ? 20 : 0);
                Echo(request);
            },
            threads: 4);
        for (byte number = 0; number < 20; ++number)
        {
            client.Send([number]);
        }
        for (byte number = 0; number < 20; ++number)
        {
            Assert.Equal([number], Taken(client.Receive()));
        }
    }

    // Scenario 6.4
    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public async Task What_a_handler_throws_is_what_the_caller_gets_and_the_next_request_works(Kind kind)
    {
        using DuplexServer server = Serve(kind);
        using DuplexClient client = Call();
        server.Start(request =>
        {
            if (request.Type == 128)
            {
                throw new InvalidOperationException("no such thing as “" + Encoding.UTF8.GetString(request.Data) + "”");
            }
            Echo(request);
        });
        RemoteException error = Assert.Throws<RemoteException>(() => client.Call("a unicorn"u8, Limits.Wait, type: 128));
        Assert.Equal("no such thing as “a unicorn”", error.Message);
        Assert.Equal("fine"u8.ToArray(), Taken(client.Call("fine"u8, Limits.Wait)));
        error = await Assert.ThrowsAsync<RemoteException>(async () => await client.CallAsync("awaited"u8.ToArray(), 128));
        Assert.Equal("no such thing as “awaited”", error.Message);
        ulong sequence = client.Send("sent"u8, type: 128);
        error = Assert.Throws<RemoteException>(() => client.Receive());
        Assert.Equal((sequence, Status.RemoteError), (error.Sequence, error.Status));
        client.Send("fine"u8);
        Assert.Equal("fine"u8.ToArray(), Taken(client.Receive()));
        Assert.Equal(1, server.Running);
        Assert.Equal(3, server.GetStats().Errors);
    }

    // Scenario 6.4
    [Fact]
    public void A_request_that_nobody_answers_is_an_error_and_no_empty_success()
    {
        using DuplexServer server = Serve(Kind.Immutable);
        using DuplexClient client = Call();
        server.Start(request => { });
        Assert.Contains("no answer", Assert.Throws<RemoteException>(() => client.Call("x"u8, Limits.Wait)).Message, StringComparison.Ordinal);
        server.Stop();
        server.Start(request => request.Respond(0));
        Assert.Empty(Taken(client.Call("x"u8, Limits.Wait))); // an empty answer that was given
    }

    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public void A_request_may_be_refused_with_a_text_of_any_length(Kind kind)
    {
        using DuplexServer server = Serve(kind);
        using DuplexClient client = Call();
        server.Start(request => request.Fail(new string('ä', (int)request.Tag)));
        foreach (int length in new[] { 0, 1, 100, 128 })
        {
            Assert.Equal(new string('ä', length), Assert.Throws<RemoteException>(() => client.Call("x"u8, Limits.Wait, tag: (ulong)length)).Message);
        }
        string cut = Assert.Throws<RemoteException>(() => client.Call("x"u8, Limits.Wait, tag: 100_000)).Message;
        Assert.True(cut.Length >= 128 && cut.All(letter => letter == 'ä'), "cut, and never within a character");
    }

    [Fact]
    public void Requests_go_to_the_handler_of_their_type_and_unknown_ones_are_refused()
    {
        using DuplexServer server = Serve(Kind.Immutable);
        using DuplexClient client = Call();
        RequestDispatcher handlers = new RequestDispatcher()
            .On(128, request => request.Write("one"u8))
            .On(129, request => request.Write("two"u8, 200))
            .OnAsync(130, async (request, token) =>
            {
                await Task.Yield();
                request.Write("three"u8);
            });
        server.Start(handlers.Handle, threads: 2);
        Assert.Equal("one"u8.ToArray(), Taken(client.Call("x"u8, Limits.Wait, 128)));
        using (Response two = client.Call("x"u8, Limits.Wait, 129))
        {
            Assert.Equal("two"u8, two.Span);
            Assert.Equal(200, two.Type);
        }
        Assert.Contains("131", Assert.Throws<RemoteException>(() => client.Call("x"u8, Limits.Wait, 131)).Message, StringComparison.Ordinal);
        Assert.Contains("ServeAsync", Assert.Throws<RemoteException>(() => client.Call("x"u8, Limits.Wait, 130)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => handlers.On(128, Echo));
    }

    // Scenario 6.8
    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public void Answers_may_be_longer_than_the_request_or_empty(Kind kind)
    {
        using DuplexServer server = Serve(kind);
        using DuplexClient client = Call();
        server.Start(request =>
        {
            int size = (int)request.Tag;
            byte first = request.Data.Length == 0 ? (byte)0 : request.Data[0];
            request.Claim(size).Fill(first);
            request.Respond(size);
        });
        Assert.Equal(Bytes.Of(5, 9000), Taken(client.Call([5], Limits.Wait, tag: 9000, responseCapacity: 9000)));
        Assert.Equal(Bytes.Of(6, 256), Taken(client.Call([6], Limits.Wait, tag: 256)));
        Assert.Empty(Taken(client.Call([7], Limits.Wait, tag: 0)));
        Assert.Empty(Taken(client.Call(default, Limits.Wait, tag: 0)));
        Assert.Equal(Bytes.Of(8, 9000), Taken(Claimed(client, 9000)));
        if (kind == Kind.InPlace)
        {
            RemoteException error = Assert.Throws<RemoteException>(() => client.Call([9], Limits.Wait, tag: 9000));
            Assert.Contains("9000", error.Message, StringComparison.Ordinal);
        }
        Assert.Throws<FrameTooLargeException>(() => client.Call(new byte[100_000], Limits.Wait));
        Assert.Equal(Bytes.Of(1, 1), Taken(client.Call([1], Limits.Wait, tag: 1)));

        static Response Claimed(DuplexClient client, int size)
        {
            using RequestClaim claim = client.ClaimRequest(100, Limits.Wait, responseCapacity: size);
            claim.Span[0] = 8;
            return claim.Call(Limits.Wait, length: 1, tag: (ulong)size);
        }
    }

    // Scenario 6.8
    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public void An_answer_that_does_not_fit_leaves_the_request_to_be_answered(Kind kind)
    {
        using DuplexServer server = Serve(kind);
        using DuplexClient client = Call();
        client.Send("12345"u8);
        Request request = server.Take();
        Assert.Throws<FrameTooLargeException>(() => request.Claim(1 << 20));
        Assert.Throws<FrameTooLargeException>(() => request.Write(new byte[1 << 20]));
        request.Claim(5);
        Assert.Throws<InvalidArgumentException>(() => request.Respond(1 << 20));
        Assert.False(request.IsAnswered);
        request.Write("fits"u8);
        Assert.True(request.IsAnswered);
        Assert.Equal("fits"u8.ToArray(), Taken(client.Receive()));
    }

    // Scenario 6.9
    [Fact]
    public unsafe void In_place_the_answer_lies_where_the_request_was_written_and_nothing_is_copied()
    {
        using DuplexServer server = Serve(Kind.InPlace);
        using DuplexClient client = Call();
        server.Start(request =>
        {
            foreach (ref byte value in request.Bytes)
            {
                value = (byte)~value;
            }
        });
        for (int round = 0; round < 100; ++round)
        {
            using RequestClaim claim = client.ClaimRequest(5000, Limits.Wait);
            claim.Span.Fill((byte)round);
            fixed (byte* written = claim.Span)
            {
                using Response answer = claim.Call(Limits.Wait);
                fixed (byte* read = answer.Span)
                {
                    Assert.Equal((nint)written, (nint)read);
                }
                Assert.Equal(Bytes.Of(~round, 5000), answer.Span);
            }
        }
        Assert.Equal((0, 0), (client.GetStats().CopiedBytes, server.GetStats().CopiedBytes));
    }

    [Fact]
    public void An_in_place_channel_needs_half_the_memory_of_a_two_ring_one()
    {
        var options = new DuplexOptions { RequestSize = 4 << 20, ResponseSize = 4 << 20, CallbackSize = 0, Lanes = 2 };
        using DuplexServer two = Serve(Kind.Immutable, options);
        using DuplexServer one = Serve(Kind.InPlace, Name + "-one", options);
        Assert.InRange((double)one.Info.SegmentSize / two.Info.SegmentSize, 0.49, 0.51);
    }

    // Scenario 6.11
    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public void A_buffer_that_is_too_small_is_told_the_needed_size_and_nothing_is_lost(Kind kind)
    {
        using DuplexServer server = Serve(kind);
        using DuplexClient client = Call();
        server.Start(Invert);
        byte[] request = Bytes.Pattern(500, 1), room = new byte[600];
        Received received = client.CallInto(request, room, Limits.Wait, type: 129);
        Assert.Equal((500, (ushort)129), (received.Length, received.Type));
        Assert.Equal(Inverted(request), room[..500]);
        BufferTooSmallException error = Assert.Throws<BufferTooSmallException>(() => client.CallInto(request, room.AsSpan(0, 499), Limits.Wait));
        Assert.Equal(500, error.Needed);
        Assert.Equal(Inverted(request), error.Response.Span);
        error.Response.Dispose();
        Assert.True(error.Response.IsReleased);

        ulong sequence = client.Send(request);
        error = Assert.Throws<BufferTooSmallException>(() => client.ReceiveInto(room.AsSpan(0, 10), Limits.Wait, out _));
        Assert.Equal((500L, true), (error.Needed, error.Response.IsReleased));
        Array.Clear(room);
        Assert.True(client.ReceiveInto(room, Limits.Wait, out received));
        Assert.Equal((500, sequence), (received.Length, received.Sequence));
        Assert.Equal(Inverted(request), room[..500]);
        Assert.False(client.ReceiveInto(room, TimeSpan.Zero, out _));
        Assert.Throws<TimeoutException>(() =>
        {
            server.Stop();
            client.CallInto(request, room, TimeSpan.FromMilliseconds(20));
        });
    }

    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public void A_late_answer_is_never_given_to_the_next_caller(Kind kind)
    {
        using DuplexServer server = Serve(kind, Small with { Lanes = 1 });
        using DuplexClient client = Call();
        for (byte round = 0; round < 50; ++round)
        {
            Assert.False(client.Call([round, 0], TimeSpan.FromMilliseconds(1), out _));
            Request late = server.Take();
            Task<byte[]> next = Eventually.InAnotherThread(() => Taken(client.Call([round, 1], Limits.Wait)));
            late.Write([99]);
            server.Take(Limits.Wait, out Request request);
            Assert.Equal([round, 1], request.Data.ToArray());
            request.Write([round, 2]);
            Assert.Equal([round, 2], next.Result());
        }
        Assert.Throws<TimeoutException>(() => client.Call("x"u8, TimeSpan.FromMilliseconds(1)));
        Assert.Equal(50, client.GetStats().Late);
    }

    [Fact]
    public void Threads_of_one_client_do_not_queue_behind_each_other()
    {
        using DuplexServer server = Serve(Kind.InPlace, Small with { Lanes = 4 });
        using DuplexClient client = Call();
        using var slow = new ManualResetEventSlim();
        server.Start(
            request =>
            {
                if (request.Type == 128)
                {
                    slow.Wait(Limits.Wait);
                }
            },
            threads: 2);
        Task<byte[]> held = Eventually.InAnotherThread(() => Taken(client.Call("slow"u8, Limits.Wait, 128)));
        Task[] callers = [.. Enumerable.Range(0, 3).Select(caller => Eventually.InAnotherThread(() =>
        {
            for (int i = 0; i < 500; ++i)
            {
                byte[] request = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{caller}: {i}"));
                Assert.Equal(request, Taken(client.Call(request, Limits.Wait)));
            }
        }))];
        Array.ForEach(callers, caller => caller.Join());
        Assert.False(held.IsCompleted);
        slow.Set();
        Assert.Equal("slow"u8.ToArray(), held.Result());
        Assert.InRange(client.GetStats().Lanes, 2, 4);
    }

    [Fact]
    public void A_client_without_a_free_lane_is_told()
    {
        using DuplexServer server = Serve(Kind.Immutable);
        using DuplexClient client = Call(Small with { ClientLanes = 1 });
        using RequestClaim claim = client.ClaimRequest(10, Limits.Wait);
        Assert.Throws<LanesBusyException>(() => client.Call("x"u8, TimeSpan.FromMilliseconds(20)));
        Assert.Throws<LanesBusyException>(() => client.ClaimRequest(10, TimeSpan.Zero));
        Assert.False(client.Call("x"u8, TimeSpan.Zero, out _));
        using DuplexClient other = Call();
        Assert.Throws<LanesBusyException>(() => DuplexClient.Open(Name, TimeSpan.Zero));
        claim.Dispose();
        server.Start(Echo);
        Assert.Equal("x"u8.ToArray(), Taken(client.Call("x"u8, Limits.Wait)));
    }
}
