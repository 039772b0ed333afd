// What a frame says as an array. Owns the rule which description counts (docs/arrays.md); the bytes and their lifetime are
// Frame.cs's.
using System;
using System.Runtime.CompilerServices;

namespace ZeroBuffer;

public readonly unsafe partial struct Frame
{
    /// <summary>When the array was captured, by the writer's own clock; null where the frame does not say.</summary>
    /// <exception cref="ObjectDisposedException">The frame was disposed.</exception>
    /// <exception cref="CorruptException">The descriptor at the frame's end is impossible.</exception>
    public long? TimestampNanoseconds => Type == ArrayDescriptor.FrameType ? ReadDescriptor().TimestampNanoseconds : null;

    /// <summary>When the array was published, by CLOCK_MONOTONIC of this machine; null where the frame does not say.</summary>
    /// <exception cref="ObjectDisposedException">The frame was disposed.</exception>
    /// <exception cref="CorruptException">The descriptor at the frame's end is impossible.</exception>
    /// <remarks>On Linux <see cref="System.Diagnostics.Stopwatch.GetTimestamp"/> is the same clock in the same unit.</remarks>
    public long? SendTimeNanoseconds => Type == ArrayDescriptor.FrameType ? ReadDescriptor().SendTimeNanoseconds : null;

    /// <summary>The frame as an array in shared memory: a view, never a copy.</summary>
    /// <returns>
    /// What the descriptor of an array frame (type 2) says; for a plain frame (type 0) what the stream's metadata says, where
    /// that follows docs/arrays.md (an array or a video); else the bytes, in one dimension.
    /// </returns>
    /// <exception cref="ObjectDisposedException">The frame was disposed.</exception>
    /// <exception cref="CorruptException">What describes the array contradicts the frame.</exception>
    /// <exception cref="IncompatibleException">The metadata is of a later version, or of an unknown kind.</exception>
    /// <remarks>
    /// Valid until the frame is disposed, which nothing checks. Allocates nothing while the format stays the same. Any thread.
    /// </remarks>
    /// <example><code>
    /// using (Frame frame = reader.Read())
    /// {
    ///     ArrayView image = frame.AsArray();
    ///     byte green = image.Get&lt;byte&gt;(10, 20, 1);
    /// }
    /// </code></example>
    public ArrayView AsArray()
    {
        ushort type = Type;
        byte* data = Table.Bytes(_key, out nuint size);
        ref byte first = ref Unsafe.AsRef<byte>(data);
        if (type == ArrayDescriptor.FrameType)
        {
            return new ArrayView(in first, ReadDescriptor().Format.Layout);
        }
        StreamFormat? format = type == 0 ? Reader.GetKnownFormat() : null;
        if (format is null)
        {
            return new ArrayView(in first, (long)size);
        }
        if (format.ByteCount != (long)size)
        {
            throw new CorruptException(
                $"a frame of {size} bytes in a stream of {format.ByteCount} each: {format}", size, (ulong)format.ByteCount);
        }
        return new ArrayView(in first, format.Layout);
    }

    private ArrayDescriptor ReadDescriptor()
    {
        byte* data = Table.Bytes(_key, out nuint size);
        int tail = (int)Math.Min(size, ArrayDescriptor.MaxSize);
        Reader reader = Reader;
        ArrayDescriptor descriptor = ArrayDescriptor.Read(
            new ReadOnlySpan<byte>(data + size - tail, tail), (long)size, reader.LastDescribed);
        reader.LastDescribed = descriptor.Format;
        return descriptor;
    }
}
