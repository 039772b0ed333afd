// Life and death of clients and servers: killed, stopped, replaced, closed while others wait, forgotten.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using ZeroBuffer.Tests.Peers;
using Xunit;

namespace ZeroBuffer.Tests.Duplex;

public sealed class DuplexLifeTests : DuplexTest
{
    private static void TakesThenStays(Channel channel, string[] arguments)
    {
        DuplexServer server = Serve(Enum.Parse<Kind>(arguments[1]), arguments[0], Small with { ExistOk = true });
        channel.Say("there");
        Request request = server.Take();
        if (request.InPlace)
        {
            request.Bytes[0] = (byte)'h'; // half of the work
        }
        channel.Say("taken");
        channel.Hear();
        GC.KeepAlive(server);
    }

    // Scenario 6.5
    [Theory]
    [InlineData(Kind.Immutable, "wait")]
    [InlineData(Kind.InPlace, "wait")]
    [InlineData(Kind.Immutable, "await")]
    [InlineData(Kind.InPlace, "await")]
    public void A_server_killed_in_its_handler_is_told_and_a_successor_goes_on(Kind kind, string how)
    {
        ProcessPeer first = StartProcess(TakesThenStays, Name, kind.ToString());
        Assert.Equal("there", first.Hear());
        using DuplexClient client = Call();
        Task<byte[]> calling = how == "wait"
            ? Eventually.InAnotherThread(() => Taken(client.Call("abc"u8, Limits.Wait)))
            : Task.Run(async () => Taken(await client.CallAsync("abc"u8.ToArray())));
        Assert.Equal("taken", first.Hear());
        client.Send("waits"u8);
        first.Kill();
        Assert.Throws<PeerDeadException>(() => calling.Result());

        using DuplexServer second = Serve(kind, Small with { ExistOk = true });
        second.Start(Invert);
        Assert.Equal(Inverted("next"u8.ToArray()), Taken(client.Call("next"u8, Limits.Wait)));
        Response answer;
        try
        {
            answer = client.Receive(); // what nobody had begun was answered
        }
        catch (PeerDeadException)
        {
            answer = client.Receive(); // told once for this lane too
        }
        Assert.Equal(Inverted("waits"u8.ToArray()), Taken(answer));
    }

    // Scenario 6.5
    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public void What_a_dead_server_had_begun_is_answered_with_an_error_by_its_successor(Kind kind)
    {
        ProcessPeer first = StartProcess(TakesThenStays, Name, kind.ToString());
        Assert.Equal("there", first.Hear());
        using DuplexClient client = Call();
        client.Send("abc"u8);
        Assert.Equal("taken", first.Hear());
        first.Kill();
        Assert.Throws<PeerDeadException>(() => client.Receive());
        using DuplexServer second = Serve(kind, Small with { ExistOk = true });
        second.Start(Echo);
        Assert.Contains("died", Assert.Throws<RemoteException>(() => client.Receive()).Message, StringComparison.Ordinal);
        Assert.Equal("next"u8.ToArray(), Taken(client.Call("next"u8, Limits.Wait)));
    }

    private static void CallsThenStays(Channel channel, string[] arguments)
    {
        DuplexClient client = DuplexClient.Open(arguments[0], Limits.Wait, Small);
        Response held = client.Call("first"u8, Limits.Wait);
        client.Send("on its way"u8);
        channel.Say("called");
        channel.Hear();
        GC.KeepAlive(client);
        held.Dispose();
    }

    // Scenario 6.6
    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public void A_server_goes_on_with_the_next_client_when_one_is_killed(Kind kind)
    {
        using DuplexServer server = Serve(kind, Small with { Lanes = 1 });
        server.Start(Echo);
        for (int round = 0; round < 3; ++round)
        {
            ProcessPeer victim = StartProcess(CallsThenStays, Name);
            Assert.Equal("called", victim.Hear());
            Assert.Throws<LanesBusyException>(() => DuplexClient.Open(Name, TimeSpan.Zero));
            victim.Kill();
            DuplexClient? client = null;
            Eventually.True(
                () =>
                {
                    try
                    {
                        client = DuplexClient.Open(Name, TimeSpan.Zero, Small);
                        return true;
                    }
                    catch (LanesBusyException)
                    {
                        return false;
                    }
                },
                "the lane of the dead client comes back");
            using (client)
            {
                Assert.Equal("next"u8.ToArray(), Taken(client!.Call("next"u8, Limits.Wait)));
            }
        }
        Assert.Equal(1, server.Running);
    }

