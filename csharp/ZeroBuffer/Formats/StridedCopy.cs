// Copies an array from one order in memory to another, element by element. Owns nothing; must not know formats or frames.
using System;
using System.Runtime.CompilerServices;

namespace ZeroBuffer;

internal static class StridedCopy
{
    /// <summary>
    /// Copies all elements of an array whose shape holds at least one element, from where <paramref name="fromStrides"/>
    /// say (bytes per dimension) to where <paramref name="toStrides"/> say. The two must not overlap.
    /// </summary>
    internal static void Run(
        ref readonly byte from,
        ReadOnlySpan<long> fromStrides,
        ref byte to,
        ReadOnlySpan<long> toStrides,
        ReadOnlySpan<long> shape,
        int elementSize)
    {
        int last = shape.Length - 1;
        if (last < 0)
        {
            Unsafe.CopyBlockUnaligned(ref to, in from, (uint)elementSize);
            return;
        }

        Span<long> index = stackalloc long[ArrayLayout.MaxDimensions];
        index.Clear();
        long fromOffset = 0;
        long toOffset = 0;
        for (;;)
        {
            CopyRow(
                in At(in from, fromOffset), fromStrides[last], ref Unsafe.Add(ref to, (nint)toOffset), toStrides[last],
                shape[last], elementSize);
            int dimension = last - 1;
            for (; dimension >= 0; --dimension)
            {
                fromOffset += fromStrides[dimension];
                toOffset += toStrides[dimension];
                if (++index[dimension] < shape[dimension])
                {
                    break;
                }

                fromOffset -= index[dimension] * fromStrides[dimension];
                toOffset -= index[dimension] * toStrides[dimension];
                index[dimension] = 0;
            }

            if (dimension < 0)
            {
                return;
            }
        }
    }

    private static void CopyRow(
        ref readonly byte from, long fromStride, ref byte to, long toStride, long count, int elementSize)
    {
        if (fromStride == elementSize && toStride == elementSize)
        {
            Copy(in from, ref to, count * elementSize);
            return;
        }

        for (long i = 0; i < count; ++i)
        {
            Unsafe.CopyBlockUnaligned(
                ref Unsafe.Add(ref to, (nint)(i * toStride)), in At(in from, i * fromStride), (uint)elementSize);
        }
    }

    /// <summary>Copies bytes of which there may be more than a span can hold.</summary>
    internal static void Copy(ref readonly byte from, ref byte to, long count)
    {
        const uint most = 1u << 30;
        for (long done = 0; done < count;)
        {
            uint step = (uint)Math.Min(count - done, most);
            Unsafe.CopyBlockUnaligned(ref Unsafe.Add(ref to, (nint)done), in At(in from, done), step);
            done += step;
        }
    }

    internal static ref readonly byte At(ref readonly byte data, long offset) =>
        ref Unsafe.Add(ref Unsafe.AsRef(in data), (nint)offset);
}
