// What every picture of a video stream looks like: pixel format, size, planes, frame rate. Owns the video schema and the layout
// of planes (docs/arrays.md). Must not know readers and writers.
using System;
using System.Linq;
using System.Runtime.InteropServices;

namespace ZeroBuffer;

/// <summary>How the pixels of a picture lie in memory.</summary>
public enum PixelFormat : byte
{
    /// <summary>One byte per pixel.</summary>
    Gray8,

    /// <summary>Three bytes per pixel: red, green, blue.</summary>
    Rgb24,

    /// <summary>Three bytes per pixel: blue, green, red.</summary>
    Bgr24,

    /// <summary>Four bytes per pixel: red, green, blue, alpha.</summary>
    Rgba,

    /// <summary>Four bytes per pixel: blue, green, red, alpha.</summary>
    Bgra,

    /// <summary>Three planes Y, U, V; U and V of half the width and height.</summary>
    Yuv420p,

    /// <summary>Three planes Y, U, V; U and V of half the width.</summary>
    Yuv422p,

    /// <summary>Three planes Y, U, V of the same size.</summary>
    Yuv444p,

    /// <summary>Two planes: Y, then U and V interleaved, of half the width and height.</summary>
    Nv12,
}

/// <summary>Pictures per second, as a fraction.</summary>
/// <param name="Numerator">At least 1.</param>
/// <param name="Denominator">At least 1.</param>
public readonly record struct FrameRate(int Numerator, int Denominator = 1);

/// <summary>Where a plane of a picture lies, in bytes.</summary>
/// <param name="Offset">From the picture's beginning to the plane's.</param>
/// <param name="Stride">From a row to the next.</param>
/// <param name="RowBytes">Of a row, without the gap behind it.</param>
/// <param name="Rows">The number of rows.</param>
/// <param name="BytesPerPixel">Of a pixel in this plane.</param>
public readonly record struct VideoPlane(long Offset, int Stride, int RowBytes, int Rows, int BytesPerPixel);

/// <summary>What every picture of a video stream looks like.</summary>
/// <remarks>
/// Planes follow each other without a gap: plane n begins where plane n − 1 ends (stride × rows). Immutable; any thread.
/// </remarks>
/// <example>
/// <code>
/// var video = new VideoFormat(PixelFormat.Rgb24, 1920, 1080, new FrameRate(30));
/// writer.WriteMetadata(video);
/// </code>
/// </example>
public sealed class VideoFormat : StreamFormat, IEquatable<VideoFormat>
{
    private const int MaxSide = 1 << 20;
    private const int MaxStride = 8 << 20;

    private readonly VideoPlane[] _planes;
    private readonly ArrayLayout[] _layouts;

    /// <summary>Checks and keeps a format.</summary>
    /// <param name="pixelFormat">How the pixels lie in memory.</param>
    /// <param name="width">In pixels, 1 … 1,048,576.</param>
    /// <param name="height">In pixels, 1 … 1,048,576.</param>
    /// <param name="frameRate">Null where it is unknown or varies.</param>
    /// <param name="strides">Bytes from row to row, one number per plane; empty: rows without gaps.</param>
    /// <exception cref="InvalidArgumentException">One of them is impossible; the text says which.</exception>
    public VideoFormat(
        PixelFormat pixelFormat, int width, int height, FrameRate? frameRate = null, ReadOnlySpan<int> strides = default)
    {
        if (!Enum.IsDefined(pixelFormat))
        {
            throw new InvalidArgumentException($"This is none of the pixel formats: {pixelFormat}.");
        }

        if (width is < 1 or > MaxSide || height is < 1 or > MaxSide)
        {
            throw new InvalidArgumentException($"A picture of {width} × {height}; each side must be 1 … {MaxSide}.");
        }

        if (frameRate is FrameRate rate && (rate.Numerator < 1 || rate.Denominator < 1))
        {
            throw new InvalidArgumentException($"The frame rate is {rate.Numerator}/{rate.Denominator}; both must be at least 1.");
        }

        PixelFormat = pixelFormat;
        Width = width;
        Height = height;
        FrameRate = frameRate;
        _planes = MakePlanes(pixelFormat, width, height, strides);
        _layouts = Array.ConvertAll(_planes, LayoutOf);
        ByteCount = _planes.Sum(plane => (long)plane.Stride * plane.Rows);
        Layout = _planes.Length == 1 ? _layouts[0] : LayoutOf(_planes, ByteCount);
    }

    /// <summary>How the pixels lie in memory.</summary>
    public PixelFormat PixelFormat { get; }

    /// <summary>In pixels.</summary>
    public int Width { get; }

