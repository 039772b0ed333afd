// Arrays through a real buffer: what travels where, which description counts, and that none of it allocates per frame.
using System;
using System.Diagnostics;
using System.Linq;
using System.Text;
using System.Threading;
using Xunit;

namespace ZeroBuffer.Tests.Formats;

public sealed class ArrayStreamTests : IDisposable
{

    private readonly Reader _reader;
    private readonly Writer _writer;

    public ArrayStreamTests()
    {
        string name = Support.UniqueName();
        _reader = Reader.Create(name, new BufferOptions { PayloadSize = 100_000 });
        _writer = Writer.Open(name, TimeSpan.Zero);
    }

    public void Dispose()
    {
        _writer.Dispose();
        _reader.Dispose();
    }

    [Fact]
    public void The_first_array_writes_the_metadata_and_others_describe_themselves()
    {
        float[] first = [0, 1, 2, 3, 4, 5];
        Assert.True(_writer.WriteArray<float>(first, [2, 3], names: ["row", "column"]));
        Assert.True(_writer.WriteArray<float>([1, 2, 3, 4, 5, 6], [2, 3]));
        Assert.True(_writer.WriteArray<byte>(new byte[16], [4, 4]));
        Assert.True(_writer.WriteArray<float>(first, [2, 3], timestampNanoseconds: -7, tag: 9));

        Assert.Equal(
            """{"zerobuffer_schema":1,"kind":"array","dtype":"<f4","shape":[2,3],"order":"C","names":["row","column"]}""",
            Encoding.UTF8.GetString(_reader.ReadMetadata(Support.Watchdog)!));
        Assert.Equal(ArrayFormat.Of<float>([2, 3], names: ["row", "column"]), _reader.GetKnownFormat());
        using Frame one = Next();
        using Frame two = Next();
        using Frame three = Next();
        using Frame four = Next();
        Assert.Equal([0, 0, 2, 2], new int[] { one.Type, two.Type, three.Type, four.Type });
        Assert.Equal([null, null, null, -7], new[] { one.TimestampNanoseconds, two.TimestampNanoseconds, three.TimestampNanoseconds, four.TimestampNanoseconds });
        Assert.Equal(first, one.AsArray().AsSpan<float>().ToArray());
        Assert.Equal(5, two.AsArray().Get<float>(1, 1));
        Assert.Equal([4, 4], three.AsArray().Shape.ToArray());
        Assert.Equal((ElementType.UInt8, 16), (three.AsArray().ElementType, three.AsArray().ElementCount));
        Assert.Equal(first, four.AsArray().ToArray<float>());
        Assert.Equal((9UL, 24 + 48 + 16), (four.Tag, four.Length));
        Assert.Null(one.SendTimeNanoseconds);
    }

    [Fact]
    public void The_frame_of_a_described_array_is_to_the_byte_what_the_document_says()
    {
        _writer.WriteMetadata(ReadOnlySpan<byte>.Empty);
        var format = new ArrayFormat(ElementType.Int16, [1, 3], byteOrder: ByteOrder.BigEndian);
        Assert.True(_writer.WriteArray(format, [0, 1, 0, 2, 0, 3], timestampNanoseconds: -2));
        using Frame frame = Next();
        byte[] expected = AnyFormat.FrameOf(format, -2, frame.SendTimeNanoseconds);
        new byte[] { 0, 1, 0, 2, 0, 3 }.CopyTo(expected, 0);
        byte[] got = frame.Span.ToArray();
        got.AsSpan(6, 2).Clear(); // padding may be anything
        Assert.Equal(expected, got);
        Assert.Equal([1, 2, 3], frame.AsArray().ToArray<short>());
    }