    // Scenario 6.7
    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public void A_client_that_does_not_read_its_answers_holds_the_server_back_and_then_it_goes_on(Kind kind)
    {
        using DuplexServer server = Serve(kind, Small with { RequestSize = 50_000 });
        server.Start(Echo);
        using DuplexClient client = Call();
        int sent = 0;
        try
        {
            while (client.Send(Bytes.Of(sent, 3000), TimeSpan.FromMilliseconds(200), out _))
            {
                ++sent;
            }
        }
        catch (HeldFramesBlockException)
        {
            // in place nobody but the client itself can make room
        }
        Assert.InRange(sent, 3, 100);
        for (int number = 0; number < sent; ++number)
        {
            Assert.True(client.Receive(Limits.Wait, out Response answer));
            Assert.Equal(Bytes.Of(number, 3000), answer.Span);
            answer.Dispose();
        }
        Assert.True(client.Send("more"u8, Limits.Wait, out _));
        Assert.Equal("more"u8.ToArray(), Taken(client.Receive()));
    }

    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public void A_client_that_holds_all_answers_is_told_instead_of_waiting_for_ever(Kind kind)
    {
        using DuplexServer server = Serve(kind, Small with { Lanes = 1 });
        server.Start(Echo);
        using DuplexClient client = Call();
        var held = new List<Response>();
        Assert.Throws<HeldFramesBlockException>(() =>
        {
            while (held.Count < 1000)
            {
                held.Add(client.Call(Bytes.Of(held.Count, 3000), Limits.Wait));
            }
        });
        for (int number = 0; number < held.Count; ++number)
        {
            Assert.Equal(Bytes.Of(number, 3000), held[number].Span);
        }
        held.ForEach(answer => answer.Dispose());
        Assert.Equal("again"u8.ToArray(), Taken(client.Call("again"u8, Limits.Wait)));
    }

    // Scenario 6.10
    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public async Task A_server_that_closes_with_requests_pending_tells_its_clients_and_the_name_is_free_at_once(Kind kind)
    {
        DuplexServer server = Serve(kind);
        using DuplexClient client = Call();
        Task<byte[]> waiting = Eventually.InAnotherThread(() => Taken(client.Call("one"u8, Limits.Wait)));
        Task<Response> awaiting = client.CallAsync("two"u8.ToArray()).AsTask();
        Request taken = server.Take();
        server.Dispose();
        using (DuplexServer next = Serve(kind))
        {
            Assert.Throws<PeerClosedException>(() => waiting.Result());
            await Assert.ThrowsAsync<PeerClosedException>(() => awaiting.WaitAsync(Limits.Wait));
            Assert.Throws<ObjectDisposedException>(() => taken.Write("too late"u8));
            Assert.Equal(3, taken.Data.ToArray().Length); // its memory stays until it is disposed
            taken.Dispose();
            Assert.Throws<PeerClosedException>(() => client.Call("x"u8, Limits.Wait));
            using DuplexClient another = Call();
            next.Start(Echo);
            Assert.Equal("y"u8.ToArray(), Taken(another.Call("y"u8, Limits.Wait)));
        }
        Assert.Equal(0, server.Running);
        server.Dispose();
    }

    // Scenario 6.10
    [Fact]
    public async Task What_waits_at_a_stop_stays_for_the_next_start()
    {
        using DuplexServer server = Serve(Kind.Immutable);
        using DuplexClient client = Call();
        using var inside = new SemaphoreSlim(0);
        using var go = new ManualResetEventSlim();
        server.Start(request =>
        {
            inside.Release();
            go.Wait(Limits.Wait);
            Echo(request);
        });
        Assert.Equal(1, server.Running);
        Assert.Throws<InvalidOperationException>(() => server.Start(Echo));
        client.Send("taken"u8);
        client.Send("waits"u8);
        Assert.True(inside.Wait(Limits.Wait));
        Task stopping = Eventually.InAnotherThread(server.Stop);
        await Task.Delay(50);
        Assert.False(stopping.IsCompleted, "it waits for its handler");
        go.Set();
        stopping.Join();
        Assert.Equal(0, server.Running);
        Assert.Equal("taken"u8.ToArray(), Taken(client.Receive()));
        Assert.False(client.Receive(TimeSpan.FromMilliseconds(50), out _));
        server.Start(Echo, threads: 3);
        Assert.Equal(3, server.Running);
        Assert.Equal("waits"u8.ToArray(), Taken(client.Receive()));
        server.Stop();
        server.Stop();
    }

