// Where the elements of an array lie: shape, strides and element type, checked once and never changed. Owns the limits of
// docs/arrays.md and the arithmetic on them, which cannot overflow. Must not know frames, metadata or descriptors.
using System;
using System.Runtime.CompilerServices;

namespace ZeroBuffer;

internal sealed class ArrayLayout
{
    internal const int MaxDimensions = 32;
    private const ulong MaxBytes = 1UL << 62;

    private readonly long[] _shape;
    private readonly long[] _strides;

    /// <summary>An array without gaps, of a shape that passed <see cref="FindMistake"/>.</summary>
    internal ArrayLayout(ElementType elementType, ByteOrder byteOrder, ReadOnlySpan<long> shape, ArrayOrder order)
    {
        ElementType = elementType;
        ByteOrder = elementType.SizeInBytes() == 1 ? ByteOrder.LittleEndian : byteOrder;
        Order = order;
        ElementCount = CountElements(shape);
        ByteCount = ElementCount * elementType.SizeInBytes();
        IsInCOrder = order == ArrayOrder.C || HasBothOrders(shape);
        _shape = shape.ToArray();
        _strides = new long[shape.Length];
        FillDenseStrides(_strides, shape, elementType.SizeInBytes(), order);
    }

    /// <summary>A plane of a picture: bytes, <paramref name="stride"/> of them from row to row.</summary>
    internal ArrayLayout(ReadOnlySpan<long> shape, long stride)
        : this(ElementType.UInt8, ByteOrder.LittleEndian, shape, ArrayOrder.C)
    {
        if (stride != _strides[0])
        {
            _strides[0] = stride;
            ByteCount = stride * shape[0];
            HasGaps = true;
            IsInCOrder = false;
        }
    }

    internal ElementType ElementType { get; }

    internal ByteOrder ByteOrder { get; }

    internal ArrayOrder Order { get; }

    internal ReadOnlySpan<long> Shape => _shape;

    /// <summary>Bytes from an index to the next, per dimension.</summary>
    internal ReadOnlySpan<long> Strides => _strides;

    internal long ElementCount { get; }

    /// <summary>Bytes in memory, those of gaps included.</summary>
    internal long ByteCount { get; }

    internal bool HasGaps { get; }

    /// <summary>True where the elements lie one behind the other in C order (an array may lie in both orders).</summary>
    internal bool IsInCOrder { get; }

    /// <summary>What is wrong with a shape; null where nothing is.</summary>
    internal static string? FindMistake(ReadOnlySpan<long> shape, int elementSize)
    {
        if (shape.Length > MaxDimensions)
        {
            return $"{shape.Length} dimensions; at most {MaxDimensions} are possible";
        }

        ulong bytes = (ulong)elementSize;
        foreach (long dimension in shape)
        {
            if (dimension < 0)
            {
                return $"shape {Text(shape)} has a negative dimension";
            }

            ulong factor = Math.Max((ulong)dimension, 1);
            if (factor > MaxBytes / bytes)
            {
                return $"shape {Text(shape)} of elements of {elementSize} bytes is too large";
            }

            bytes *= factor;
        }

        return null;
    }

    /// <summary>The number of elements of a shape that passed <see cref="FindMistake"/>.</summary>
    internal static long CountElements(ReadOnlySpan<long> shape)
    {
        long count = 1;
        foreach (long dimension in shape)
        {
            count *= dimension;
        }

        return count;
    }

    /// <summary>True where C order and F order are the same: no element, or at most one dimension longer than 1.</summary>
    internal static bool HasBothOrders(ReadOnlySpan<long> shape)
    {
        int longer = 0;
        foreach (long dimension in shape)
        {
            if (dimension == 0)
            {
                return true;
            }

            longer += dimension > 1 ? 1 : 0;
        }

        return longer <= 1;
    }

    /// <summary>Bytes from an index to the next of an array without gaps.</summary>
    internal static void FillDenseStrides(Span<long> strides, ReadOnlySpan<long> shape, int elementSize, ArrayOrder order)
    {
        long stride = elementSize;
        for (int i = 0; i < shape.Length; ++i)
        {
            int dimension = order == ArrayOrder.C ? shape.Length - 1 - i : i;
            strides[dimension] = stride;
            stride *= Math.Max(shape[dimension], 1);
        }
    }

    internal static string Text(ReadOnlySpan<long> numbers) => $"[{string.Join(", ", numbers.ToArray())}]";

    /// <summary>True where the array is the same in type, byte order, shape and order. Allocates nothing.</summary>
    internal bool Is(ElementType elementType, ByteOrder byteOrder, ReadOnlySpan<long> shape, ArrayOrder order) =>
        ElementType == elementType && ByteOrder == byteOrder && Order == order && Shape.SequenceEqual(shape);

    /// <summary>Bytes from the beginning to an element.</summary>
    /// <exception cref="ArgumentException">There are more or fewer indices than dimensions.</exception>
    /// <exception cref="ArgumentOutOfRangeException">An index is outside.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal long OffsetOf(ReadOnlySpan<int> indices)
    {
        if (indices.Length != _shape.Length)
        {
            ThrowCount(indices.Length);
        }

        long offset = 0;
        for (int i = 0; i < indices.Length; ++i)
        {
            if ((uint)indices[i] >= (ulong)_shape[i])
            {
                ThrowIndex(indices[i], i);
            }

            offset += indices[i] * _strides[i];
        }

        return offset;
    }

    private void ThrowCount(int count) =>
        throw new ArgumentException($"{count} indices for an array of {_shape.Length} dimensions.", nameof(count));

    private void ThrowIndex(int index, int dimension) =>
        throw new ArgumentOutOfRangeException(
            nameof(index), index, $"The index is outside dimension {dimension}, which has {_shape[dimension]} of them.");
}
