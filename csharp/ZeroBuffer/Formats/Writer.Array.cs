// How a writer sends arrays: what it announces in the metadata, which arrays must say themselves what they are, and the copy.
// Owns those decisions (docs/arrays.md); room, publishing and waiting are Writer.cs's.
using System;
using System.Collections.Generic;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Threading;

namespace ZeroBuffer;

public sealed unsafe partial class Writer
{
    private StreamFormat? _knownFormat; // what the metadata says, where this writer wrote it
    private ArrayFormat? _lastFormat;   // so that arrays that repeat cost no memory
    private bool _announced;            // the metadata is written, by somebody, or cannot be

    /// <summary>Writes metadata that tells every reader what the frames hold; once, before the first frame.</summary>
    /// <param name="format">An <see cref="ArrayFormat"/> or a <see cref="VideoFormat"/>.</param>
    /// <remarks>Throws as <see cref="WriteMetadata(ReadOnlySpan{byte})"/>. Never waits.</remarks>
    /// <example><code>
    /// writer.WriteMetadata(new VideoFormat(PixelFormat.Rgb24, 1920, 1080, new FrameRate(30)));
    /// </code></example>
    public void WriteMetadata(StreamFormat format)
    {
        ArgumentNullException.ThrowIfNull(format);
        WriteMetadata(format.ToMetadata().AsSpan());
    }

    /// <summary>Sends a copy of an array.</summary>
    /// <typeparam name="T">See <see cref="ElementTypes.Of{T}"/>.</typeparam>
    /// <param name="data">All elements, in the order that <paramref name="order"/> says.</param>
    /// <param name="shape">Its dimensions, at most 32.</param>
    /// <param name="timeout">To wait for room: zero looks once; null waits for ever.</param>
    /// <param name="timestampNanoseconds">When it was captured, by whatever clock the application uses.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <param name="order">Which index is the fastest in <paramref name="data"/>.</param>
    /// <param name="names">Of the dimensions, for the metadata.</param>
    /// <returns>True when it was sent; false where the time ran out, or it was dropped.</returns>
    /// <exception cref="InvalidArgumentException">
    /// The shape is impossible, is not that of <paramref name="data"/>, or has another size than a video's pictures.
    /// </exception>
    /// <remarks>
    /// <para>The first array of a stream whose metadata nobody wrote writes it (docs/arrays.md); arrays that differ from it, or that
    /// have a timestamp, carry a descriptor of their own. An array that differs in its order alone is brought into the stream's.</para>
    /// <para>Else as <see cref="Write(ReadOnlySpan{byte}, TimeSpan, ushort, ulong)"/>. Allocates nothing while the format stays the
    /// same.</para>
    /// </remarks>
    /// <example><code>
    /// writer.WriteArray&lt;float&gt;(points, [points.Length / 3, 3]);
    /// </code></example>
    public bool WriteArray<T>(
        ReadOnlySpan<T> data,
        ReadOnlySpan<long> shape,
        TimeSpan? timeout = null,
        long? timestampNanoseconds = null,
        ulong tag = 0,
        ArrayOrder order = ArrayOrder.C,
        IReadOnlyList<string>? names = null)
        where T : unmanaged
    {
        ElementType type = ElementTypes.Of<T>();
        ArrayFormat format = FormatFor(type, ArrayFormat.NativeByteOrder, shape, OrderFor(type, shape, order), names);
        if (format.ElementCount != data.Length)
        {
            throw new InvalidArgumentException(
                $"an array of shape {ArrayLayout.Text(shape)} has {format.ElementCount} elements, not {data.Length}",
                (ulong)data.Length,
                (ulong)format.ElementCount);
        }
        return Send(
            ref Unsafe.As<T, byte>(ref MemoryMarshal.GetReference(data)), format, order, timeout, timestampNanoseconds, tag);
    }

