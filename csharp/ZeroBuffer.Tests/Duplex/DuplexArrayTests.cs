// Arrays in requests and answers, as docs/arrays.md describes them in frames.
using System;
using System.Linq;
using ZeroBuffer.Tests.Peers;
using Xunit;

namespace ZeroBuffer.Tests.Duplex;

public sealed class DuplexArrayTests : DuplexTest
{
    [Fact]
    public void An_array_is_answered_with_an_array_of_another_shape_and_type()
    {
        using DuplexServer server = Serve(Kind.Immutable);
        using DuplexClient client = Call();
        server.Start(request =>
        {
            ArrayView points = request.AsArray();
            Assert.Equal((ElementType.Float32, 2), (points.ElementType, points.Shape.Length));
            double[] sums = new double[points.Shape[0]];
            for (int row = 0; row < sums.Length; ++row)
            {
                for (int column = 0; column < points.Shape[1]; ++column)
                {
                    sums[row] += points.Get<float>(row, column);
                }
            }
            request.WriteArray<double>(sums, [sums.Length, 1]);
        });
        using Response answer = client.CallArray<float>([1, 2, 3, 4, 5, 6], [2, 3], Limits.Wait);
        ArrayView sum = answer.AsArray();
        Assert.Equal((ElementType.Float64, ArrayDescriptor.FrameType), (sum.ElementType, answer.Type));
        Assert.Equal([2L, 1L], sum.Shape);
        Assert.Equal([6.0, 15.0], sum.ToArray<double>());
    }

    // Scenario 6.9
    [Fact]
    public void The_elements_of_an_array_are_changed_where_they_lie()
    {
        using DuplexServer server = Serve(Kind.InPlace);
        using DuplexClient client = Call();
        server.Start(request =>
        {
            foreach (ref byte value in request.ArrayElements<byte>())
            {
                value = (byte)~value;
            }
        });
        using Response answer = client.CallArray<byte>(Bytes.Pattern(60, 1), [4, 5, 3], Limits.Wait, tag: 4);
        Assert.Equal([4L, 5L, 3L], answer.AsArray().Shape);
        Assert.Equal(Inverted(Bytes.Pattern(60, 1)), answer.AsArray().ToArray<byte>());
        Assert.Equal(0, server.GetStats().CopiedBytes);
    }

    [Fact]
    public void An_array_in_place_may_be_answered_with_a_part_of_itself()
    {
        using DuplexServer server = Serve(Kind.InPlace);
        using DuplexClient client = Call();
        server.Start(request => request.WriteArray<int>(request.ArrayElements<int>()[2..], [1, 2]));
        using Response answer = client.CallArray<int>([1, 2, 3, 4], [4], Limits.Wait);
        Assert.Equal([1L, 2L], answer.AsArray().Shape);
        Assert.Equal([3, 4], answer.AsArray().ToArray<int>());
    }

    [Fact]
    public void What_is_no_array_is_bytes_and_a_descriptor_that_lies_is_refused()
    {
        using DuplexServer server = Serve(Kind.InPlace);
        using DuplexClient client = Call();
        server.Start(request => request.Write(BitConverter.GetBytes(request.AsArray().ByteCount), 0));
        using (Response answer = client.Call(new byte[100], Limits.Wait, type: 130))
        {
            Assert.Equal(100, BitConverter.ToInt64(answer.AsArray().AsSpan<byte>()));
        }
        Assert.Throws<RemoteException>(() => client.Call(new byte[100], Limits.Wait, type: ArrayDescriptor.FrameType));
        Assert.Throws<InvalidArgumentException>(() => client.CallArray<int>([1, 2, 3], [2], Limits.Wait));
        Assert.Throws<FrameTooLargeException>(() => client.CallArray<byte>(new byte[20_000], [20_000], Limits.Wait));
        server.Stop();
        client.Send(new byte[8]);
        using Request request = server.Take();
        Assert.Throws<InvalidOperationException>(() => request.ArrayElements<byte>());
    }
}
