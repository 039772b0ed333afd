// Video formats: planes, sizes, and the metadata of docs/arrays.md to the byte.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Xunit;

namespace ZeroBuffer.Tests.Formats;

public sealed class VideoFormatTests
{
    [Fact]
    public void The_example_of_the_document_is_what_is_written()
    {
        var video = new VideoFormat(PixelFormat.Rgb24, 1920, 1080, new FrameRate(30));
        const string expected =
            """{"zerobuffer_schema":1,"kind":"video","pixel_format":"rgb24","width":1920,"height":1080,"strides":[5760],"frame_rate":[30,1]}""";
        Assert.Equal(expected, Encoding.UTF8.GetString(video.ToMetadata()));
        string without = Encoding.UTF8.GetString(new VideoFormat(PixelFormat.Nv12, 7, 5).ToMetadata());
        Assert.EndsWith("\"strides\":[7,8],\"frame_rate\":null}", without, StringComparison.Ordinal);
    }

    [Fact]
    public void Sizes_are_those_of_the_document()
    {
        Assert.Equal(6_220_800, new VideoFormat(PixelFormat.Rgb24, 1920, 1080).ByteCount);
        Assert.Equal(1920 * 1080 * 3 / 2, new VideoFormat(PixelFormat.Yuv420p, 1920, 1080).ByteCount);
        Assert.Equal((7 * 5) + (2 * 4 * 3), new VideoFormat(PixelFormat.Yuv420p, 7, 5).ByteCount);
        Assert.Equal((7 * 5) + (2 * 4 * 5), new VideoFormat(PixelFormat.Yuv422p, 7, 5).ByteCount);
        Assert.Equal(3 * 7 * 5, new VideoFormat(PixelFormat.Yuv444p, 7, 5).ByteCount);
        Assert.Equal((7 * 5) + (8 * 3), new VideoFormat(PixelFormat.Nv12, 7, 5).ByteCount);
        Assert.Equal([1080, 1920, 3], new VideoFormat(PixelFormat.Bgr24, 1920, 1080).Shape.ToArray());
        Assert.Equal([3, 4], new VideoFormat(PixelFormat.Gray8, 4, 3).Shape.ToArray());
        Assert.Equal([1620, 1920], new VideoFormat(PixelFormat.Nv12, 1920, 1080).Shape.ToArray());
        Assert.Equal([59], new VideoFormat(PixelFormat.Nv12, 7, 5).Shape.ToArray());
        Assert.Equal(1L << 43, new VideoFormat(PixelFormat.Gray8, 1 << 20, 1 << 20, null, [8 << 20]).ByteCount);
    }

    public static TheoryData<PixelFormat, int, int, int> Pictures
    {
        get
        {
            var pictures = new TheoryData<PixelFormat, int, int, int>();
            foreach (PixelFormat format in Enum.GetValues<PixelFormat>())
            {
                foreach ((int width, int height) in new[] { (16, 8), (7, 5), (1, 1) })
                {
                    pictures.Add(format, width, height, 0);
                    pictures.Add(format, width, height, 3);
                }
            }

            return pictures;
        }
    }

    [Theory]
    [MemberData(nameof(Pictures))]
    public void Planes_cover_the_picture_and_nothing_else(PixelFormat format, int width, int height, int gap)
    {
        var tight = new VideoFormat(format, width, height);
        int[] strides = tight.Planes.ToArray().Select(plane => plane.Stride + gap).ToArray();
        var video = new VideoFormat(format, width, height, new FrameRate(30000, 1001), strides);
        Assert.Equal(video, StreamFormat.Parse(video.ToMetadata()));

        byte[] picture = new byte[video.ByteCount];
        var seen = new HashSet<long>();
        for (int i = 0; i < video.Planes.Length; ++i)
        {
            VideoPlane plane = video.Planes[i];
            for (int row = 0; row < plane.Rows; ++row)
            {
                picture.AsSpan((int)(plane.Offset + ((long)row * plane.Stride)), plane.RowBytes).Fill((byte)(i + 1));
            }

            ArrayView view = video.ViewPlane(picture, i);
            Assert.Equal(plane.Stride, view.GetStride(0));
            Assert.Equal((plane.Rows, plane.RowBytes), (view.Shape[0], view.ElementCount / view.Shape[0]));
            Assert.All(view.ToArray<byte>(), element => Assert.Equal(i + 1, element));
        }

        Assert.Equal(Enumerable.Range(0, video.Planes.Length).Select(i => video.ViewPlane(picture, i).ElementCount).Sum(),
            picture.Count(element => element != 0));
        Assert.Equal((height, width), (video.ViewPlane(picture, 0).Shape[0], video.ViewPlane(picture, 0).Shape[1]));
        Assert.Equal(video.Shape, video.View(picture).Shape);
    }

