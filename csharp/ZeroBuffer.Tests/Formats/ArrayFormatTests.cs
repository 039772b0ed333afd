// Array formats: their rules, and their metadata to the byte as docs/arrays.md has it.
using System;
using System.Collections.Generic;
using System.Linq;
using System.Text;
using Xunit;

namespace ZeroBuffer.Tests.Formats;

public sealed class ArrayFormatTests
{
    public static TheoryData<string> Dtypes =>
    [
        "|b1", "|i1", "|u1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "<u2", ">u2", "<u4", ">u4", "<u8", ">u8",
        "<f2", ">f2", "<f4", ">f4", "<f8", ">f8", "<c8", ">c8", "<c16", ">c16",
    ];

    [Fact]
    public void The_example_of_the_document_is_what_is_written()
    {
        ArrayFormat format = ArrayFormat.Of<byte>([1080, 1920, 3], names: ["row", "column", "channel"]);
        const string expected =
            """{"zerobuffer_schema":1,"kind":"array","dtype":"|u1","shape":[1080,1920,3],"order":"C","names":["row","column","channel"]}""";
        Assert.Equal(expected, Encoding.UTF8.GetString(format.ToMetadata()));
        Assert.Equal(6_220_800, format.ByteCount);
    }

    [Fact]
    public void Names_are_escaped_only_where_JSON_demands_it()
    {
        var format = new ArrayFormat(ElementType.Float32, [1, 2], names: ["a\"\\\n\r\t\f\b\u0001\u001f\u007f/<&'", "Zeit…\u2028🎥"]);
        string text = Encoding.UTF8.GetString(format.ToMetadata());
        Assert.EndsWith(""","names":["a\"\\\n\r\t\f\b\u0001\u001f""" + "\u007f/<&'\",\"Zeit…\u2028🎥\"]}", text, StringComparison.Ordinal);
        Assert.Equal(format, StreamFormat.Parse(format.ToMetadata()));
    }

    [Theory]
    [MemberData(nameof(Dtypes))]
    public void Every_dtype_survives_the_way_through_metadata(string dtype)
    {
        byte[] metadata = Encoding.UTF8.GetBytes(
            $$"""{"zerobuffer_schema":1,"kind":"array","dtype":"{{dtype}}","shape":[2,3],"order":"F","names":null}""");
        ArrayFormat format = Assert.IsType<ArrayFormat>(StreamFormat.Parse(metadata));
        Assert.Equal(dtype, format.Dtype);
        Assert.Equal(ArrayOrder.F, format.Order);
        Assert.Equal(6 * int.Parse(dtype.AsSpan(2), null), format.ByteCount);
        Assert.Equal(metadata, format.ToMetadata());
    }

    [Fact]
    public void Random_formats_survive_the_way_through_metadata_and_descriptors()
    {
        var random = new Random(1);
        for (int i = 0; i < 2000; ++i)
        {
            ArrayFormat format = AnyFormat.Make(random);
            Assert.Equal(format, StreamFormat.Parse(format.ToMetadata()));
            long? timestamp = random.Next(2) == 0 ? null : random.NextInt64(long.MinValue, long.MaxValue);
            long? sendTime = random.Next(2) == 0 ? null : random.NextInt64(long.MinValue, long.MaxValue);
            byte[] frame = AnyFormat.FrameOf(format, timestamp, sendTime);
            ArrayDescriptor descriptor = ArrayDescriptor.Read(frame);
            Assert.Equal((timestamp, sendTime), (descriptor.TimestampNanoseconds, descriptor.SendTimeNanoseconds));
            Assert.Equal((format.Dtype, format.Order), (descriptor.Format.Dtype, descriptor.Format.Order));
            Assert.Equal(format.Shape, descriptor.Format.Shape);
            Assert.Equal(format.ByteCount, descriptor.Format.ByteCount);
        }
    }

    [Fact]
    public void Metadata_is_read_whatever_its_white_space_escapes_field_order_and_further_fields()
    {
        byte[] metadata = Encoding.UTF8.GetBytes(
            "{\"zerobuffer_schema\":  1 ,\n \"later\": {\"a\": [1, {\"b\": null}], \"kind\": \"video\"}, \"order\": \"\\u0043\",\t" +
            "\"n\\u0061mes\": [\"\\u00e4\"], \"shape\": [-0], \"dtype\": \"<f4\", \"dtype\": \"<i4\", \"kind\": \"array\"}\r\n ");
        ArrayFormat format = Assert.IsType<ArrayFormat>(StreamFormat.Parse(metadata));
        Assert.Equal(new ArrayFormat(ElementType.Int32, [0], names: ["ä"]), format);
    }

    [Theory]
    [InlineData("")]
    [InlineData("mine")]
    [InlineData("""{"other": 1}""")]
    [InlineData("""{ "zerobuffer_schema":1}""")]
    [InlineData("""{"zerobuffer_schema" :1}""")]
    public void Metadata_that_begins_otherwise_is_the_applications_own(string metadata) =>
        Assert.Null(StreamFormat.Parse(Encoding.UTF8.GetBytes(metadata)));

