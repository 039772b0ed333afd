// Views of arrays: elements by index, spans, and copies, of every order and byte order.
using System;
using System.Buffers.Binary;
using System.Linq;
using System.Numerics;
using System.Runtime.InteropServices;
using Xunit;

namespace ZeroBuffer.Tests.Formats;

public sealed class ArrayViewTests
{
    [Fact]
    public void Every_element_type_is_seen_as_its_NET_type()
    {
        Check<bool>([true, false, true]);
        Check<sbyte>([-1, 0, 1]);
        Check<byte>([1, 0, 255]);
        Check<short>([-1, 0, short.MaxValue]);
        Check<ushort>([1, 0, ushort.MaxValue]);
        Check<int>([-1, 0, int.MaxValue]);
        Check<uint>([1, 0, uint.MaxValue]);
        Check<long>([-1L, 0, long.MaxValue]);
        Check<ulong>([1, 0, ulong.MaxValue]);
        Check<Half>([(Half)0.5, Half.NegativeInfinity, Half.Epsilon]);
        Check<float>([0.5f, float.NegativeInfinity, float.Epsilon]);
        Check<double>([0.5, double.NegativeInfinity, double.Epsilon]);
        Check<ComplexSingle>([new ComplexSingle(1, 2), new ComplexSingle(3, -4), default]);
        Check<Complex>([new Complex(1, 2), new Complex(3, -4), default]);

        static void Check<T>(T[] values)
            where T : unmanaged
        {
            byte[] bytes = MemoryMarshal.AsBytes(values.AsSpan()).ToArray();
            ArrayView view = ArrayFormat.Of<T>([3]).View(bytes);
            Assert.Equal(values, view.AsSpan<T>().ToArray());
            Assert.Equal(values, view.ToArray<T>());
            Assert.Equal(values, [view.Get<T>(0), view.Get<T>(1), view.Get<T>(2)]);
            ArrayView swapped = new ArrayFormat(
                ElementTypes.Of<T>(), [3], byteOrder: ByteOrder.BigEndian).View(SwapParts<T>(bytes));
            Assert.Equal(values, swapped.ToArray<T>());
            Assert.Equal(values, [swapped.Get<T>(0), swapped.Get<T>(1), swapped.Get<T>(2)]);
        }
    }

    [Fact]
    public void A_complex_number_has_its_real_part_first()
    {
        byte[] bytes = new byte[16];
        BinaryPrimitives.WriteDoubleBigEndian(bytes, 1.5);
        BinaryPrimitives.WriteDoubleBigEndian(bytes.AsSpan(8), -2.5);
        var format = new ArrayFormat(ElementType.Complex128, [], byteOrder: ByteOrder.BigEndian);
        Assert.Equal(new Complex(1.5, -2.5), format.View(bytes).Get<Complex>());
    }

    [Fact]
    public void Fortran_order_has_its_first_index_fastest()
    {
        int[] memory = [0, 10, 1, 11, 2, 12];
        ArrayView view = ArrayFormat.Of<int>([2, 3], ArrayOrder.F).View(MemoryMarshal.AsBytes(memory.AsSpan()));
        Assert.Equal(12, view.Get<int>(1, 2));
        Assert.Equal(1, view.Get<int>(0, 1));
        Assert.Equal(memory, view.AsSpan<int>().ToArray());
        Assert.Equal([0, 1, 2, 10, 11, 12], view.ToArray<int>());
        Assert.Equal(new int[,] { { 0, 1, 2 }, { 10, 11, 12 } }, view.ToArray2D<int>());
        Assert.Equal([4, 8], [view.GetStride(0), view.GetStride(1)]);
    }

    [Fact]
    public void Copies_of_any_shape_and_order_are_what_access_by_index_gives()
    {
        var random = new Random(4);
        for (int i = 0; i < 500; ++i)
        {
            long[] shape = Enumerable.Range(0, random.Next(1, 5)).Select(_ => (long)random.Next(5)).ToArray();
            var format = new ArrayFormat(ElementType.UInt16, shape, (ArrayOrder)random.Next(2), null, (ByteOrder)random.Next(2));
            byte[] bytes = new byte[format.ByteCount];
            random.NextBytes(bytes);
            ArrayView view = format.View(bytes);
            ushort[] copy = view.ToArray<ushort>();
            Assert.Equal(format.ElementCount, copy.Length);
            var index = new int[shape.Length];
            foreach (ushort element in copy)
            {
                Assert.Equal(view.Get<ushort>(index), element);
                for (int dimension = shape.Length - 1; dimension >= 0 && ++index[dimension] == shape[dimension]; --dimension)
                {
                    index[dimension] = 0;
                }
            }
        }
    }

    [Fact]
    public void Three_dimensions_are_copied_into_three()
    {
        byte[] bytes = [.. Enumerable.Range(0, 24).Select(i => (byte)i)];
        byte[,,] copy = ArrayFormat.Of<byte>([2, 3, 4]).View(bytes).ToArray3D<byte>();
        Assert.Equal((2, 3, 4), (copy.GetLength(0), copy.GetLength(1), copy.GetLength(2)));
        Assert.Equal(23, copy[1, 2, 3]);
        Assert.Equal(14, copy[1, 0, 2]);
    }

    [Fact]
    public void Wrong_types_indices_and_sizes_are_refused()
    {
        byte[] bytes = new byte[24];
        ArrayFormat format = ArrayFormat.Of<int>([2, 3]);
        Assert.Throws<InvalidOperationException>(() => format.View(bytes).AsSpan<float>());
        Assert.Throws<InvalidOperationException>(() => format.View(bytes).Get<uint>(0, 0));
        Assert.Throws<InvalidOperationException>(() => format.View(bytes).ToArray<byte>());
        Assert.Throws<InvalidOperationException>(() => format.View(bytes).ToArray3D<int>());
        Assert.Throws<ArgumentException>(() => format.View(bytes).Get<int>(1));
        Assert.Throws<ArgumentOutOfRangeException>(() => format.View(bytes).Get<int>(2, 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => format.View(bytes).Get<int>(0, -1));
        Assert.Throws<ArgumentException>(() => format.View(bytes).CopyTo(new int[5].AsSpan()));
        Assert.Throws<ArgumentException>(() => format.View(bytes.AsSpan(1)));
        var swapped = new ArrayFormat(ElementType.Int32, [2, 3], byteOrder: ByteOrder.BigEndian);
        Assert.Throws<InvalidOperationException>(() => swapped.View(bytes).AsSpan<int>());
    }

    [Fact]
    public void An_array_without_elements_has_no_bytes()
    {
        ArrayView view = ArrayFormat.Of<double>([3, 0, 2], ArrayOrder.F).View([]);
        Assert.Empty(view.ToArray<double>());
        Assert.True(view.AsSpan<double>().IsEmpty && view.Bytes.IsEmpty);
        Assert.Equal([3, 0, 2], view.Shape.ToArray());
    }

    private static byte[] SwapParts<T>(byte[] bytes)
        where T : unmanaged
    {
        int size = bytes.Length / 3;
        int part = typeof(T) == typeof(Complex) || typeof(T) == typeof(ComplexSingle) ? size / 2 : size;
        return [.. bytes.Chunk(part).SelectMany(chunk => chunk.AsEnumerable().Reverse())];
    }
}
