// Descriptors: the bytes of docs/arrays.md, and that nothing impossible in them is believed.
using System;
using System.Buffers.Binary;
using Xunit;

namespace ZeroBuffer.Tests.Formats;

public sealed class ArrayDescriptorTests
{
    [Fact]
    public void A_descriptor_is_to_the_byte_what_the_document_says()
    {
        var format = new ArrayFormat(ElementType.Int16, [1, 3], byteOrder: ByteOrder.BigEndian);
        byte[] frame = AnyFormat.FrameOf(format, -2, 0x0102030405060708);
        byte[] expected =
        [
            0, 0, 0, 0, 0, 0, 0, 0, // 6 bytes of data and 2 of padding
            (byte)'Z', (byte)'B', (byte)'A', (byte)'R', 1, 0, (byte)'i', 2, 1, 0, 2, 3, 0, 0, 0, 0,
            6, 0, 0, 0, 0, 0, 0, 0,
            0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
            8, 7, 6, 5, 4, 3, 2, 1,
            1, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0,
            64, 0, 0, 0, 0, 0, 0, 0,
        ];
        Assert.Equal(expected, frame);
    }

    [Fact]
    public void A_number_without_dimensions_and_times_has_the_shortest_descriptor()
    {
        byte[] frame = AnyFormat.FrameOf(ArrayFormat.Of<Half>([]));
        byte[] expected =
        [
            0, 0, 0, 0, 0, 0, 0, 0,
            (byte)'Z', (byte)'B', (byte)'A', (byte)'R', 1, 0, (byte)'f', 2, 0, 0, 0, 0, 0, 0, 0, 0,
            2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            48, 0, 0, 0, 0, 0, 0, 0,
        ];
        Assert.Equal(expected, frame);
    }

    [Fact]
    public void Every_changed_byte_is_refused_or_gives_an_array_that_fits_the_frame()
    {
        var random = new Random(2);
        for (int i = 0; i < 12; ++i)
        {
            byte[] frame = AnyFormat.FrameOf(
                AnyFormat.Make(random), i % 2 == 0 ? 7 : null, i % 3 == 0 ? random.NextInt64() : null);
            byte[] data = frame.AsSpan().ToArray();
            int descriptor = (int)BinaryPrimitives.ReadInt64LittleEndian(frame.AsSpan(frame.Length - 8));
            int accepted = 0;
            for (int at = frame.Length - descriptor; at < frame.Length; ++at)
            {
                for (int change = 1; change < 256; ++change)
                {
                    data[at] = (byte)(frame[at] ^ change);
                    accepted += IsRefusedOrFits(data) ? 0 : 1;
                }

                data[at] = frame[at];
            }

            Assert.True(accepted > 0, "a time may be anything");
        }
    }

    [Fact]
    public void Random_bytes_in_the_place_of_numbers_are_refused_or_fit_the_frame()
    {
        var random = new Random(3);
        ulong[] numbers = [0, 1, 2, 7, 8, 47, 48, 56, 304, 305, 1UL << 31, 1UL << 32, 1UL << 61, 1UL << 62, 1UL << 63, ulong.MaxValue, ulong.MaxValue - 7];
        for (int i = 0; i < 5000; ++i)
        {
            byte[] frame = AnyFormat.FrameOf(AnyFormat.Make(random));
            int words = (int)BinaryPrimitives.ReadInt64LittleEndian(frame.AsSpan(frame.Length - 8)) / 8;
            for (int changes = random.Next(1, 4); changes > 0; --changes)
            {
                int at = frame.Length - (8 * random.Next(1, words + 1));
                BinaryPrimitives.WriteUInt64LittleEndian(frame.AsSpan(at), numbers[random.Next(numbers.Length)]);
            }

            IsRefusedOrFits(frame);
        }
    }

    [Fact]
    public void Frames_that_are_cut_or_too_long_are_refused()
    {
        byte[] frame = AnyFormat.FrameOf(ArrayFormat.Of<short>([3, 5]), 1, 2);
        for (int length = 0; length < frame.Length; ++length)
        {
            Assert.Throws<CorruptException>(() => ArrayDescriptor.Read(frame.AsSpan(0, length)));
            Assert.Throws<CorruptException>(() => ArrayDescriptor.Read(frame.AsSpan(frame.Length - length)));
        }

        Assert.Throws<CorruptException>(() => ArrayDescriptor.Read([.. new byte[8], .. frame]));
        Assert.Throws<CorruptException>(() => ArrayDescriptor.Read([]));
    }

    [Theory]
    [InlineData(0, (byte)'z', "begins with")]
    [InlineData(4, 2, "version 2")]
    [InlineData(6, (byte)'V', "kind 86")]
    [InlineData(7, 3, "3 bytes")]
    [InlineData(8, 2, "byte order 2")]
    [InlineData(9, 2, "order 2")]
    [InlineData(10, 2, "2 dimensions")]
    [InlineData(11, 4, "flags 4")]
    [InlineData(12, 1, "reserved 1")]
    [InlineData(16, 13, "13 of data")]
    [InlineData(24, 1, "timestamp 1")]
    [InlineData(32, 9, "send time 9")]
    [InlineData(40, 4, "16 bytes")]
    [InlineData(48, 0, "0 bytes")]
    [InlineData(48, 57, "57 bytes")]
    public void What_is_wrong_is_said_with_its_number(int offset, byte value, string expected)
    {
        byte[] frame = AnyFormat.FrameOf(ArrayFormat.Of<float>([3]));
        frame[16 + offset] = value;
        CorruptException error = Assert.Throws<CorruptException>(() => ArrayDescriptor.Read(frame));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Single_bytes_have_no_byte_order()
    {
        byte[] frame = AnyFormat.FrameOf(ArrayFormat.Of<byte>([8]));
        frame[8 + 8] = 1;
        Assert.Throws<CorruptException>(() => ArrayDescriptor.Read(frame));
    }

    [Fact]
    public void The_end_of_a_frame_is_enough()
    {
        byte[] frame = AnyFormat.FrameOf(ArrayFormat.Of<byte>([1000]), 5);
        Assert.Equal(5, ArrayDescriptor.Read(frame.AsSpan(frame.Length - 304), frame.Length).TimestampNanoseconds);
        Assert.Throws<ArgumentException>(() => ArrayDescriptor.Read(frame.AsSpan(frame.Length - 303), frame.Length));
    }

    private static bool IsRefusedOrFits(byte[] frame)
    {
        try
        {
            ArrayDescriptor descriptor = ArrayDescriptor.Read(frame);
            Assert.Equal(frame.Length, ArrayDescriptor.FrameSize(descriptor.Format));
            Assert.True(descriptor.Format.View(frame).ByteCount <= frame.Length - descriptor.Size);
            return false;
        }
        catch (CorruptException)
        {
            return true;
        }
    }
}