    /// <summary>Sends a copy of an array of any format, given as its bytes.</summary>
    /// <param name="format">What it looks like; one object for many arrays.</param>
    /// <param name="data">Its bytes, in its own order and byte order.</param>
    /// <param name="timeout">To wait for room: zero looks once; null waits for ever.</param>
    /// <param name="timestampNanoseconds">When it was captured, by whatever clock the application uses.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <returns>True when it was sent; false where the time ran out, or it was dropped.</returns>
    /// <exception cref="InvalidArgumentException"><paramref name="data"/> has another size.</exception>
    /// <remarks>As the other overload.</remarks>
    public bool WriteArray(
        ArrayFormat format,
        ReadOnlySpan<byte> data,
        TimeSpan? timeout = null,
        long? timestampNanoseconds = null,
        ulong tag = 0)
    {
        ArgumentNullException.ThrowIfNull(format);
        if (format.ByteCount != data.Length)
        {
            throw new InvalidArgumentException(
                $"an array of {format} has {format.ByteCount} bytes, not {data.Length}", (ulong)data.Length, (ulong)format.ByteCount);
        }
        ArrayOrder order = OrderFor(format.ElementType, format.Shape, format.Order, format.ByteOrder);
        ArrayFormat sent = order == format.Order
            ? format
            : FormatFor(format.ElementType, format.ByteOrder, format.Shape, order, format.Names);
        return Send(ref MemoryMarshal.GetReference(data), sent, format.Order, timeout, timestampNanoseconds, tag);
    }

    /// <summary>Takes room for an array, to be filled in place; waits for it, for ever.</summary>
    /// <typeparam name="T">See <see cref="ElementTypes.Of{T}"/>.</typeparam>
    /// <param name="shape">Its dimensions, at most 32.</param>
    /// <param name="order">Which index is the fastest in memory.</param>
    /// <param name="names">Of the dimensions, for the metadata.</param>
    /// <param name="timestampNanoseconds">When it was captured, by whatever clock the application uses.</param>
    /// <returns>The room; commit or dispose it.</returns>
    /// <remarks>
    /// Metadata and descriptors: see <see cref="WriteArray{T}"/>. Else as <see cref="Claim(long)"/>. Allocates nothing while the
    /// format stays the same.
    /// </remarks>
    /// <example><code>
    /// using ArrayClaim image = writer.ClaimArray&lt;byte&gt;([1080, 1920, 3]);
    /// image.AsSpan&lt;byte&gt;().Fill(7);
    /// image.Commit();
    /// </code></example>
    public ArrayClaim ClaimArray<T>(
        ReadOnlySpan<long> shape,
        ArrayOrder order = ArrayOrder.C,
        IReadOnlyList<string>? names = null,
        long? timestampNanoseconds = null)
        where T : unmanaged =>
        ClaimArray(FormatFor(ElementTypes.Of<T>(), ArrayFormat.NativeByteOrder, shape, order, names), timestampNanoseconds);

    /// <summary>Takes room for an array of any format, to be filled in place; waits for it, for ever.</summary>
    /// <param name="format">What it looks like; one object for many arrays.</param>
    /// <param name="timestampNanoseconds">When it was captured, by whatever clock the application uses.</param>
    /// <returns>The room; commit or dispose it.</returns>
    /// <remarks>As the other overload.</remarks>
    public ArrayClaim ClaimArray(ArrayFormat format, long? timestampNanoseconds = null)
    {
        ArgumentNullException.ThrowIfNull(format);
        bool described = NeedsDescriptor(format, timestampNanoseconds);
        return new ArrayClaim(Claim(FrameSize(format, described)), format, described, timestampNanoseconds);
    }

    /// <summary>Takes room for an array, to be filled in place.</summary>
    /// <param name="format">What it looks like; one object for many arrays.</param>
    /// <param name="timeout">Zero looks once; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</param>
    /// <param name="claim">The room; commit or dispose it.</param>
    /// <param name="timestampNanoseconds">When it was captured, by whatever clock the application uses.</param>
    /// <returns>False where the time ran out, or the frame was dropped.</returns>
    /// <remarks>As the other overloads.</remarks>
    public bool ClaimArray(ArrayFormat format, TimeSpan timeout, out ArrayClaim claim, long? timestampNanoseconds = null)
    {
        ArgumentNullException.ThrowIfNull(format);
        bool described = NeedsDescriptor(format, timestampNanoseconds);
        bool taken = Claim(FrameSize(format, described), timeout, out Claim room);
        claim = taken ? new ArrayClaim(room, format, described, timestampNanoseconds) : default;
        return taken;
    }

