// A received frame, as a value that is copied freely: its reader's table, and which version of which entry there. Of two words, so
// that it travels in registers.
using System;
using System.Buffers;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace ZeroBuffer;

/// <summary>A received frame: read-only bytes in shared memory, seen in place.</summary>
/// <remarks>
/// <para>The frame is <em>held</em>, and the writer cannot use its room, until <see cref="Dispose"/>, once, of it or of any copy of
/// this struct. Disposing again, from any thread, does nothing. After that every member but <see cref="IsReleased"/> and
/// <see cref="Dispose"/> throws <see cref="ObjectDisposedException"/>. A frame stays valid after its reader was disposed.</para>
/// <para>A span of a frame must not be used after the frame was disposed: as with every span over memory that has an owner,
/// nothing checks that. Allocates nothing, unless said otherwise. Any thread.</para>
/// </remarks>
/// <example><code>
/// using (Frame frame = reader.Read())
/// {
///     Process(frame.Span, frame.Sequence);
/// }
/// </code></example>
[SuppressMessage("Naming", "CA1720:Identifier contains type name", Justification = "what it is")]
public readonly partial struct Frame : IDisposable, IEquatable<Frame>
{
    private readonly FrameTable? _table;
    private readonly ulong _key;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal Frame(FrameTable table, ulong key)
    {
        _table = table;
        _key = key;
    }

    /// <summary>The bytes, 64-byte aligned, unchanged until the frame is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The frame was disposed.</exception>
    /// <exception cref="InvalidOperationException">
    /// It has more than 2 GiB − 1 bytes, which no span can: use <see cref="AsSequence"/> or <see cref="Slice"/>.
    /// </exception>
    public unsafe ReadOnlySpan<byte> Span
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            byte* data = Table.Bytes(_key, out nuint size);
            if (size > int.MaxValue)
            {
                ThrowTooLong(size);
            }
            return new ReadOnlySpan<byte>(data, (int)size);
        }
    }

    /// <summary>Bytes.</summary>
    /// <exception cref="ObjectDisposedException">The frame was disposed.</exception>
    public long Length => (long)Table.Size(_key);

    /// <summary>1 for the first frame of the buffer, and one more for each.</summary>
    /// <exception cref="ObjectDisposedException">The frame was disposed.</exception>
    public ulong Sequence => Table.Sequence(_key);

    /// <summary>0 normal, 2 an array frame (docs/arrays.md), 1-127 reserved, from 128 the application's.</summary>
    /// <exception cref="ObjectDisposedException">The frame was disposed.</exception>
    public ushort Type => Table.Type(_key);

    /// <summary>A number of the application's.</summary>
    /// <exception cref="ObjectDisposedException">The frame was disposed.</exception>
    public ulong Tag => Table.Tag(_key);

    /// <summary>Whether the frame, or a copy of it, was disposed. True for <c>default</c>.</summary>
    public bool IsReleased => _table is null || !_table.IsHeld(_key);

    /// <summary>The reader that handed it out, also after that was disposed.</summary>
    /// <exception cref="ObjectDisposedException">This is <c>default</c>, no frame.</exception>
    public Reader Reader => Table.Reader;

    private FrameTable Table
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if (_table is null)
            {
                FrameTable.ThrowReleased();
            }
            return _table;
        }
    }

    /// <summary>Part of the bytes; for frames of any size.</summary>
    /// <param name="offset">Where it begins.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie in the frame.</exception>
    /// <exception cref="ObjectDisposedException">The frame was disposed.</exception>
    public unsafe ReadOnlySpan<byte> Slice(long offset, int length)
    {
        byte* data = Table.Bytes(_key, out nuint size);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)offset + (ulong)length, (ulong)size, nameof(length));
        return new ReadOnlySpan<byte>(data + offset, length);
    }

    /// <summary>The bytes as values of another type, in place.</summary>
    /// <typeparam name="T">A type without references, laid out as the writer has written it.</typeparam>
    /// <exception cref="InvalidOperationException">
    /// The frame's length is no multiple of the size of <typeparamref name="T"/>, or there are too many for a span.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The frame was disposed.</exception>
    /// <remarks>A frame begins 64-byte aligned, which is enough for every type.</remarks>
    public unsafe ReadOnlySpan<T> As<T>()
        where T : unmanaged
    {
        byte* data = Table.Bytes(_key, out nuint size);
        nuint count = size / (nuint)sizeof(T);
        if (count * (nuint)sizeof(T) != size)
        {
            throw new InvalidOperationException(
                $"the frame has {size} bytes, which is no multiple of the {sizeof(T)} of {typeof(T).Name}");
        }
        if (count > int.MaxValue)
        {
            ThrowTooLong(size);
        }
        return new ReadOnlySpan<T>(data, (int)count);
    }

    /// <summary>The bytes as memory that keeps the frame held by itself, until it is disposed.</summary>
    /// <returns>
    /// A value to dispose. The frame's room comes back when the frame <em>and</em> every memory of it were disposed, in any order.
    /// </returns>
    /// <exception cref="InvalidOperationException">It has more than 2 GiB − 1 bytes: use <see cref="AsSequence"/>.</exception>
    /// <exception cref="ObjectDisposedException">The frame was disposed.</exception>
    /// <remarks>The object behind it is pooled by the reader: nothing is allocated in the long run. Any thread.</remarks>
    /// <example><code>
    /// using FrameMemory memory = frame.AsMemory();
    /// frame.Dispose();
    /// await socket.SendAsync(memory.Memory, cancellationToken);
    /// </code></example>
    public FrameMemory AsMemory()
    {
        FrameTable table = Table;
        nuint size = table.Size(_key);
        if (size > int.MaxValue)
        {
            ThrowTooLong(size);
        }
        if (!table.TryAddHolder(_key))
        {
            FrameTable.ThrowReleased();
        }
        return table.RentManager().Begin(_key, table.IndexOf(_key));
    }

    /// <summary>The bytes as a sequence; for frames of any size, in parts of at most 1 GiB beyond 2 GiB − 1.</summary>
    /// <exception cref="ObjectDisposedException">The frame was disposed.</exception>
    /// <remarks>
    /// Does not hold the frame: once that was disposed, the sequence's memory throws <see cref="ObjectDisposedException"/>. Pinning
    /// a part of it holds the frame until it is unpinned. Allocates an object per part.
    /// </remarks>
    public ReadOnlySequence<byte> AsSequence() => FramePart.Sequence(Table, _key);

    /// <summary>Gives the bytes back to the writer, unless this or a copy was disposed before.</summary>
    /// <remarks>Any thread, also after the reader was disposed. Never waits; may wake the writer.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dispose() => _table?.Release(_key);

    /// <summary>Whether both are the same frame, released or not.</summary>
    /// <param name="other">Another frame.</param>
    public bool Equals(Frame other) => _table == other._table && _key == other._key;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Frame other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_table is null ? 0 : RuntimeHelpers.GetHashCode(_table), _key);

    /// <summary>Whether both are the same frame.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(Frame left, Frame right) => left.Equals(right);

    /// <summary>Whether they are different frames.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(Frame left, Frame right) => !left.Equals(right);

    /// <summary>For people: sequence, size, type and tag.</summary>
    public override string ToString() => IsReleased
        ? "Frame (released)"
        : $"Frame {Sequence}: {Length} bytes, type {Type}, tag {Tag}";

    internal Interop.NativeFrame Take() => Table.Take(_key);

    internal void PutBack() => _table!.PutBack(_key);

    internal void TakenAway() => _table!.TakenAway();

    [DoesNotReturn]
    private static void ThrowTooLong(nuint size) => throw new InvalidOperationException(
        $"the frame has {size} bytes; a span or memory has at most {int.MaxValue} elements. Use AsSequence(), or Slice(offset, length).");
}