    /// <summary>In pixels.</summary>
    public int Height { get; }

    /// <summary>Null where it is unknown or varies.</summary>
    public FrameRate? FrameRate { get; }

    /// <summary>Where each plane lies.</summary>
    public ReadOnlySpan<VideoPlane> Planes => _planes;

    /// <inheritdoc/>
    public override long ByteCount { get; }

    /// <summary>Shape of the array of bytes that a picture is seen as.</summary>
    /// <remarks>
    /// (height, width) or (height, width, bytes per pixel) for one plane; (rows of all planes × half widths, width) for
    /// several planes of even size without gaps; (bytes of the picture) else.
    /// </remarks>
    public ReadOnlySpan<long> Shape => Layout.Shape;

    internal override ArrayLayout Layout { get; }

    /// <summary>A plane of the picture at the beginning of a buffer, without a copy.</summary>
    /// <param name="picture">At least <see cref="StreamFormat.ByteCount"/> bytes: a frame's, say.</param>
    /// <param name="index">Of the plane.</param>
    /// <returns>An array of bytes, (rows, columns) or (rows, columns, bytes per pixel).</returns>
    /// <exception cref="ArgumentException"><paramref name="picture"/> is too small, or there is no such plane.</exception>
    /// <remarks>Valid as long as the buffer. Allocates nothing.</remarks>
    public ArrayView ViewPlane(ReadOnlySpan<byte> picture, int index)
    {
        if ((uint)index >= (uint)_planes.Length)
        {
            throw new ArgumentOutOfRangeException(nameof(index), index, $"A picture in {PixelFormat} has {_planes.Length} planes.");
        }

        if (picture.Length < ByteCount)
        {
            throw new ArgumentException($"A picture takes {ByteCount} bytes; the buffer has {picture.Length}.", nameof(picture));
        }

        return new ArrayView(
            in StridedCopy.At(in MemoryMarshal.GetReference(picture), _planes[index].Offset), _layouts[index]);
    }

    /// <inheritdoc/>
    public override byte[] ToMetadata()
    {
        MetadataText text = new MetadataText()
            .Text("kind", "video")
            .Text("pixel_format", NameOf(PixelFormat))
            .Number("width", Width)
            .Number("height", Height)
            .Numbers("strides", Array.ConvertAll(_planes, plane => (long)plane.Stride));
        return (FrameRate is FrameRate rate
            ? text.Numbers("frame_rate", [rate.Numerator, rate.Denominator])
            : text.Null("frame_rate")).ToBytes();
    }

    /// <inheritdoc/>
    public bool Equals(VideoFormat? other) =>
        other is not null && PixelFormat == other.PixelFormat && Width == other.Width && Height == other.Height &&
        FrameRate == other.FrameRate && Planes.SequenceEqual(other.Planes);

    /// <inheritdoc/>
    public override bool Equals(object? obj) => Equals(obj as VideoFormat);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(PixelFormat, Width, Height, FrameRate, ByteCount);

    /// <summary>Pixel format, size and frame rate, for people.</summary>
    public override string ToString() =>
        $"{NameOf(PixelFormat)} {Width} × {Height}" +
        (FrameRate is FrameRate rate ? $" at {rate.Numerator}/{rate.Denominator} per second" : "");

    /// <summary>From parsed metadata.</summary>
    /// <exception cref="CorruptException">It breaks the schema.</exception>
    internal static VideoFormat From(scoped in MetadataFields fields)
    {
        if (!TryParseName(fields.PixelFormat, out PixelFormat pixelFormat))
        {
            throw new CorruptException($"The video metadata has the pixel format {fields.PixelFormat.Text}, which is none.");
        }

        if (!TryGetInt(fields.Width, out int width) || !TryGetInt(fields.Height, out int height))
        {
            throw new CorruptException(
                $"The video metadata says {fields.Width.Text} × {fields.Height.Text}; each side must be 1 … {MaxSide}.");
        }

        int[] strides = [];
        if (!fields.Strides.IsMissingOrNull && (!TryGetInts(fields.Strides, out strides) || strides.Length == 0))
        {
            throw new CorruptException("The strides in the video metadata are neither null nor one number for each plane.");
        }

        int[] rate = [];
        if (!fields.FrameRate.IsMissingOrNull && (!TryGetInts(fields.FrameRate, out rate) || rate.Length != 2))
        {
            throw new CorruptException("The frame_rate in the video metadata is neither null nor two numbers of 1 … 2^31 - 1.");
        }

        try
        {
            return new VideoFormat(
                pixelFormat, width, height, rate.Length == 0 ? null : new FrameRate(rate[0], rate[1]), strides);
        }
        catch (InvalidArgumentException error)
        {
            throw new CorruptException($"Video metadata: {error.Message}");
        }
    }