    [Theory]
    [InlineData("""{"zerobuffer_schema":""")]
    [InlineData("""{"zerobuffer_schema":1""")]
    [InlineData("""{"zerobuffer_schema":1} x""")]
    [InlineData("""{"zerobuffer_schema":1}{}""")]
    [InlineData("""{"zerobuffer_schema":"1","kind":"array"}""")]
    [InlineData("""{"zerobuffer_schema":1.0,"kind":"array"}""")]
    [InlineData("""{"zerobuffer_schema":true,"kind":"array"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"f4","shape":[1],"order":"C"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<u1","shape":[1],"order":"C"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"|f4","shape":[1],"order":"C"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<f3","shape":[1],"order":"C"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<f16","shape":[1],"order":"C"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<f04","shape":[1],"order":"C"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<M8","shape":[1],"order":"C"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[-1],"order":"C"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[1.0],"order":"C"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[1e0],"order":"C"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[true],"order":"C"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[[1]],"order":"C"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":1,"order":"C"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[99999999999999999999],"order":"C"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[0,2305843009213693952],"order":"C"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[1],"order":"K"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[1]}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[1],"order":"C","names":["a","b"]}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[1],"order":"C","names":[1]}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[1],"order":"C","names":"a"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[1],"order":"C","names":["\ud800"]}""")]
    public void Metadata_that_breaks_the_schema_is_corrupt(string metadata) =>
        Assert.Throws<CorruptException>(() => StreamFormat.Parse(Encoding.UTF8.GetBytes(metadata)));

    [Fact]
    public void Metadata_that_is_no_UTF8_is_corrupt()
    {
        byte[] metadata = ArrayFormat.Of<int>([1], names: ["xy"]).ToMetadata();
        metadata[Array.LastIndexOf(metadata, (byte)'x')] = 0xff;
        Assert.Throws<CorruptException>(() => StreamFormat.Parse(metadata));
    }

    [Theory]
    [InlineData("""{"zerobuffer_schema":2,"kind":"array"}""")]
    [InlineData("""{"zerobuffer_schema":99999999999999999999999}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":"sound"}""")]
    [InlineData("""{"zerobuffer_schema":1,"kind":7}""")]
    [InlineData("""{"zerobuffer_schema":1}""")]
    public void A_later_version_or_another_kind_is_incompatible(string metadata) =>
        Assert.Throws<IncompatibleException>(() => StreamFormat.Parse(Encoding.UTF8.GetBytes(metadata)));

    [Fact]
    public void Every_beginning_of_metadata_is_refused_or_the_applications_own()
    {
        byte[] metadata = ArrayFormat.Of<float>([3, 4], names: ["a", "b"]).ToMetadata();
        for (int length = 0; length < metadata.Length; ++length)
        {
            if (length < 21)
            {
                Assert.Null(StreamFormat.Parse(metadata.AsSpan(0, length)));
            }
            else
            {
                Assert.Throws<CorruptException>(() => StreamFormat.Parse(metadata.AsSpan(0, length)));
            }
        }
    }

    [Fact]
    public void Impossible_formats_are_refused()
    {
        Assert.Throws<InvalidArgumentException>(() => ArrayFormat.Of<byte>([-1]));
        Assert.Throws<InvalidArgumentException>(() => ArrayFormat.Of<byte>(Enumerable.Repeat(2L, 33).ToArray()));
        Assert.Throws<InvalidArgumentException>(() => ArrayFormat.Of<byte>([1L << 61, 4]));
        Assert.Throws<InvalidArgumentException>(() => ArrayFormat.Of<byte>([0, long.MaxValue]));
        Assert.Throws<InvalidArgumentException>(() => ArrayFormat.Of<byte>([2], names: ["a", "b"]));
        Assert.Throws<InvalidArgumentException>(() => ArrayFormat.Of<byte>([2], names: ["\ud800"]));
        Assert.Throws<InvalidArgumentException>(() => ArrayFormat.Of<byte>([2], (ArrayOrder)2));
        Assert.Throws<InvalidArgumentException>(() => ArrayFormat.Of<char>([2]));
        Assert.Throws<InvalidArgumentException>(() => new ArrayFormat((ElementType)99, [2]));
        Assert.Equal(1L << 62, ArrayFormat.Of<int>([1L << 60]).ByteCount);
        Assert.Equal(0, ArrayFormat.Of<int>([1L << 60, 0]).ByteCount);
        Assert.Equal(32, ArrayFormat.Of<byte>(Enumerable.Repeat(2L, 32).ToArray()).Shape.Length);
    }

    [Fact]
    public void Formats_are_equal_when_everything_is()
    {
        var some = new List<ArrayFormat>
        {
            ArrayFormat.Of<int>([2, 3]),
            ArrayFormat.Of<uint>([2, 3]),
            ArrayFormat.Of<int>([3, 2]),
            ArrayFormat.Of<int>([2, 3], ArrayOrder.F),
            ArrayFormat.Of<int>([2, 3], names: ["a", "b"]),
            new(ElementType.Int32, [2, 3], byteOrder: ByteOrder.BigEndian),
        };
        for (int i = 0; i < some.Count; ++i)
        {
            Assert.All(some, (other, j) => Assert.Equal(i == j, some[i].Equals(other)));
        }

        Assert.Equal(ArrayFormat.Of<byte>([1]), new ArrayFormat(ElementType.UInt8, [1], byteOrder: ByteOrder.BigEndian));
    }
}
