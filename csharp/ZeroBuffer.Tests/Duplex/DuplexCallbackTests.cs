// Calls the other way: the server notifies and calls its clients.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ZeroBuffer.Tests.Peers;
using Xunit;

namespace ZeroBuffer.Tests.Duplex;

public sealed class DuplexCallbackTests : DuplexTest
{
    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public void A_server_calls_its_client_while_it_answers(Kind kind)
    {
        using DuplexServer server = Serve(kind);
        using DuplexClient client = Call();
        client.Start(Invert);
        server.Start(request =>
        {
            using Response confirmed = server.CallClient(request.Client, request.Data, Limits.Wait, type: 140);
            request.Claim(confirmed.Span.Length);
            request.Write(confirmed.Span, confirmed.Type);
        });
        for (int round = 0; round < 100; ++round)
        {
            using Response answer = client.Call(Bytes.Of(round), Limits.Wait);
            Assert.Equal(Bytes.Of(~round), answer.Span);
            Assert.Equal(140, answer.Type);
        }
        Assert.Equal(1, client.Running);
        client.Stop();
        Assert.Equal(0, client.Running);
        Assert.Equal((100, 100), (client.GetStats().Callbacks, server.GetStats().Callbacks));
    }

    [Fact]
    public void Clients_are_known_by_their_id_and_told_apart()
    {
        using DuplexServer server = Serve(Kind.Immutable, Small with { Lanes = 4 });
        using DuplexClient one = Call(), two = Call();
        Assert.Equal(new[] { one.Id, two.Id }.Order(), server.GetClients().Order());
        server.Notify(two.Id, "for two"u8, Limits.Wait, type: 130, tag: 9);
        using (Request notice = two.Take())
        {
            Assert.Equal("for two"u8, notice.Data);
            Assert.Equal((130, 9ul, 0ul, true), (notice.Type, notice.Tag, notice.Client, notice.InPlace));
        }
        Assert.False(one.TryTake(out _));
        Assert.False(one.Take(TimeSpan.FromMilliseconds(20), out _));
        two.Dispose();
        Assert.Equal([one.Id], server.GetClients());
        Assert.Throws<BufferNotFoundException>(() => server.CallClient(two.Id, "x"u8, Limits.Wait));
        Assert.Throws<BufferNotFoundException>(() => server.Notify(two.Id, "x"u8, Limits.Wait));
        Assert.Throws<TimeoutException>(() => server.CallClient(one.Id, "nobody takes it"u8, TimeSpan.FromMilliseconds(20)));
    }

    // Scenario 6.4
    [Fact]
    public void What_a_clients_handler_throws_is_what_the_server_gets()
    {
        using DuplexServer server = Serve(Kind.Immutable);
        using DuplexClient client = Call();
        client.Start(request => throw new InvalidOperationException("not today"));
        Assert.Equal("not today", Assert.Throws<RemoteException>(() => server.CallClient(client.Id, "x"u8, Limits.Wait)).Message);
        Assert.Equal(1, client.Running);
    }

    [Fact]
    public async Task A_clients_serving_ends_with_the_server()
    {
        DuplexServer server = Serve(Kind.Immutable, Small with { Lanes = 4 });
        using DuplexClient waits = Call(), awaits = Call(), loops = Call();
        var seen = new List<string>();
        void See(string who)
        {
            lock (seen)
            {
                seen.Add(who);
            }
        }
        Task[] serving =
        [
            Eventually.InAnotherThread(() => waits.Serve(_ => See("waits"))),
            awaits.ServeAsync((_, _) =>
            {
                See("awaits");
                return ValueTask.CompletedTask;
            }),
            Task.Run(async () =>
            {
                await foreach (Request request in loops)
                {
                    request.Dispose();
                    See("loops");
                }
            }),
        ];
        foreach (ulong client in server.GetClients())
        {
            server.Notify(client, "hello"u8);
            server.CallClient(client, "hello"u8, Limits.Wait).Dispose();
        }
        server.Dispose();
        await Task.WhenAll(serving).WaitAsync(Limits.Wait);
        Assert.Equal(["awaits", "awaits", "loops", "loops", "waits", "waits"], seen.Order());
        Assert.Throws<PeerClosedException>(() => waits.Take());
    }

    [Fact]
    public void A_channel_without_room_for_them_has_no_calls_of_the_server()
    {
        using DuplexServer server = Serve(Kind.Immutable, Small with { CallbackSize = 0 });
        using DuplexClient client = Call();
        Assert.Equal(0, client.Info.MaxCallbackSize);
        Assert.Throws<InvalidArgumentException>(() => client.Take());
        Assert.Throws<InvalidArgumentException>(() => client.Start(Echo));
        Assert.Throws<InvalidArgumentException>(() => server.Notify(client.Id, "x"u8));
        Assert.Equal(0, client.Running);
    }

    private static void TakesACall(Channel channel, string[] arguments)
    {
        DuplexClient client = DuplexClient.Open(arguments[0], Limits.Wait);
        channel.Say("attached");
        client.Take();
        channel.Say("taken");
        channel.Hear();
        GC.KeepAlive(client);
    }

    // Scenario 6.6
    [Fact]
    public void A_server_learns_that_a_client_died_which_it_calls()
    {
        using DuplexServer server = Serve(Kind.Immutable);
        ProcessPeer peer = StartProcess(TakesACall, Name);
        Assert.Equal("attached", peer.Hear());
        ulong client = Assert.Single(server.GetClients());
        Task calling = Eventually.InAnotherThread(() => server.CallClient(client, "x"u8, Limits.Wait));
        Assert.Equal("taken", peer.Hear());
        peer.Kill();
        Assert.ThrowsAny<ZeroBufferException>(calling.Join);
        Eventually.True(() => server.GetClients().Count == 0, "the dead client is none");
    }
}
