// What stands behind the payload of an array frame (type 2): one frame's format and times. Owns those bytes (docs/arrays.md)
// and checks every one of them before anything believes them. Must not know readers and writers.
using System;
using System.Buffers.Binary;

namespace ZeroBuffer;

/// <summary>What stands at the end of an array frame: its format, and when it was captured and sent.</summary>
/// <param name="Format">Element type, shape and order of this frame's array; names travel in the metadata only.</param>
/// <param name="TimestampNanoseconds">When it was captured, by the application's own clock; null where it is not said.</param>
/// <param name="SendTimeNanoseconds">When it was published, by this machine's CLOCK_MONOTONIC; null where it is not said.</param>
public readonly record struct ArrayDescriptor(
    ArrayFormat Format, long? TimestampNanoseconds = null, long? SendTimeNanoseconds = null)
{
    /// <summary>The type of a frame that ends in a descriptor.</summary>
    public const int FrameType = 2;

    /// <summary>Bytes at the end of a frame that hold any descriptor.</summary>
    internal const int MaxSize = MinSize + (8 * ArrayLayout.MaxDimensions);

    private const int HeadSize = 40;
    private const int MinSize = HeadSize + 8;
    private const int Version = 1;
    private const byte HasTimestamp = 1;
    private const byte HasSendTime = 2;

    /// <summary>Bytes of the descriptor alone.</summary>
    public int Size => SizeFor(Format);

    private static ReadOnlySpan<byte> Magic => "ZBAR"u8;

    /// <summary>Bytes of a frame with such an array and its descriptor.</summary>
    /// <param name="format">What the array looks like.</param>
    public static long FrameSize(ArrayFormat format)
    {
        ArgumentNullException.ThrowIfNull(format);
        return RoundUp(format.ByteCount) + SizeFor(format);
    }

    /// <summary>Reads the descriptor at the end of a frame's bytes, and checks all of it.</summary>
    /// <param name="frame">All bytes of the frame, or at least its last 304 where <paramref name="frameSize"/> is given.</param>
    /// <param name="frameSize">Bytes of the whole frame, where <paramref name="frame"/> has only its end.</param>
    /// <exception cref="CorruptException">Something in it is impossible; the text says what.</exception>
    /// <exception cref="ArgumentException"><paramref name="frame"/> is shorter than a descriptor's end may be.</exception>
    public static ArrayDescriptor Read(ReadOnlySpan<byte> frame, long? frameSize = null) =>
        Read(frame, frameSize ?? frame.Length, null);

    /// <summary>As <see cref="Read(ReadOnlySpan{byte}, long?)"/>; gives <paramref name="known"/> back, and allocates nothing,
    /// where the format is that one.</summary>
    internal static ArrayDescriptor Read(ReadOnlySpan<byte> frame, long frameSize, ArrayFormat? known)
    {
        int tailSize = (int)Math.Min(frameSize, MaxSize);
        if (frame.Length < tailSize)
        {
            throw new ArgumentException($"The last {tailSize} bytes of the frame are needed, not {frame.Length}.", nameof(frame));
        }

        Span<byte> copy = stackalloc byte[MaxSize];
        Span<byte> tail = copy[..tailSize];
        frame[^tailSize..].CopyTo(tail); // fetched once: a hostile writer may change it
        if (tailSize < MinSize)
        {
            throw new CorruptException($"An array frame of {frameSize} bytes cannot hold a descriptor.");
        }

        ulong length = BinaryPrimitives.ReadUInt64LittleEndian(tail[^8..]);
        if (length < MinSize || length > (ulong)tailSize || length % 8 != 0)
        {
            throw new CorruptException($"A descriptor of {length} bytes in an array frame of {frameSize}.");
        }

        return Parse(tail[^(int)length..], frameSize, known);
    }

    /// <summary>Writes the descriptor.</summary>
    /// <param name="destination">At least <see cref="Size"/> bytes; a frame's last ones.</param>
    /// <returns>The bytes written, <see cref="Size"/>.</returns>
    /// <exception cref="ArgumentException"><paramref name="destination"/> is too small.</exception>
    /// <remarks>Allocates nothing.</remarks>
    public int Write(Span<byte> destination)
    {
        int size = Size;
        if (destination.Length < size)
        {
            throw new ArgumentException($"A descriptor of {size} bytes does not fit {destination.Length}.", nameof(destination));
        }

        destination = destination[..size];
        Magic.CopyTo(destination);
        BinaryPrimitives.WriteUInt16LittleEndian(destination[4..], Version);
        destination[6] = (byte)Format.ElementType.Kind();
        destination[7] = (byte)Format.ElementType.SizeInBytes();
        destination[8] = (byte)Format.ByteOrder;
        destination[9] = (byte)Format.Order;
        destination[10] = (byte)Format.Shape.Length;
        destination[11] = (byte)((TimestampNanoseconds is null ? 0 : HasTimestamp) | (SendTimeNanoseconds is null ? 0 : HasSendTime));
        BinaryPrimitives.WriteUInt32LittleEndian(destination[12..], 0);
        BinaryPrimitives.WriteInt64LittleEndian(destination[16..], Format.ByteCount);
        BinaryPrimitives.WriteInt64LittleEndian(destination[24..], TimestampNanoseconds ?? 0);
        BinaryPrimitives.WriteInt64LittleEndian(destination[32..], SendTimeNanoseconds ?? 0);
        for (int i = 0; i < Format.Shape.Length; ++i)
        {
            BinaryPrimitives.WriteInt64LittleEndian(destination[(HeadSize + (8 * i))..], Format.Shape[i]);
        }

        BinaryPrimitives.WriteInt64LittleEndian(destination[^8..], size);
        return size;
    }

    private static ArrayDescriptor Parse(ReadOnlySpan<byte> bytes, long frameSize, ArrayFormat? known)
    {
        int dimensions = bytes[10];
        int flags = bytes[11];
        long timestamp = BinaryPrimitives.ReadInt64LittleEndian(bytes[24..]);
        long sendTime = BinaryPrimitives.ReadInt64LittleEndian(bytes[32..]);
        CheckFixedPart(bytes, flags, timestamp, sendTime);
        if (bytes.Length != MinSize + (8 * dimensions))
        {
            throw new CorruptException($"An array descriptor of {bytes.Length} bytes for {dimensions} dimensions.");
        }

        if (!ElementTypes.TryFrom(bytes[6], bytes[7], out ElementType type))
        {
            throw new CorruptException($"An array descriptor of elements of kind {bytes[6]} and {bytes[7]} bytes, which is no dtype.");
        }

        if (bytes[7] == 1 && bytes[8] != 0)
        {
            throw new CorruptException("An array descriptor with a byte order for single bytes.");
        }

        Span<long> shape = stackalloc long[ArrayLayout.MaxDimensions];
        shape = shape[..dimensions];
        for (int i = 0; i < dimensions; ++i)
        {
            shape[i] = BinaryPrimitives.ReadInt64LittleEndian(bytes[(HeadSize + (8 * i))..]); // 2^63 and more: negative
        }

        ArrayFormat format = MakeFormat(type, (ByteOrder)bytes[8], shape, (ArrayOrder)bytes[9], known);
        ulong dataBytes = BinaryPrimitives.ReadUInt64LittleEndian(bytes[16..]);
        if (dataBytes != (ulong)format.ByteCount || RoundUp(format.ByteCount) + bytes.Length != frameSize)
        {
            throw new CorruptException(
                $"An array of {format.ByteCount} bytes is described in a frame of {frameSize} with {dataBytes} of data.");
        }

        return new ArrayDescriptor(
            format, (flags & HasTimestamp) != 0 ? timestamp : null, (flags & HasSendTime) != 0 ? sendTime : null);
    }

    private static void CheckFixedPart(ReadOnlySpan<byte> bytes, int flags, long timestamp, long sendTime)
    {
        int version = BinaryPrimitives.ReadUInt16LittleEndian(bytes[4..]);
        if (!bytes.StartsWith(Magic) || version != Version)
        {
            throw new CorruptException(
                $"An array descriptor begins with {Convert.ToHexString(bytes[..4])}, version {version}, instead of " +
                $"{Convert.ToHexString(Magic)}, version {Version}.");
        }

        uint reserved = BinaryPrimitives.ReadUInt32LittleEndian(bytes[12..]);
        if (bytes[8] > 1 || bytes[9] > 1 || (flags & ~(HasTimestamp | HasSendTime)) != 0 || reserved != 0)
        {
            throw new CorruptException(
                $"An array descriptor with byte order {bytes[8]}, order {bytes[9]}, flags {flags}, reserved {reserved}.");
        }

        if ((timestamp != 0 && (flags & HasTimestamp) == 0) || (sendTime != 0 && (flags & HasSendTime) == 0))
        {
            throw new CorruptException(
                $"An array descriptor with timestamp {timestamp} and send time {sendTime}, which flags {flags} deny.");
        }
    }

    private static ArrayFormat MakeFormat(
        ElementType type, ByteOrder byteOrder, ReadOnlySpan<long> shape, ArrayOrder order, ArrayFormat? known)
    {
        if (known is not null && known.Layout.Is(type, byteOrder, shape, order))
        {
            return known;
        }

        return ArrayLayout.FindMistake(shape, type.SizeInBytes()) is string mistake
            ? throw new CorruptException($"An array descriptor: {mistake}.")
            : ArrayFormat.FromChecked(type, byteOrder, shape, order);
    }

    private static int SizeFor(ArrayFormat format) => MinSize + (8 * format.Shape.Length);

    private static long RoundUp(long size) => (size + 7) & ~7L;
}