    /// <summary>
    /// Called with every metadata that this writer has written. It is written, whatever it says; where it is none that is known
    /// here, a later version's for example, every array says itself what it is.
    /// </summary>
    private void NoteMetadata(ReadOnlySpan<byte> metadata)
    {
        _announced = true;
        try
        {
            _knownFormat = StreamFormat.Parse(metadata);
        }
        catch (ZeroBufferException error) when (error is CorruptException or IncompatibleException)
        {
            _knownFormat = null;
        }
    }

    private static long FrameSize(ArrayFormat format, bool described) =>
        described ? ArrayDescriptor.FrameSize(format) : format.ByteCount;

    /// <summary>A format object for these; one that there is already, where nothing but names differs and those are out already.</summary>
    private ArrayFormat FormatFor(
        ElementType type, ByteOrder byteOrder, ReadOnlySpan<long> shape, ArrayOrder order, IReadOnlyList<string>? names)
    {
        if (_announced)
        {
            if (_knownFormat is ArrayFormat known && known.Layout.Is(type, byteOrder, shape, order))
            {
                return known;
            }
            if (_lastFormat is not null && _lastFormat.Layout.Is(type, byteOrder, shape, order))
            {
                return _lastFormat;
            }
        }
        _lastFormat = new ArrayFormat(type, shape, order, names, byteOrder);
        return _lastFormat;
    }

    /// <summary>
    /// The announced order where the array fits it otherwise (so that it needs no descriptor), else its own; C where both are one.
    /// </summary>
    private ArrayOrder OrderFor(ElementType type, ReadOnlySpan<long> shape, ArrayOrder own, ByteOrder? byteOrder = null)
    {
        if (_knownFormat is ArrayFormat known && known.ElementType == type && known.Shape.SequenceEqual(shape) &&
            known.ByteOrder == (type.SizeInBytes() == 1 ? ByteOrder.LittleEndian : byteOrder ?? ArrayFormat.NativeByteOrder))
        {
            return known.Order;
        }
        return own == ArrayOrder.F && ArrayLayout.HasBothOrders(shape) ? ArrayOrder.C : own;
    }

    /// <summary>Whether this array must say itself what it is. Writes the metadata if nobody did.</summary>
    private bool NeedsDescriptor(ArrayFormat format, long? timestampNanoseconds)
    {
        if (!_announced && format.ByteCount <= Info.MaxFrameSize) // else claiming it will fail
        {
            Announce(format);
        }
        if (_knownFormat is VideoFormat video)
        {
            if (video.ByteCount != format.ByteCount)
            {
                throw new InvalidArgumentException(
                    $"an array of {format.ByteCount} bytes in a video of {video.ByteCount} per picture: {video}",
                    (ulong)format.ByteCount,
                    (ulong)video.ByteCount);
            }
            return true; // for the send time
        }
        return timestampNanoseconds is not null || _knownFormat is not ArrayFormat known || !known.IsSameArray(format);
    }

    private void Announce(ArrayFormat format)
    {
        try
        {
            WriteMetadata(format);
        }
        catch (ZeroBufferException error) when (error is MetadataExistsException or MetadataInUseException or MetadataTooLargeException)
        {
            _announced = true; // by somebody, or impossible: every array then says itself what it is
        }
    }

    /// <summary>Sends elements that lie in memory in <paramref name="order"/> as an array of <paramref name="format"/>.</summary>
    private bool Send(
        ref byte data, ArrayFormat format, ArrayOrder order, TimeSpan? timeout, long? timestampNanoseconds, ulong tag)
    {
        TimeSpan wait = timeout ?? Timeout.InfiniteTimeSpan;
        bool described = NeedsDescriptor(format, timestampNanoseconds);
        bool inOrder = order == format.Order || ArrayLayout.HasBothOrders(format.Shape);
        if (inOrder && !described && format.ByteCount <= int.MaxValue)
        {
            return Write(MemoryMarshal.CreateReadOnlySpan(ref data, (int)format.ByteCount), wait, tag: tag);
        }
        if (!Claim(FrameSize(format, described), wait, out Claim room))
        {
            return false;
        }
        using var claim = new ArrayClaim(room, format, described, timestampNanoseconds);
        claim.Fill(ref data, order);
        claim.Commit(tag);
        return true;
    }
}
