// Nothing is allocated per call once everything is warm.
using System;
using System.Threading;
using System.Threading.Tasks;
using Xunit;

namespace ZeroBuffer.Tests.Duplex;

public sealed class DuplexAllocationTests : DuplexTest
{
    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public void Calling_and_answering_allocate_nothing(Kind kind)
    {
        using DuplexServer server = Serve(kind);
        using DuplexClient client = Call();
        byte[] request = new byte[100], room = new byte[100];
        long sum = 0;
        void Answer(ushort type)
        {
            bool taken = server.TryTake(out Request asked);
            sum += asked.Data.Length + asked.Type + (long)asked.Tag + (long)asked.Sequence + (taken ? 1 : 0);
            asked.Claim(50).Fill(7);
            asked.Respond(50, type);
        }
        void Round()
        {
            client.Send(request, type: 130);
            Answer(131);
            using (Response answer = client.Receive())
            {
                using FrameMemory memory = answer.AsMemory();
                sum += answer.Span.Length + answer.Length + answer.Type + (long)answer.Sequence + memory.Memory.Span[0];
            }
            using (RequestClaim claim = client.ClaimSend(100))
            {
                claim.Span.Fill(3);
                claim.Send(60);
            }
            server.TryTake(out Request echoed);
            echoed.Write(room);
            sum += client.ReceiveInto(room, TimeSpan.Zero, out Received received) ? received.Length : 0;
            client.ClaimRequest(10).Dispose();
            sum += client.GetStats().Answers + server.GetStats().Answers;
        }
        Assert.Equal(0, Support.AllocatedInSteadyState(Round));
        Assert.NotEqual(0, sum);
    }

    [Theory]
    [InlineData(Kind.Immutable)]
    [InlineData(Kind.InPlace)]
    public void A_call_allocates_nothing_where_it_waits_nor_where_it_is_answered(Kind kind)
    {
        using DuplexServer server = Serve(kind);
        using DuplexClient client = Call();
        long before = 0, after = 0;
        bool end = false;
        server.Start(request =>
        {
            before = Volatile.Read(ref after);
            Volatile.Write(ref after, GC.GetAllocatedBytesForCurrentThread());
            Echo(request);
        });
        byte[] request = new byte[100], room = new byte[100];
        void Round()
        {
            client.Call(request).Dispose();
            _sum += client.CallInto(request, room).Length;
            using RequestClaim claim = client.ClaimRequest(100);
            claim.Call().Dispose();
            end |= client.Call(request, TimeSpan.FromSeconds(10), out Response answer);
            answer.Dispose();
        }
        Assert.Equal(0, Support.AllocatedInSteadyState(Round));
        Assert.True(end && _sum != 0);
        Assert.Equal(before, after);
    }

    private long _sum;

    [Fact]
    public void An_awaited_call_allocates_nothing_where_it_is_awaited()
    {
        using DuplexServer server = Serve(Kind.Immutable);
        using DuplexClient client = Call();
        using var cancel = new CancellationTokenSource();
        byte[] request = new byte[100];
        void Round()
        {
            ValueTask<Response> call = client.CallAsync(request, cancellationToken: cancel.Token);
            ValueTask<Request> next = server.TakeAsync(cancel.Token);
            while (!next.IsCompleted)
            {
                Thread.Yield();
            }
            Request asked = next.GetAwaiter().GetResult();
            asked.Write(asked.Data);
            while (!call.IsCompleted)
            {
                Thread.Yield();
            }
            call.GetAwaiter().GetResult().Dispose();
        }
        Assert.Equal(0, Support.AllocatedInSteadyState(Round));
    }

    [Fact]
    public void Calls_with_arrays_allocate_nothing_while_the_format_stays_the_same()
    {
        using DuplexServer server = Serve(Kind.InPlace);
        using DuplexClient client = Call();
        server.Start(request =>
        {
            foreach (ref float value in request.ArrayElements<float>())
            {
                value += 1;
            }
        });
        float[] data = [1, 2, 3, 4, 5, 6];
        float last = 0;
        void Round()
        {
            using Response answer = client.CallArray<float>(data, [2, 3]);
            last = answer.AsArray().Get<float>(1, 2);
        }
        Assert.Equal(0, Support.AllocatedInSteadyState(Round));
        Assert.Equal(7, last);
    }
}
