// How an array lies in a request or an answer: its bytes, then the descriptor of docs/arrays.md, as in an array frame. Owns where
// each lies and what they say; the memory is the caller's.
using System;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ZeroBuffer;

internal static unsafe class CalledArray
{
    /// <summary>An array of type 2; else the bytes, in one dimension.</summary>
    internal static ArrayView View(byte* data, nuint size, ushort type, Lent lent)
    {
        ref byte first = ref Unsafe.AsRef<byte>(data);
        return type == ArrayDescriptor.FrameType
            ? new ArrayView(in first, Describe(data, size, lent).Format.Layout)
            : new ArrayView(in first, (long)size);
    }

    /// <summary>The elements of an array of type 2, to be changed where they lie.</summary>
    internal static Span<T> Elements<T>(byte* data, nuint size, ushort type, Lent lent)
        where T : unmanaged
    {
        if (type != ArrayDescriptor.FrameType)
        {
            throw new InvalidOperationException($"the request has type {type}, and arrays have type {ArrayDescriptor.FrameType}");
        }
        ArrayFormat format = Describe(data, size, lent).Format;
        // the checks are the view's
        ReadOnlySpan<T> elements = new ArrayView(in Unsafe.AsRef<byte>(data), format.Layout).AsSpan<T>();
        return MemoryMarshal.CreateSpan(ref MemoryMarshal.GetReference(elements), elements.Length);
    }

    internal static ArrayFormat FormatOf<T>(ReadOnlySpan<T> data, ReadOnlySpan<long> shape, ArrayOrder order, Lent lent)
        where T : unmanaged
    {
        ElementType type = ElementTypes.Of<T>();
        ArrayFormat? format = lent.LastSent;
        if (format is null || !format.Layout.Is(type, ArrayFormat.NativeByteOrder, shape, order))
        {
            lent.LastSent = format = new ArrayFormat(type, shape, order, null, ArrayFormat.NativeByteOrder);
        }
        return format.ElementCount == data.Length
            ? format
            : throw new InvalidArgumentException(
                $"an array of shape {ArrayLayout.Text(shape)} has {format.ElementCount} elements, not {data.Length}",
                (ulong)data.Length,
                (ulong)format.ElementCount);
    }

    /// <summary>Copies the elements, and writes behind them what they are.</summary>
    internal static void Fill<T>(Span<byte> room, ReadOnlySpan<T> data, ArrayFormat format)
        where T : unmanaged
    {
        MemoryMarshal.AsBytes(data).CopyTo(room);
        var descriptor = new ArrayDescriptor(format);
        descriptor.Write(room[^descriptor.Size..]);
    }

    internal static int SizeOf(ArrayFormat format)
    {
        long size = ArrayDescriptor.FrameSize(format);
        return size <= Array.MaxLength
            ? (int)size
            : throw new InvalidArgumentException($"an array of {format.ByteCount} bytes is too large for a call", (ulong)size, (ulong)Array.MaxLength);
    }

    private static ArrayDescriptor Describe(byte* data, nuint size, Lent lent)
    {
        int tail = (int)Math.Min(size, ArrayDescriptor.MaxSize);
        ArrayDescriptor descriptor = ArrayDescriptor.Read(
            new ReadOnlySpan<byte>(data + size - tail, tail), (long)size, lent.LastDescribed);
        lent.LastDescribed = descriptor.Format;
        return descriptor;
    }
}