    private static string NameOf(PixelFormat pixelFormat) => pixelFormat switch
    {
        PixelFormat.Gray8 => "gray8",
        PixelFormat.Rgb24 => "rgb24",
        PixelFormat.Bgr24 => "bgr24",
        PixelFormat.Rgba => "rgba",
        PixelFormat.Bgra => "bgra",
        PixelFormat.Yuv420p => "yuv420p",
        PixelFormat.Yuv422p => "yuv422p",
        PixelFormat.Yuv444p => "yuv444p",
        _ => "nv12",
    };

    private static bool TryParseName(MetadataValue value, out PixelFormat pixelFormat)
    {
        pixelFormat = default;
        if (value.TryGetText(out string name))
        {
            foreach (PixelFormat candidate in Enum.GetValues<PixelFormat>())
            {
                if (NameOf(candidate) == name)
                {
                    pixelFormat = candidate;
                    return true;
                }
            }
        }

        return false;
    }

    private static bool TryGetInt(MetadataValue value, out int number)
    {
        bool found = value.TryGetNumber(out long wide);
        number = (int)Math.Clamp(wide, int.MinValue, int.MaxValue);
        return found && number == wide;
    }

    private static bool TryGetInts(MetadataValue value, out int[] numbers)
    {
        numbers = [];
        if (!value.TryGetNumbers(out long[] wide) || Array.Exists(wide, number => number is < int.MinValue or > int.MaxValue))
        {
            return false;
        }

        numbers = Array.ConvertAll(wide, number => (int)number);
        return true;
    }

    /// <summary>Per plane: bytes per pixel, and by how much width and height are divided (rounded up).</summary>
    private static (int Pixel, int Across, int Down)[] Division(PixelFormat pixelFormat) => pixelFormat switch
    {
        PixelFormat.Gray8 => [(1, 1, 1)],
        PixelFormat.Rgb24 or PixelFormat.Bgr24 => [(3, 1, 1)],
        PixelFormat.Rgba or PixelFormat.Bgra => [(4, 1, 1)],
        PixelFormat.Yuv420p => [(1, 1, 1), (1, 2, 2), (1, 2, 2)],
        PixelFormat.Yuv422p => [(1, 1, 1), (1, 2, 1), (1, 2, 1)],
        PixelFormat.Yuv444p => [(1, 1, 1), (1, 1, 1), (1, 1, 1)],
        _ => [(1, 1, 1), (2, 2, 2)],
    };

    private static VideoPlane[] MakePlanes(PixelFormat pixelFormat, int width, int height, ReadOnlySpan<int> strides)
    {
        (int Pixel, int Across, int Down)[] division = Division(pixelFormat);
        if (!strides.IsEmpty && strides.Length != division.Length)
        {
            throw new InvalidArgumentException($"{strides.Length} strides for {division.Length} planes.");
        }

        var planes = new VideoPlane[division.Length];
        long offset = 0;
        for (int i = 0; i < planes.Length; ++i)
        {
            (int pixel, int across, int down) = division[i];
            int rowBytes = (width + across - 1) / across * pixel;
            int rows = (height + down - 1) / down;
            int stride = strides.IsEmpty ? rowBytes : strides[i];
            if (stride < rowBytes || stride > MaxStride)
            {
                throw new InvalidArgumentException($"The stride of plane {i} is {stride}; it must be {rowBytes} … {MaxStride}.");
            }

            planes[i] = new VideoPlane(offset, stride, rowBytes, rows, pixel);
            offset += (long)stride * rows;
        }

        return planes;
    }

    private static ArrayLayout LayoutOf(VideoPlane plane)
    {
        long columns = plane.RowBytes / plane.BytesPerPixel;
        return plane.BytesPerPixel == 1
            ? new ArrayLayout([plane.Rows, columns], plane.Stride)
            : new ArrayLayout([plane.Rows, columns, plane.BytesPerPixel], plane.Stride);
    }

    /// <summary>All planes as one array of bytes: rows of the first plane's width where they fill them, else flat.</summary>
    private static ArrayLayout LayoutOf(VideoPlane[] planes, long byteCount)
    {
        int row = planes[0].RowBytes;
        bool inRows = byteCount % row == 0 && Array.TrueForAll(planes, plane => plane.Stride == plane.RowBytes);
        return new ArrayLayout(
            ElementType.UInt8, ByteOrder.LittleEndian, inRows ? [byteCount / row, row] : [byteCount], ArrayOrder.C);
    }
}