    [Fact]
    public void An_order_that_differs_from_the_streams_is_brought_into_it()
    {
        int[] rows = [1, 2, 3, 4, 5, 6];
        int[] columns = [1, 4, 2, 5, 3, 6];
        _writer.WriteArray<int>(columns, [2, 3], order: ArrayOrder.F);
        _writer.WriteArray<int>(rows, [2, 3]);
        _writer.WriteArray(ArrayFormat.Of<int>([2, 3]), System.Runtime.InteropServices.MemoryMarshal.AsBytes(rows.AsSpan()));
        for (int i = 0; i < 3; ++i)
        {
            using Frame frame = Next();
            Assert.Equal(0, frame.Type);
            ArrayView array = frame.AsArray();
            Assert.Equal(ArrayOrder.F, array.Order);
            Assert.Equal(columns, array.AsSpan<int>().ToArray());
            Assert.Equal(rows, array.ToArray<int>());
        }
        using (ArrayClaim claim = _writer.ClaimArray<int>([2, 3]))
        {
            rows.CopyTo(claim.AsSpan<int>());
            claim.Commit();
        }
        using Frame claimed = Next();
        Assert.Equal((2, ArrayOrder.C), (claimed.Type, claimed.AsArray().Order));
        Assert.Equal(rows, claimed.AsArray().AsSpan<int>().ToArray());
    }

    [Fact]
    public void Random_arrays_arrive_as_sent()
    {
        var random = new Random(5);
        for (int i = 0; i < 1000; ++i)
        {
            ArrayFormat format = AnyFormat.Make(random);
            byte[] bytes = new byte[format.ByteCount];
            random.NextBytes(bytes);
            long? timestamp = random.Next(2) == 0 ? null : random.NextInt64();
            if (random.Next(2) == 0)
            {
                Assert.True(_writer.WriteArray(format, bytes, timestampNanoseconds: timestamp));
            }
            else
            {
                using ArrayClaim claim = _writer.ClaimArray(format, timestamp);
                bytes.CopyTo(claim.Bytes);
                claim.Commit();
            }
            using Frame frame = Next();
            Assert.Equal(timestamp, frame.TimestampNanoseconds);
            ArrayView array = frame.AsArray();
            Assert.Equal(
                (format.ElementType, format.ByteOrder, format.ElementCount),
                (array.ElementType, array.ByteOrder, array.ElementCount));
            Assert.Equal(format.Shape.ToArray(), array.Shape.ToArray());
            Assert.True(array.Order == format.Order || ArrayLayout.HasBothOrders(format.Shape));
            Assert.Equal(bytes, array.Bytes.ToArray());
        }
    }

    [Fact]
    public void An_array_is_filled_in_place_and_sent_when_it_is_committed()
    {
        using (ArrayClaim claim = _writer.ClaimArray<double>([2, 2]))
        {
            claim.AsSpan<double>()[3] = 1;
        }
        using (ArrayClaim claim = _writer.ClaimArray<double>([2, 2]))
        {
            Assert.Throws<InvalidOperationException>(() => claim.AsSpan<float>());
            new double[] { 1, 2, 3, 4 }.CopyTo(claim.AsSpan<double>());
            claim.Commit(tag: 3);
            Assert.False(claim.IsOpen);
            Assert.Throws<ObjectDisposedException>(() => claim.AsSpan<double>());
        }
        using Frame frame = Next();
        Assert.Equal((1UL, 3UL, 0), (frame.Sequence, frame.Tag, frame.Type));
        Assert.Equal([1, 2, 3, 4], frame.AsArray().AsSpan<double>().ToArray());
    }

    [Fact]
    public void Timestamp_and_send_time_travel_with_the_frame()
    {
        long before = Stopwatch.GetTimestamp();
        _writer.WriteArray<double>([1, 2, 3], [3], timestampNanoseconds: long.MinValue);
        using (ArrayClaim claim = _writer.ClaimArray<double>([3], timestampNanoseconds: long.MaxValue))
        {
            claim.AsSpan<double>().Clear();
            claim.Commit();
        }
        using Frame first = Next();
        using Frame second = Next();
        Assert.Equal((long.MinValue, long.MaxValue), (first.TimestampNanoseconds, second.TimestampNanoseconds));
        Assert.InRange(first.SendTimeNanoseconds!.Value, before, second.SendTimeNanoseconds!.Value);
        Assert.InRange(second.SendTimeNanoseconds!.Value, before, Stopwatch.GetTimestamp());
        Assert.Equal(1_000_000_000, Stopwatch.Frequency);
    }