    [Fact]
    public void A_picture_with_gaps_between_rows_is_seen_without_them()
    {
        var video = new VideoFormat(PixelFormat.Bgr24, 5, 2, null, [20]);
        byte[] picture = [.. Enumerable.Range(0, 40).Select(i => (byte)i)];
        ArrayView view = video.View(picture);
        Assert.Equal([2, 5, 3], view.Shape.ToArray());
        Assert.Equal([20, 3, 1], [view.GetStride(0), view.GetStride(1), view.GetStride(2)]);
        Assert.Equal(23, view.Get<byte>(1, 1, 0));
        Assert.Equal(Enumerable.Range(0, 15).Concat(Enumerable.Range(20, 15)).Select(i => (byte)i), view.ToArray<byte>());
        Assert.False(view.IsContiguous);
        Assert.Throws<InvalidOperationException>(() => video.View(picture).AsSpan<byte>());
        Assert.Equal(40, view.Bytes.Length);
    }

    [Fact]
    public void Impossible_formats_are_refused()
    {
        Assert.Throws<InvalidArgumentException>(() => new VideoFormat((PixelFormat)99, 4, 4));
        Assert.Throws<InvalidArgumentException>(() => new VideoFormat(PixelFormat.Rgb24, 0, 4));
        Assert.Throws<InvalidArgumentException>(() => new VideoFormat(PixelFormat.Rgb24, 4, -1));
        Assert.Throws<InvalidArgumentException>(() => new VideoFormat(PixelFormat.Rgb24, 4, 1 << 30));
        Assert.Throws<InvalidArgumentException>(() => new VideoFormat(PixelFormat.Rgb24, 4, 4, new FrameRate(0, 1)));
        Assert.Throws<InvalidArgumentException>(() => new VideoFormat(PixelFormat.Rgb24, 4, 4, default(FrameRate)));
        Assert.Throws<InvalidArgumentException>(() => new VideoFormat(PixelFormat.Rgb24, 4, 4, null, [11]));
        Assert.Throws<InvalidArgumentException>(() => new VideoFormat(PixelFormat.Yuv420p, 4, 4, null, [4, 2]));
        Assert.Throws<InvalidArgumentException>(() => new VideoFormat(PixelFormat.Rgb24, 4, 4, null, [(8 << 20) + 1]));
        var video = new VideoFormat(PixelFormat.Gray8, 4, 4);
        Assert.Throws<ArgumentException>(() => video.View(new byte[15]));
        Assert.Throws<ArgumentException>(() => video.ViewPlane(new byte[15], 0));
        Assert.Throws<ArgumentOutOfRangeException>(() => video.ViewPlane(new byte[16], 1));
    }

    [Theory]
    [InlineData("\"width\":4,\"height\":4")]
    [InlineData("\"pixel_format\":\"rgb25\",\"width\":4,\"height\":4")]
    [InlineData("\"pixel_format\":\"Rgb24\",\"width\":4,\"height\":4")]
    [InlineData("\"pixel_format\":\"rgb24\",\"width\":4")]
    [InlineData("\"pixel_format\":\"rgb24\",\"width\":4.0,\"height\":4")]
    [InlineData("\"pixel_format\":\"rgb24\",\"width\":4294967300,\"height\":4")]
    [InlineData("\"pixel_format\":\"rgb24\",\"width\":4,\"height\":4,\"strides\":[]")]
    [InlineData("\"pixel_format\":\"rgb24\",\"width\":4,\"height\":4,\"strides\":12")]
    [InlineData("\"pixel_format\":\"rgb24\",\"width\":4,\"height\":4,\"strides\":[11]")]
    [InlineData("\"pixel_format\":\"rgb24\",\"width\":4,\"height\":4,\"strides\":[12,12]")]
    [InlineData("\"pixel_format\":\"rgb24\",\"width\":4,\"height\":4,\"frame_rate\":30")]
    [InlineData("\"pixel_format\":\"rgb24\",\"width\":4,\"height\":4,\"frame_rate\":[30]")]
    [InlineData("\"pixel_format\":\"rgb24\",\"width\":4,\"height\":4,\"frame_rate\":[30,0]")]
    [InlineData("\"pixel_format\":\"rgb24\",\"width\":4,\"height\":4,\"frame_rate\":[2147483648,1]")]
    public void Metadata_that_breaks_the_schema_is_corrupt(string fields) =>
        Assert.Throws<CorruptException>(
            () => StreamFormat.Parse(Encoding.UTF8.GetBytes("{\"zerobuffer_schema\":1,\"kind\":\"video\"," + fields + "}")));

    [Fact]
    public void Missing_strides_and_frame_rate_are_rows_without_gaps_and_an_unknown_rate()
    {
        byte[] metadata = Encoding.UTF8.GetBytes(
            """{"zerobuffer_schema":1,"kind":"video","pixel_format":"yuv422p","width":5,"height":2,"strides":null}""");
        Assert.Equal(new VideoFormat(PixelFormat.Yuv422p, 5, 2), StreamFormat.Parse(metadata));
    }
}