    [Fact]
    public void A_thread_that_has_failed_is_not_running_and_stop_says_why()
    {
        DuplexServer server = Serve(Kind.Immutable);
        using DuplexClient client = Call();
        client.Start(Invert, threads: 2);
        Assert.Equal(2, client.Running);
        server.Dispose();
        Eventually.True(() => client.Running == 0, "the threads have ended");
        Assert.Throws<PeerClosedException>(client.Stop);
        client.Stop();
    }

    [Fact]
    public void Too_many_requests_taken_and_not_answered_are_an_error_and_not_a_loss()
    {
        using DuplexServer server = Serve(Kind.Immutable, Small with { MaxHeld = 1 });
        using DuplexClient client = Call();
        client.Send("held"u8);
        client.Send("one too many"u8);
        Request held = server.Take();
        Assert.Throws<TooManyHeldException>(() => server.Take());
        held.Write("held"u8);
        server.Start(Echo);
        Assert.Equal("held"u8.ToArray(), Taken(client.Receive()));
        Assert.Equal("one too many"u8.ToArray(), Taken(client.Receive()));
    }

    [Fact]
    public void A_handler_cannot_stop_its_own_thread()
    {
        using DuplexServer server = Serve(Kind.Immutable);
        using DuplexClient client = Call();
        server.Start(request =>
        {
            if (request.Type == 128)
            {
                server.Stop();
            }
            server.Dispose();
        });
        foreach (ushort type in new ushort[] { 128, 129 })
        {
            Assert.Contains("its own thread", Assert.Throws<RemoteException>(() => client.Call("x"u8, Limits.Wait, type)).Message, StringComparison.Ordinal);
        }
        Assert.Equal(1, server.Running);
    }

    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public async Task Disposing_a_client_ends_every_wait_of_it(Kind kind)
    {
        using DuplexServer server = Serve(kind, Small with { Lanes = 4 });
        for (int round = 0; round < 20; ++round)
        {
            DuplexClient client = Call();
            Task[] waits =
            [
                Eventually.InAnotherThread(() => client.Call("x"u8, Limits.Wait)), Eventually.InAnotherThread(() => client.Receive()),
                Eventually.InAnotherThread(() => client.Take()), Eventually.InAnotherThread(() => client.Serve(Echo)),
                .. Enumerable.Range(0, 5).Select(_ => client.CallAsync("y"u8.ToArray()).AsTask()), client.TakeAsync().AsTask(),
            ];
            if (round % 2 == 0)
            {
                await Task.Delay(10);
            }
            client.Dispose();
            foreach (Task wait in waits)
            {
                await Assert.ThrowsAsync<ObjectDisposedException>(() => wait.WaitAsync(Limits.Wait));
            }
            Assert.Throws<ObjectDisposedException>(() => client.Call("x"u8, Limits.Wait));
            Assert.Throws<ObjectDisposedException>(() => client.ClaimRequest(1));
            Assert.Throws<ObjectDisposedException>(() => client.TryTake(out _));
            await Assert.ThrowsAsync<ObjectDisposedException>(async () => await client.CallAsync(default));
            client.Interrupt();
            _ = client.GetStats();
            client.Dispose();
            while (server.TryTake(out Request request))
            {
                request.Dispose();
            }
        }
    }

    [Fact]
    public async Task An_interrupt_ends_every_kind_of_wait()
    {
        using DuplexServer server = Serve(Kind.Immutable);
        using DuplexClient client = Call();
        foreach (Func<Task> begin in new Func<Task>[]
        {
            () => Eventually.InAnotherThread(() => client.Call("x"u8)), () => client.CallAsync("x"u8.ToArray()).AsTask(),
            () => Eventually.InAnotherThread(() => client.Receive()), () => client.ReceiveAsync().AsTask(),
            () => Eventually.InAnotherThread(() => client.Take()), () => client.TakeAsync().AsTask(),
        })
        {
            Task wait = begin();
            await Assert.ThrowsAsync<InterruptedWaitException>(() => Interrupted(wait, client));
            while (server.TryTake(out Request request))
            {
                request.Dispose();
            }
        }
        foreach (Func<Task> begin in new Func<Task>[]
            { () => Eventually.InAnotherThread(() => server.Take()), () => server.TakeAsync().AsTask(), () => Eventually.InAnotherThread(() => server.Serve(Echo)) })
        {
            await Assert.ThrowsAsync<InterruptedWaitException>(() => Interrupted(begin(), server));
        }
    }