    [Fact]
    public void Metadata_of_the_applications_own_makes_every_array_describe_itself()
    {
        _writer.WriteMetadata("mine"u8);
        _writer.WriteArray<int>([1, 2, 3, 4], [2, 2]);
        using Frame frame = Next();
        Assert.Equal(2, frame.Type);
        Assert.Equal([2, 2], frame.AsArray().Shape.ToArray());
        Assert.Null(_reader.GetKnownFormat());
    }

    [Fact]
    public void Metadata_written_as_bytes_counts_as_what_it_says()
    {
        _writer.WriteMetadata(ArrayFormat.Of<int>([2]).ToMetadata());
        _writer.WriteArray<int>([1, 2], [2]);
        using Frame frame = Next();
        Assert.Equal(0, frame.Type);
    }

    [Fact]
    public void Arrays_after_plain_frames_or_without_room_for_metadata_describe_themselves()
    {
        _writer.Write("plain"u8);
        _writer.WriteArray<int>([1, 2], [2]);
        using Frame plain = Next();
        using Frame described = Next();
        Assert.Equal("plain"u8, plain.AsArray().AsSpan<byte>());
        Assert.Equal([5], plain.AsArray().Shape.ToArray());
        Assert.Equal((2, 1), (described.Type, described.AsArray().Get<int>(0)));

        string name = Support.UniqueName();
        using var reader = Reader.Create(name, new BufferOptions { PayloadSize = 1000, MetadataSize = 0 });
        using var writer = Writer.Open(name, TimeSpan.Zero);
        writer.WriteArray<int>([1, 2], [2]);
        Assert.True(reader.Read(Support.Watchdog, out Frame frame));
        using (frame)
        {
            Assert.Equal([1, 2], frame.AsArray().ToArray<int>());
        }
    }

    [Fact]
    public void Frames_of_the_applications_own_types_are_bytes_whatever_the_metadata_says()
    {
        _writer.WriteMetadata(ArrayFormat.Of<int>([2]));
        _writer.Write([1, 2, 3], type: 128);
        _writer.Write([1, 2, 3]);
        _writer.Write(new byte[8]);
        _writer.Write(new byte[80], type: 2);
        using Frame own = Next();
        Assert.Equal([1, 2, 3], own.AsArray().AsSpan<byte>().ToArray());
        Assert.Equal(3, own.AsArray().Get<byte>(2));
        Assert.Null(own.TimestampNanoseconds);
        using Frame wrong = Next();
        CorruptException error = Assert.Throws<CorruptException>(() => wrong.AsArray());
        Assert.Equal((3UL, 8UL), (error.First, error.Second));
        using Frame right = Next();
        Assert.Equal([0, 0], right.AsArray().AsSpan<int>().ToArray());
        using Frame garbage = Next();
        Assert.Throws<CorruptException>(() => garbage.AsArray());
        Assert.Throws<CorruptException>(() => garbage.TimestampNanoseconds);
    }

    [Fact]
    public void A_later_version_of_the_schema_is_refused_when_an_array_is_asked_for()
    {
        _writer.WriteMetadata("{\"zerobuffer_schema\":2}"u8);
        _writer.Write([1, 2, 3]);
        using Frame frame = Next();
        Assert.Throws<IncompatibleException>(() => frame.AsArray());
        Assert.Throws<IncompatibleException>(() => _reader.GetKnownFormat());
        Assert.Equal([1, 2, 3], frame.Span.ToArray());
    }

    [Fact]
    public void An_array_that_can_never_fit_does_not_become_the_streams_format()
    {
        Assert.Throws<FrameTooLargeException>(() => _writer.WriteArray<byte>(new byte[200_000], [200_000]));
        _writer.WriteArray<float>([1, 2, 3], [3]);
        using Frame frame = Next();
        Assert.Equal(0, frame.Type);
        Assert.Equal(ArrayFormat.Of<float>([3]), _reader.GetKnownFormat());
    }

