// Room for an array in the ring, and what has to be written behind it. Owns where array and descriptor lie in the frame; the room
// itself is Claim's.
using System;
using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ZeroBuffer;

/// <summary>Room for one array, in the ring itself: fill it, then commit. From <see cref="Writer.ClaimArray{T}"/>.</summary>
/// <remarks>As <see cref="Claim"/>: copies of this struct are the same claim; <see cref="Dispose"/> without a commit sends nothing.
/// Allocates nothing.</remarks>
public readonly struct ArrayClaim : IDisposable, IEquatable<ArrayClaim>
{
    private readonly Claim _claim;
    private readonly ArrayFormat? _format;
    private readonly bool _described;
    private readonly long? _timestamp;

    internal ArrayClaim(Claim claim, ArrayFormat format, bool described, long? timestamp)
    {
        _claim = claim;
        _format = format;
        _described = described;
        _timestamp = timestamp;
    }

    /// <summary>What the array looks like.</summary>
    /// <exception cref="ObjectDisposedException">This is <c>default</c>, no claim.</exception>
    public ArrayFormat Format => _format ?? throw new ObjectDisposedException(nameof(ArrayClaim));

    /// <summary>The array's bytes, 64-byte aligned; their content is undefined at first.</summary>
    /// <exception cref="ObjectDisposedException">It was committed or disposed, or the writer was.</exception>
    /// <exception cref="InvalidOperationException">There are more than a span can hold, 2 GiB − 1.</exception>
    public Span<byte> Bytes => Elements<byte>(Format.ByteCount);

    /// <summary>Whether it can still be committed.</summary>
    public bool IsOpen => _claim.IsOpen;

    /// <summary>The elements, in the order of <see cref="Format"/>; their content is undefined at first.</summary>
    /// <typeparam name="T">The type that <see cref="ElementTypes.Of{T}"/> has for the array's elements.</typeparam>
    /// <exception cref="InvalidOperationException">
    /// The elements are no <typeparamref name="T"/>, of the other byte order, or more than a span can hold.
    /// </exception>
    /// <exception cref="ObjectDisposedException">It was committed or disposed, or the writer was.</exception>
    public Span<T> AsSpan<T>()
        where T : unmanaged
    {
        ArrayFormat format = Format;
        if (ElementTypes.Of<T>() != format.ElementType)
        {
            throw new InvalidOperationException($"The elements of this array are {format.ElementType}, not {typeof(T).Name}.");
        }
        if (format.ByteOrder != ArrayFormat.NativeByteOrder && Unsafe.SizeOf<T>() > 1)
        {
            throw new InvalidOperationException($"The elements are {format.ByteOrder}, which this machine is not. Write to Bytes.");
        }
        return Elements<T>(format.ElementCount);
    }

    /// <summary>Publishes the array.</summary>
    /// <param name="tag">A number of the application's.</param>
    /// <exception cref="ObjectDisposedException">It was committed or disposed, or the writer was.</exception>
    /// <exception cref="ForkedException">The writer belongs to the parent process.</exception>
    /// <remarks>Never waits; may wake readers. What is written through a span after this may reach a reader.</remarks>
    public void Commit(ulong tag = 0)
    {
        if (!_described)
        {
            _claim.CommitAll(tag: tag);
            return;
        }
        // on Linux this clock is CLOCK_MONOTONIC in nanoseconds, and the library is for nothing else
        var descriptor = new ArrayDescriptor(Format, _timestamp, Stopwatch.GetTimestamp());
        descriptor.Write(_claim.Slice(_claim.Length - descriptor.Size, descriptor.Size));
        _claim.CommitAll(ArrayDescriptor.FrameType, tag);
    }

    /// <summary>Gives the room back unless it was committed; nothing is sent and no sequence used. Again is harmless.</summary>
    /// <exception cref="ConcurrentUseException">Another thread is inside a call of the writer.</exception>
    public void Dispose() => _claim.Dispose();

    /// <summary>Whether both are the same claim.</summary>
    /// <param name="other">Another one.</param>
    public bool Equals(ArrayClaim other) => _claim == other._claim;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is ArrayClaim other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _claim.GetHashCode();

    /// <summary>Whether both are the same claim.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(ArrayClaim left, ArrayClaim right) => left.Equals(right);

    /// <summary>Whether they are different claims.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(ArrayClaim left, ArrayClaim right) => !left.Equals(right);

    /// <summary>Copies all elements, which lie in <paramref name="order"/>, into the order of the format.</summary>
    internal void Fill(ref readonly byte data, ArrayOrder order)
    {
        ArrayLayout layout = Format.Layout;
        ref byte room = ref First();
        if (order == layout.Order || ArrayLayout.HasBothOrders(layout.Shape))
        {
            StridedCopy.Copy(in data, ref room, layout.ByteCount);
            return;
        }
        int size = layout.ElementType.SizeInBytes();
        Span<long> strides = stackalloc long[ArrayLayout.MaxDimensions];
        strides = strides[..layout.Shape.Length];
        ArrayLayout.FillDenseStrides(strides, layout.Shape, size, order);
        StridedCopy.Run(in data, strides, ref room, layout.Strides, layout.Shape, size);
    }

    private ref byte First() =>
        ref MemoryMarshal.GetReference(_claim.Slice(0, (int)Math.Min(_claim.Length, int.MaxValue)));

    private Span<T> Elements<T>(long count)
        where T : unmanaged
    {
        if (count > int.MaxValue)
        {
            throw new InvalidOperationException($"A span cannot hold {count} elements.");
        }
        return MemoryMarshal.CreateSpan(ref Unsafe.As<byte, T>(ref First()), (int)count);
    }
}
