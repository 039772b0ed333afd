// Frames and answers as Memory: one that holds its bytes (pooled), and parts of a frame for a sequence (not pooled, holding nothing).
using System;
using System.Buffers;
using System.Threading;

namespace ZeroBuffer;

/// <summary>
/// The bytes of a frame, or of an answer, as memory that keeps it held. From <see cref="Frame.AsMemory"/> and
/// <see cref="Response.AsMemory"/>.
/// </summary>
/// <remarks>
/// Dispose it, once, or any copy of it; again does nothing. <see cref="Memory"/> and what was made of it must not be used after
/// that: it throws <see cref="ObjectDisposedException"/> until the reader's pool uses the object behind it for another frame.
/// Valid also after the frame and the reader were disposed. Any thread.
/// </remarks>
public readonly struct FrameMemory : IDisposable, IEquatable<FrameMemory>
{
    private readonly FrameMemoryManager? _manager;
    private readonly long _token;

    internal FrameMemory(FrameMemoryManager manager, long token)
    {
        _manager = manager;
        _token = token;
    }

    /// <summary>The bytes.</summary>
    /// <exception cref="ObjectDisposedException">This, or a copy, was disposed.</exception>
    /// <remarks>Allocates nothing; <c>Pin()</c> of it does, and holds the frame until it is unpinned.</remarks>
    public ReadOnlyMemory<byte> Memory
    {
        get
        {
            if (_manager is null || !_manager.IsCurrent(_token))
            {
                FrameTable.ThrowReleased();
            }
            return _manager.Memory;
        }
    }

    /// <summary>Holds the frame no longer.</summary>
    /// <remarks>Any thread. Never waits; may wake the writer.</remarks>
    public void Dispose() => _manager?.End(_token);

    /// <summary>Whether both are the same memory, disposed or not.</summary>
    /// <param name="other">Another one.</param>
    public bool Equals(FrameMemory other) => _manager == other._manager && _token == other._token;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is FrameMemory other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _token.GetHashCode();

    /// <summary>Whether both are the same memory.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(FrameMemory left, FrameMemory right) => left.Equals(right);

    /// <summary>Whether they are different.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(FrameMemory left, FrameMemory right) => !left.Equals(right);
}

/// <summary>Bytes that are lent, as what makes memory of them sees them: for who holds them.</summary>
internal unsafe interface IHeldBytes
{
    byte* BytesOfHeld(uint index, out nuint size);

    /// <summary>One holder more beside any that there is. False where nobody holds.</summary>
    bool TryAddHolderBesideAnother(ulong key, uint index);

    /// <summary>One holder less.</summary>
    void RemoveHolder(uint index);

    /// <summary>Nobody uses this memory any more.</summary>
    void ReturnManager(FrameMemoryManager manager);
}

/// <summary>What stands behind a <see cref="FrameMemory"/>; used again and again.</summary>
internal sealed unsafe class FrameMemoryManager(IHeldBytes table) : MemoryManager<byte>
{
    private ulong _key;
    private uint _index;
    private byte* _data;
    private int _length;
    private long _token; // odd: in use

    internal FrameMemory Begin(ulong key, uint index)
    {
        // the caller has added the holder that this is, so that the bytes cannot go
        _data = table.BytesOfHeld(index, out nuint size);
        _length = (int)size;
        _key = key;
        _index = index;
        long token = _token + 1;
        Volatile.Write(ref _token, token);
        return new FrameMemory(this, token);
    }

    internal bool IsCurrent(long token) => Volatile.Read(ref _token) == token;

    internal void End(long token)
    {
        if (Interlocked.CompareExchange(ref _token, token + 1, token) == token)
        {
            table.RemoveHolder(_index);
            table.ReturnManager(this);
        }
    }

    public override Span<byte> GetSpan()
    {
        if ((Volatile.Read(ref _token) & 1) == 0)
        {
            FrameTable.ThrowReleased();
        }
        return new Span<byte>(_data, _length);
    }

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)_length, nameof(elementIndex));
        uint index = _index;
        if ((Volatile.Read(ref _token) & 1) == 0 || !table.TryAddHolderBesideAnother(_key, index))
        {
            FrameTable.ThrowReleased();
        }
        return new MemoryHandle(table.BytesOfHeld(index, out _) + elementIndex, default, new FramePin(table, index));
    }

    public override void Unpin()
    {
        // each pin is unpinned by its own FramePin
    }

    protected override void Dispose(bool disposing)
    {
        // ended by End(), which knows who asks
    }
}

/// <summary>A part of a frame for a sequence; holds nothing.</summary>
internal sealed unsafe class FramePart(FrameTable table, ulong key, nuint offset, int length) : MemoryManager<byte>
{
    private const int MostBytes = 1 << 30;

    internal static ReadOnlySequence<byte> Sequence(FrameTable table, ulong key)
    {
        nuint size = table.Size(key);
        if (size == 0)
        {
            return ReadOnlySequence<byte>.Empty;
        }
        if (size <= int.MaxValue)
        {
            return new ReadOnlySequence<byte>(new FramePart(table, key, 0, (int)size).Memory);
        }
        Segment? first = null;
        Segment? last = null;
        for (nuint offset = 0; offset < size; offset += MostBytes)
        {
            int length = (int)Math.Min(MostBytes, size - offset);
            last = new Segment(new FramePart(table, key, offset, length).Memory, (long)offset, last);
            first ??= last;
        }
        return new ReadOnlySequence<byte>(first!, 0, last!, last!.Memory.Length);
    }

    public override Span<byte> GetSpan() => new(table.Bytes(key, out _) + offset, length);

    public override MemoryHandle Pin(int elementIndex = 0)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)length, nameof(elementIndex));
        if (!table.TryAddHolder(key))
        {
            FrameTable.ThrowReleased();
        }
        uint index = table.IndexOf(key);
        return new MemoryHandle(table.BytesOfHeld(index, out _) + offset + elementIndex, default, new FramePin(table, index));
    }

    public override void Unpin()
    {
        // each pin is unpinned by its own FramePin
    }

    protected override void Dispose(bool disposing)
    {
        // holds nothing
    }

    private sealed class Segment : ReadOnlySequenceSegment<byte>
    {
        internal Segment(ReadOnlyMemory<byte> memory, long runningIndex, Segment? before)
        {
            Memory = memory;
            RunningIndex = runningIndex;
            if (before is not null)
            {
                before.Next = this;
            }
        }
    }
}

/// <summary>One pin of a frame's memory, which holds the frame.</summary>
internal sealed class FramePin(IHeldBytes table, uint index) : IPinnable
{
    private int _unpinned;

    public MemoryHandle Pin(int elementIndex) => throw new NotSupportedException("pin the memory");

    public void Unpin()
    {
        if (Interlocked.Exchange(ref _unpinned, 1) == 0)
        {
            table.RemoveHolder(index);
        }
    }
}