    [Fact]
    public void A_full_ring_gives_false()
    {
        Assert.True(_writer.WriteArray<byte>(new byte[90_000], [90_000]));
        Assert.False(_writer.WriteArray<byte>(new byte[90_000], [90_000], TimeSpan.Zero));
        Assert.False(_writer.WriteArray<byte>(new byte[80_000], [80_000], TimeSpan.FromMilliseconds(10)));
        Assert.False(_writer.ClaimArray(ArrayFormat.Of<byte>([90_000]), TimeSpan.Zero, out ArrayClaim claim));
        Assert.False(claim.IsOpen);
        Assert.Throws<ObjectDisposedException>(() => claim.AsSpan<byte>());
    }

    [Fact]
    public void Wrong_shapes_and_sizes_are_refused_and_leave_no_claim_behind()
    {
        Assert.Throws<InvalidArgumentException>(() => _writer.WriteArray<int>([1, 2, 3], [2]));
        Assert.Throws<InvalidArgumentException>(() => _writer.WriteArray<int>([1, 2, 3], [-3]));
        Assert.Throws<InvalidArgumentException>(() => _writer.WriteArray(ArrayFormat.Of<int>([3]), new byte[11]));
        Assert.Throws<InvalidArgumentException>(() => _writer.ClaimArray<char>([3]));
        Assert.True(_writer.WriteArray<int>([1, 2, 3], [3], TimeSpan.Zero));
    }