    private static async Task Interrupted(Task wait, DuplexEnd end)
    {
        for (int i = 0; i < 1000 && !wait.IsCompleted; ++i)
        {
            await Task.Delay(10);
            end.Interrupt();
        }
        await wait;
    }

    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public void Answers_and_claims_outlive_their_client(Kind kind)
    {
        using DuplexServer server = Serve(kind, Small with { Lanes = 4 });
        server.Start(Echo);
        DuplexClient client = Call();
        Response held = client.Call(Bytes.Of(1, 1000), Limits.Wait);
        Response copy = held;
        Response kept = client.Call(Bytes.Of(2, 1000), Limits.Wait);
        FrameMemory memory = kept.AsMemory();
        kept.Dispose();
        RequestClaim claim = client.ClaimRequest(1000);
        Span<byte> room = claim.Span;
        client.Dispose();
        room.Fill(1);
        Assert.Throws<ObjectDisposedException>(() => claim.Call(Limits.Wait));
        claim.Dispose();
        Assert.False(claim.IsOpen);
        Assert.Equal(Bytes.Of(1, 1000), held.Span);
        Assert.Equal(Bytes.Of(2, 1000), memory.Memory.ToArray());
        held.Dispose();
        copy.Dispose();
        memory.Dispose();
        Assert.True(copy.IsReleased);
    }

    [Fact]
    public void What_was_answered_or_released_gives_nothing_and_says_why()
    {
        using DuplexServer server = Serve(Kind.InPlace);
        using DuplexClient client = Call();
        client.Send("12345"u8);
        Request request = server.Take();
        Request copy = request;
        request.Dispose();
        request.Dispose();
        Assert.True(copy.IsAnswered);
        Assert.Equal("Request (answered)", copy.ToString());
        Action[] uses =
        [
            () => _ = copy.Data.Length, () => _ = copy.Bytes.Length, () => _ = copy.Type, () => copy.Claim(1), () => copy.Respond(1),
            () => copy.Write("x"u8), () => copy.Fail("x"), () => copy.AsArray(), () => _ = default(Request).Data.Length,
        ];
        Assert.All(uses, use => Assert.Contains("answered once", Assert.Throws<ObjectDisposedException>(use).Message, StringComparison.Ordinal));
        Response answer = client.Receive();
        answer.Dispose();
        uses =
        [
            () => _ = answer.Span.Length, () => _ = answer.Length, () => _ = answer.Sequence, () => _ = answer.Type,
            () => answer.Slice(0, 1).ToArray(), () => answer.As<byte>().ToArray(), () => answer.AsMemory(), () => answer.AsArray(),
            () => _ = default(Response).Length,
        ];
        Assert.All(uses, use => Assert.Contains("AsMemory()", Assert.Throws<ObjectDisposedException>(use).Message, StringComparison.Ordinal));
        default(Request).Dispose();
        default(Response).Dispose();
        default(RequestClaim).Dispose();
        using DuplexServer immutable = Serve(Kind.Immutable, Name + "-immutable");
        using DuplexClient other = DuplexClient.Open(Name + "-immutable", Limits.Wait);
        other.Send("x"u8);
        using Request readOnly = immutable.Take();
        Assert.Throws<InvalidOperationException>(() => readOnly.Bytes.Length);
    }

    [Fact]
    public void A_copy_that_was_kept_cannot_release_a_later_answer()
    {
        using DuplexServer server = Serve(Kind.Immutable, Small with { Lanes = 1 });
        server.Start(Echo);
        using DuplexClient client = Call();
        var old = new List<Response>();
        for (byte number = 0; number < 100; ++number)
        {
            Response answer = client.Call([number], Limits.Wait);
            old.ForEach(each => each.Dispose());
            Assert.Equal([number], answer.Span.ToArray());
            answer.Dispose();
            old.Add(answer);
        }
    }

    [Fact]
    public void Clients_and_servers_that_are_only_forgotten_end_when_the_collector_finds_them()
    {
        DuplexServer server = Serve(Kind.Immutable, Small with { Lanes = 1 });
        ForgetClient();
        Eventually.True(
            () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                try
                {
                    Call().Dispose();
                    return true;
                }
                catch (LanesBusyException)
                {
                    return false;
                }
            },
            "the forgotten client gives its lane back");
        server.Dispose();
        ForgetServer();
        Eventually.True(
            () =>
            {
                GC.Collect();
                GC.WaitForPendingFinalizers();
                return !System.IO.File.Exists(File);
            },
            "the forgotten server closes");
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ForgetClient()
    {
        DuplexClient client = Call();
        client.Send("never answered"u8);
        _ = client.ClaimSend(10);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ForgetServer()
    {
        DuplexServer server = Serve(Kind.InPlace);
        using DuplexClient client = Call();
        client.Send("x"u8);
        _ = server.Take();
    }
}
