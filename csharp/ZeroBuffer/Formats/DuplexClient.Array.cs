// Calls whose requests are arrays.
using System;
using System.Diagnostics;
using System.Threading;

namespace ZeroBuffer;

public sealed partial class DuplexClient
{
    /// <summary>Calls with a copy of an array (type 2), with its shape and element type, and waits for the answer.</summary>
    /// <typeparam name="T">See <see cref="ElementTypes.Of{T}"/>.</typeparam>
    /// <param name="data">All elements, in the order that <paramref name="order"/> says.</param>
    /// <param name="shape">Its dimensions, at most 32.</param>
    /// <param name="timeout">For lane, room and answer; null waits for ever, as long as the server lives.</param>
    /// <param name="tag">A number of the application's: what is asked for, since the type says that it is an array.</param>
    /// <param name="responseCapacity">In place: bytes to reserve for an answer longer than the request.</param>
    /// <param name="order">Which index is the fastest in <paramref name="data"/>.</param>
    /// <returns>The answer; dispose it. <see cref="Response.AsArray"/> is the array in it.</returns>
    /// <exception cref="InvalidArgumentException">The shape is impossible, or is not that of <paramref name="data"/>.</exception>
    /// <remarks>
    /// Throws as <see cref="Call(ReadOnlySpan{byte}, TimeSpan?, ushort, ulong, long)"/>. Allocates nothing while the format stays the
    /// same.
    /// </remarks>
    /// <example><code>
    /// using Response answer = client.CallArray&lt;float&gt;(points, [points.Length / 3, 3], TimeSpan.FromSeconds(1));
    /// float first = answer.AsArray().Get&lt;float&gt;(0, 0);
    /// </code></example>
    public Response CallArray<T>(
        ReadOnlySpan<T> data,
        ReadOnlySpan<long> shape,
        TimeSpan? timeout = null,
        ulong tag = 0,
        long responseCapacity = 0,
        ArrayOrder order = ArrayOrder.C)
        where T : unmanaged
    {
        long begun = Stopwatch.GetTimestamp();
        ArrayFormat format = CalledArray.FormatOf(data, shape, order, Lent);
        using RequestClaim claim = ClaimRequest(CalledArray.SizeOf(format), timeout, responseCapacity);
        CalledArray.Fill(claim.Span, data, format);
        return claim.Call(Left(timeout, begun), type: ArrayDescriptor.FrameType, tag: tag);
    }

    private static TimeSpan? Left(TimeSpan? timeout, long begun)
    {
        if (timeout is not { } whole || whole == Timeout.InfiniteTimeSpan)
        {
            return timeout;
        }
        TimeSpan passed = Stopwatch.GetElapsedTime(begun);
        return passed < whole ? whole - passed : TimeSpan.Zero;
    }
}