    [Fact]
    public void A_successor_goes_on_with_the_same_metadata()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, new BufferOptions { PayloadSize = 1000 });
        for (int i = 0; i < 3; ++i)
        {
            using (var writer = Writer.Open(name, TimeSpan.Zero))
            {
                writer.WriteArray<double>([0, 1, 2], [3]);
            }
            Assert.True(reader.Read(Support.Watchdog, out Frame frame));
            using (frame)
            {
                Assert.Equal(0, frame.Type);
                Assert.Equal([0, 1, 2], frame.AsArray().AsSpan<double>().ToArray());
            }
        }
        using var other = Writer.Open(name, TimeSpan.Zero);
        other.WriteArray<int>([7], [1]);
        Assert.True(reader.Read(Support.Watchdog, out Frame last));
        using (last)
        {
            Assert.Equal(7, last.AsArray().Get<int>(0));
        }
    }

    [Fact]
    public void An_array_is_seen_by_any_thread_and_after_the_reader_was_disposed()
    {
        _writer.WriteArray<int>([1, 2, 3], [3]);
        using Frame frame = Next();
        _reader.Dispose();
        int[]? seen = null;
        var thread = new Thread(() => seen = frame.AsArray().ToArray<int>());
        thread.Start();
        Assert.True(thread.Join(Support.Watchdog));
        Assert.Equal([1, 2, 3], seen!);
        frame.Dispose();
        Assert.Throws<ObjectDisposedException>(() => frame.AsArray());
        Assert.Throws<ObjectDisposedException>(() => frame.TimestampNanoseconds);
    }

    [Fact]
    public void A_video_crosses_with_its_format_and_its_times()
    {
        var video = new VideoFormat(PixelFormat.Rgb24, 32, 16, new FrameRate(30000, 1001));
        byte[] picture = new byte[video.ByteCount];
        new Random(6).NextBytes(picture);
        _writer.WriteMetadata(video);
        _writer.WriteArray<byte>(picture, video.Shape, timestampNanoseconds: 40_000_000);
        using (ArrayClaim claim = _writer.ClaimArray<byte>(video.Shape))
        {
            picture.CopyTo(claim.Bytes);
            claim.Commit();
        }
        _writer.Write(picture);

        Assert.Equal(video, _reader.GetKnownFormat());
        using Frame first = Next();
        using Frame second = Next();
        using Frame plain = Next();
        Assert.Equal([40_000_000, null, null], new[] { first.TimestampNanoseconds, second.TimestampNanoseconds, plain.TimestampNanoseconds });
        Assert.NotNull(second.SendTimeNanoseconds);
        foreach (Frame frame in new[] { first, second, plain })
        {
            Assert.Equal([16, 32, 3], frame.AsArray().Shape.ToArray());
            Assert.Equal(picture, frame.AsArray().AsSpan<byte>().ToArray());
            Assert.Equal(picture, video.ViewPlane(frame.Span, 0).ToArray<byte>());
        }
        Assert.Throws<InvalidArgumentException>(() => _writer.WriteArray<byte>(new byte[6], [6]));
    }

    [Fact]
    public void A_frame_that_is_no_picture_of_the_video_is_corrupt()
    {
        _writer.WriteMetadata(new VideoFormat(PixelFormat.Gray8, 4, 4, null, [5]));
        _writer.Write(new byte[16]);
        _writer.Write([.. Enumerable.Range(0, 20).Select(i => (byte)i)]);
        using Frame wrong = Next();
        Assert.Throws<CorruptException>(() => wrong.AsArray());
        using Frame right = Next();
        Assert.Equal([15, 16, 17, 18], right.AsArray().ToArray<byte>()[12..]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Arrays_of_a_known_format_allocate_nothing(bool described)
    {
        // arrays: without optimisation, the list expressions [20, 30] and (19, 29) themselves would allocate here
        float[] data = new float[600];
        long[] shape = [20, 30];
        int[] last = [19, 29];
        long? timestamp = described ? 5 : null;
        float sum = 0;
        int rounds = 0;
        data[^1] = 1;
        void Round()
        {
            ++rounds;
            _writer.WriteArray<float>(data, shape, timestampNanoseconds: timestamp);
            using (ArrayClaim claim = _writer.ClaimArray<float>(shape, timestampNanoseconds: timestamp))
            {
                data.CopyTo(claim.AsSpan<float>());
                claim.Commit();
            }
            for (int i = 0; i < 2; ++i)
            {
                using Frame frame = _reader.Read();
                ArrayView array = frame.AsArray();
                sum += (array.Get<float>(last) * (frame.TimestampNanoseconds == timestamp ? 1 : 0)) + array.AsSpan<float>()[0];
                array.CopyTo(data.AsSpan());
            }
        }
        Assert.Equal(0, Support.AllocatedInSteadyState(Round));
        Assert.Equal(2 * rounds, sum);
    }

    [Fact]
    public void Pictures_of_a_video_and_frames_that_are_bytes_allocate_nothing()
    {
        var video = new VideoFormat(PixelFormat.Yuv420p, 64, 32);
        _writer.WriteMetadata(video);
        byte[] picture = new byte[video.ByteCount];
        int length = 0;
        void Round()
        {
            length = (length + 1) % picture.Length;
            _writer.WriteArray<byte>(picture, video.Shape, timestampNanoseconds: length);
            _writer.Write(picture);
            _writer.Write(picture.AsSpan(0, length), type: 200);
            using Frame described = _reader.Read();
            using Frame plain = _reader.Read();
            using Frame bytes = _reader.Read();
            long elements = described.AsArray().ElementCount + plain.AsArray().ElementCount + bytes.AsArray().Shape[0];
            if (elements != (2 * picture.Length) + length || video.ViewPlane(plain.Span, 2).Shape[0] != 16)
            {
                throw new InvalidOperationException("another array than was sent");
            }
        }
        Assert.Equal(0, Support.AllocatedInSteadyState(Round));
    }

    [Fact]
    public void Metadata_of_any_size_is_looked_at_again_without_allocating()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, new BufferOptions { PayloadSize = 1000, MetadataSize = 30_000 });
        using var writer = Writer.Open(name, TimeSpan.Zero);
        Assert.Null(reader.GetKnownFormat());
        writer.WriteMetadata(ArrayFormat.Of<int>([1], names: [new string('n', 20_000)]));
        writer.Write(new byte[4]);
        using Frame frame = reader.Read();
        Assert.Equal(0, frame.AsArray().Get<int>(0));
        StreamFormat? first = reader.GetKnownFormat();
        void Round()
        {
            if (!ReferenceEquals(first, reader.GetKnownFormat()))
            {
                throw new InvalidOperationException("the same metadata was parsed again");
            }
        }
        Assert.Equal(0, Support.AllocatedInSteadyState(Round));
    }

    private Frame Next()
    {
        Assert.True(_reader.Read(Support.Watchdog, out Frame frame));
        return frame;
    }
}
