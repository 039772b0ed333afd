// A claim as the buffer writer that serialisers want. One object per writer.
using System;
using System.Buffers;

namespace ZeroBuffer;

/// <summary>The room of a claim as a buffer writer. From <see cref="Claim.AsBufferWriter"/>.</summary>
/// <remarks>Its spans and memory must not be used after the commit. Allocates nothing, but for the first <see cref="GetMemory"/>.</remarks>
/// <example><code>
/// using Claim claim = writer.Claim(64 &lt;&lt; 10);
/// ClaimBufferWriter buffer = claim.AsBufferWriter();
/// using (var json = new Utf8JsonWriter(buffer))
/// {
///     JsonSerializer.Serialize(json, message);
/// }
/// buffer.Commit();
/// </code></example>
public sealed class ClaimBufferWriter : IBufferWriter<byte>
{
    private Claim _claim;
    private ClaimMemory? _memory;

    internal ClaimBufferWriter()
    {
    }

    /// <summary>Bytes written so far.</summary>
    public long WrittenCount { get; private set; }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The claim has not so much room.</exception>
    /// <exception cref="ObjectDisposedException">The claim was committed or discarded.</exception>
    public void Advance(int count)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        if (count > _claim.Length - WrittenCount)
        {
            throw new InvalidOperationException(
                $"the claim has {_claim.Length} bytes, of which {WrittenCount} are written: {count} more do not fit");
        }
        WrittenCount += count;
    }

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The claim has less room left than is asked for.</exception>
    /// <exception cref="ObjectDisposedException">The claim was committed or discarded.</exception>
    public Span<byte> GetSpan(int sizeHint = 0) => _claim.Slice(WrittenCount, Room(sizeHint));

    /// <inheritdoc/>
    /// <exception cref="InvalidOperationException">The claim has less room left than is asked for.</exception>
    /// <exception cref="ObjectDisposedException">The claim was committed or discarded.</exception>
    public Memory<byte> GetMemory(int sizeHint = 0)
    {
        int room = Room(sizeHint);
        _memory ??= new ClaimMemory(this);
        return _memory.From(WrittenCount, room);
    }

    /// <summary>Publishes what was written as a frame.</summary>
    /// <param name="type">0 normal, from 128 the application's.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <exception cref="ObjectDisposedException">The claim was committed or discarded.</exception>
    /// <remarks>As <see cref="Claim.Commit"/>.</remarks>
    public void Commit(ushort type = 0, ulong tag = 0) => _claim.Commit(WrittenCount, type, tag);

    internal ClaimBufferWriter Begin(Claim claim)
    {
        if (_claim != claim)
        {
            _claim = claim;
            WrittenCount = 0;
        }
        return this;
    }

    private int Room(int sizeHint)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(sizeHint);
        long room = _claim.Length - WrittenCount;
        if (room < Math.Max(sizeHint, 1))
        {
            throw new InvalidOperationException(
                $"the claim has {_claim.Length} bytes, of which {WrittenCount} are written: there is no room for "
                + $"{Math.Max(sizeHint, 1)} more. Claim more.");
        }
        return (int)Math.Min(room, int.MaxValue);
    }

    private sealed unsafe class ClaimMemory(ClaimBufferWriter owner) : MemoryManager<byte>
    {
        private long _offset;
        private int _length;

        internal Memory<byte> From(long offset, int length)
        {
            _offset = offset;
            _length = length;
            return CreateMemory(length);
        }

        public override Span<byte> GetSpan() => owner._claim.Slice(_offset, _length);

        public override MemoryHandle Pin(int elementIndex = 0)
        {
            ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)elementIndex, (uint)_length, nameof(elementIndex));
            fixed (byte* bytes = GetSpan())
            {
                return new MemoryHandle(bytes + elementIndex); // native memory: it does not move
            }
        }

        public override void Unpin()
        {
            // nothing was pinned
        }

        protected override void Dispose(bool disposing)
        {
            // owns nothing
        }
    }
}
