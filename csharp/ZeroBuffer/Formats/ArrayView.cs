// An array where it lies: a reference to its first byte and what is known of it. Owns access by element and copying out;
// must not know where the bytes come from, nor who keeps them.
using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ZeroBuffer;

/// <summary>An array in memory that belongs to somebody else: a frame's, mostly. A view, never a copy.</summary>
/// <remarks>
/// Valid as long as what it was made of: a frame's until the frame is released. Nothing here allocates but the methods that say
/// so. Elements come from another process: a <see cref="bool"/> may be neither 0 nor 1.
/// </remarks>
public readonly ref struct ArrayView
{
    private readonly ref readonly byte _data;
    private readonly ArrayLayout? _layout; // null: bytes, _size of them
    private readonly long _size;

    internal ArrayView(ref readonly byte data, ArrayLayout layout)
    {
        _data = ref data;
        _layout = layout;
        _size = layout.ByteCount;
    }

    internal ArrayView(ref readonly byte data, long size)
    {
        _data = ref data;
        _size = size;
    }

    /// <summary>What an element is.</summary>
    public ElementType ElementType => _layout?.ElementType ?? ElementType.UInt8;

    /// <summary>The order of an element's bytes.</summary>
    public ByteOrder ByteOrder => _layout?.ByteOrder ?? ByteOrder.LittleEndian;

    /// <summary>Which index is the fastest in memory.</summary>
    public ArrayOrder Order => _layout?.Order ?? ArrayOrder.C;

    /// <summary>The dimensions; none for a single number.</summary>
    [UnscopedRef]
    public ReadOnlySpan<long> Shape => _layout is null ? new ReadOnlySpan<long>(in _size) : _layout.Shape;

    /// <summary>The number of elements.</summary>
    public long ElementCount => _layout?.ElementCount ?? _size;

    /// <summary>Bytes in memory, those of gaps between rows included.</summary>
    public long ByteCount => _size;

    /// <summary>True where the elements lie one behind the other, in either order.</summary>
    public bool IsContiguous => _layout is not { HasGaps: true };

    /// <summary>All bytes in memory, those of gaps between rows included.</summary>
    /// <exception cref="InvalidOperationException">There are more than a span can hold, 2 GiB − 1.</exception>
    public ReadOnlySpan<byte> Bytes => Span<byte>(_size);

    /// <summary>Bytes in memory from an index of a dimension to the next.</summary>
    /// <param name="dimension">0 is the first.</param>
    /// <exception cref="ArgumentOutOfRangeException">There is no such dimension.</exception>
    public long GetStride(int dimension)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(dimension);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(dimension, Shape.Length);
        return _layout is null ? 1 : _layout.Strides[dimension];
    }

    /// <summary>The elements as they lie in memory, in the order that <see cref="Order"/> says.</summary>
    /// <typeparam name="T">The type that <see cref="ElementTypes.Of{T}"/> has for the array's elements.</typeparam>
    /// <exception cref="InvalidOperationException">
    /// The elements are no <typeparamref name="T"/>, of the other byte order, have gaps between rows, or are more than a span
    /// can hold; the text says which. <see cref="CopyTo{T}"/> and <see cref="Get{T}"/> read the other byte order and gaps.
    /// </exception>
    public ReadOnlySpan<T> AsSpan<T>()
        where T : unmanaged
    {
        CheckElement<T>();
        if (IsSwapped)
        {
            throw new InvalidOperationException($"The elements are {ByteOrder}, which this machine is not. Copy them with CopyTo.");
        }

        if (!IsContiguous)
        {
            throw new InvalidOperationException(
                $"There are gaps between the rows: a row takes {GetStride(0)} bytes. Copy them with CopyTo, or take one row after the other of Bytes.");
        }

        return Span<T>(ElementCount);
    }

    /// <summary>One element, in this machine's byte order.</summary>
    /// <typeparam name="T">See <see cref="AsSpan{T}"/>.</typeparam>
    /// <param name="indices">One for each dimension.</param>
    /// <exception cref="InvalidOperationException">The elements are no <typeparamref name="T"/>.</exception>
    /// <exception cref="ArgumentException">An index too many, too few, or outside.</exception>
    public T Get<T>(params ReadOnlySpan<int> indices)
        where T : unmanaged
    {
        CheckElement<T>();
        long offset = _layout is null ? OffsetInBytes(indices) : _layout.OffsetOf(indices);
        T value = Unsafe.ReadUnaligned<T>(in StridedCopy.At(in _data, offset));
        if (IsSwapped)
        {
            Swap(MemoryMarshal.AsBytes(new Span<T>(ref value)));
        }

        return value;
    }

    /// <summary>Copies all elements in C order (the last index fastest) and in this machine's byte order.</summary>
    /// <typeparam name="T">See <see cref="AsSpan{T}"/>.</typeparam>
    /// <param name="destination">At least <see cref="ElementCount"/> elements.</param>
    /// <exception cref="InvalidOperationException">The elements are no <typeparamref name="T"/>.</exception>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is too small.</exception>
    public void CopyTo<T>(Span<T> destination)
        where T : unmanaged
    {
        CheckElement<T>();
        if (destination.Length < ElementCount)
        {
            throw new ArgumentException($"{ElementCount} elements do not fit {destination.Length}.", nameof(destination));
        }

        if (ElementCount == 0)
        {
            return;
        }

        destination = destination[..(int)ElementCount];
        ref byte to = ref Unsafe.As<T, byte>(ref MemoryMarshal.GetReference(destination));
        if (_layout is null or { IsInCOrder: true })
        {
            StridedCopy.Copy(in _data, ref to, ElementCount * Unsafe.SizeOf<T>());
        }
        else
        {
            Span<long> strides = stackalloc long[ArrayLayout.MaxDimensions];
            strides = strides[.._layout.Shape.Length];
            ArrayLayout.FillDenseStrides(strides, _layout.Shape, Unsafe.SizeOf<T>(), ArrayOrder.C);
            StridedCopy.Run(in _data, _layout.Strides, ref to, strides, _layout.Shape, Unsafe.SizeOf<T>());
        }

        if (IsSwapped)
        {
            for (int i = 0; i < destination.Length; ++i)
            {
                Swap(MemoryMarshal.AsBytes(destination.Slice(i, 1)));
            }
        }
    }

    /// <summary>A copy of all elements in C order and in this machine's byte order.</summary>
    /// <typeparam name="T">See <see cref="AsSpan{T}"/>.</typeparam>
    /// <exception cref="InvalidOperationException">The elements are no <typeparamref name="T"/>.</exception>
    /// <remarks>Allocates the array.</remarks>
    public T[] ToArray<T>()
        where T : unmanaged
    {
        CheckElement<T>();
        var array = new T[ElementCount];
        CopyTo<T>(array);
        return array;
    }

    /// <summary>A copy of an array of two dimensions.</summary>
    /// <typeparam name="T">See <see cref="AsSpan{T}"/>.</typeparam>
    /// <exception cref="InvalidOperationException">There are no two dimensions, or the elements are no
    /// <typeparamref name="T"/>.</exception>
    /// <remarks>Allocates the array.</remarks>
    [SuppressMessage("Performance", "CA1814", Justification = "An array of two dimensions is what is asked for.")]
    public T[,] ToArray2D<T>()
        where T : unmanaged
    {
        CheckElement<T>();
        CheckDimensions(2);
        var array = new T[Shape[0], Shape[1]];
        CopyTo(AllOf<T>(array));
        return array;
    }

    /// <summary>A copy of an array of three dimensions.</summary>
    /// <typeparam name="T">See <see cref="AsSpan{T}"/>.</typeparam>
    /// <exception cref="InvalidOperationException">There are no three dimensions, or the elements are no
    /// <typeparamref name="T"/>.</exception>
    /// <remarks>Allocates the array.</remarks>
    [SuppressMessage("Performance", "CA1814", Justification = "An array of three dimensions is what is asked for.")]
    public T[,,] ToArray3D<T>()
        where T : unmanaged
    {
        CheckElement<T>();
        CheckDimensions(3);
        var array = new T[Shape[0], Shape[1], Shape[2]];
        CopyTo(AllOf<T>(array));
        return array;
    }

    /// <summary>Type, shape and order, for people.</summary>
    /// <remarks>Allocates the text.</remarks>
    public override string ToString() => $"{ElementType} {ArrayLayout.Text(Shape)} in {Order} order";

    private bool IsSwapped =>
        ElementType.SizeInBytes() > 1 && ByteOrder != ArrayFormat.NativeByteOrder;

    private static Span<T> AllOf<T>(Array array)
        where T : unmanaged =>
        MemoryMarshal.CreateSpan(ref Unsafe.As<byte, T>(ref MemoryMarshal.GetArrayDataReference(array)), array.Length);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void CheckElement<T>()
        where T : unmanaged
    {
        if (ElementTypes.Of<T>() != ElementType)
        {
            ThrowElement<T>();
        }
    }

    private void ThrowElement<T>() =>
        throw new InvalidOperationException($"The elements of this array are {ElementType}, not {typeof(T).Name}.");

    private void CheckDimensions(int dimensions)
    {
        if (Shape.Length != dimensions)
        {
            throw new InvalidOperationException($"This array has {Shape.Length} dimensions, not {dimensions}.");
        }
    }

    private long OffsetInBytes(ReadOnlySpan<int> indices)
    {
        if (indices.Length != 1)
        {
            throw new ArgumentException($"{indices.Length} indices for an array of 1 dimension.", nameof(indices));
        }

        if ((uint)indices[0] >= (ulong)_size)
        {
            throw new ArgumentOutOfRangeException(nameof(indices), indices[0], $"The array has {_size} elements.");
        }

        return indices[0];
    }

    private void Swap(Span<byte> element)
    {
        int part = ElementType.SizeOfPart();
        element[..part].Reverse();
        element[part..].Reverse();
    }

    private ReadOnlySpan<T> Span<T>(long count)
        where T : unmanaged
    {
        if (count > int.MaxValue)
        {
            throw new InvalidOperationException($"A span cannot hold {count} elements. Read them with Get.");
        }

        return count == 0
            ? []
            : MemoryMarshal.CreateReadOnlySpan(ref Unsafe.As<byte, T>(ref Unsafe.AsRef(in _data)), (int)count);
    }
}
