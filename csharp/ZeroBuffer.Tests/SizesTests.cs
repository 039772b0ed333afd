// Frames, rings and metadata of every size, claims of every end, and arguments that are none.
using System;
using System.Buffers;
using System.Collections.Generic;
using System.Linq;
using System.Text.Json;
using ZeroBuffer.Tests.Peers;
using Xunit;

namespace ZeroBuffer.Tests;

public class SizesTests : BufferTest
{
    // Scenario 2.1, 2.5
    [Fact]
    public void The_largest_frame_fits_a_drained_ring_wherever_it_stands()
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 1000 });
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        int largest = (int)writer.Info.MaxFrameSize;
        Assert.True(largest >= 1000);
        for (int step = 0; step < 2 * writer.Info.Capacity / 64; ++step)
        {
            byte[] data = Bytes.Pattern(largest, step);
            if (!writer.TryWrite(data))
            {
                Assert.False(reader.TryRead(out _), "the reader had caught up; this steps over the padding");
                Assert.True(writer.TryWrite(data));
            }
            using (Frame frame = reader.Read())
            {
                Assert.Equal(data, frame.Span);
            }
            Assert.True(writer.TryWrite("a step"u8));
            reader.Read().Dispose();
        }
    }

    // Scenario 2.2
    [Fact]
    public void One_byte_more_than_fits_is_refused_at_once_with_both_numbers()
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 1000 });
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        long most = writer.Info.MaxFrameSize;
        byte[] tooLarge = new byte[most + 1];
        Action[] calls =
        [
            () => writer.Claim(most + 1), () => writer.TryClaim(most + 1, out _), () => writer.Write(tooLarge),
            () => writer.TryWrite(tooLarge), () => writer.Write(tooLarge, Limits.Wait),
        ];
        Assert.All(calls, call =>
        {
            FrameTooLargeException error = Assert.Throws<FrameTooLargeException>(call);
            Assert.Equal(((ulong)most + 1, (ulong)most), (error.First, error.Second));
            Assert.Contains(most.ToString(System.Globalization.CultureInfo.InvariantCulture), error.Message, StringComparison.Ordinal);
        });
        using Claim claim = writer.Claim(most);
        claim.CommitAll();
    }

    // Scenario 2.3, 2.4, 2.5
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void Frames_of_any_sizes_in_any_order_arrive_whole(int seed)
    {
        var chance = new Random(seed);
        int payload = chance.Next(3000, 9000);
        int[] edges = [0, 1, 31, 32, 33, 63, 64, 65, .. Enumerable.Range(7, 5).SelectMany(power => Enumerable.Range((1 << power) - 1, 3))];
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = payload });
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        var sent = new Queue<byte[]>();
        ulong last = 0;
        bool Take()
        {
            if (!reader.TryRead(out Frame frame))
            {
                return false;
            }
            using (frame)
            {
                Assert.Equal(++last, frame.Sequence);
                Assert.Equal(sent.Dequeue(), frame.Span);
            }
            return true;
        }
        for (int number = 0; number < 3000; ++number)
        {
            byte[] data = Bytes.Pattern(chance.Next(2) == 0 ? edges[chance.Next(edges.Length)] : chance.Next(3000), number);
            bool steppedOverPadding = false;
            while (!writer.TryWrite(data))
            {
                if (!Take())
                {
                    Assert.False(steppedOverPadding, "no room, and nothing to read");
                    steppedOverPadding = true;
                }
            }
            sent.Enqueue(data);
        }
        while (Take())
        {
        }
        Assert.Empty(sent);
        Assert.Equal(3000ul, last);
    }

    // Scenario 2.4
    [Theory]
    [InlineData(1, 0)]
    [InlineData(1, 1)]
    [InlineData(777, 63)]
    [InlineData(4096, 64)]
    [InlineData(5000, 65)]
    public void The_smallest_ring_and_metadata_of_every_edge(int payloadSize, int metadataSize)
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = payloadSize, MetadataSize = metadataSize });
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        int room = (int)writer.Info.MetadataSize;
        Assert.True(room >= metadataSize);
        MetadataTooLargeException error = Assert.Throws<MetadataTooLargeException>(() => writer.WriteMetadata(new byte[room + 1]));
        Assert.Equal(((ulong)room + 1, (ulong)room), (error.First, error.Second));
        writer.WriteMetadata(Bytes.Pattern(room, 1));
        Assert.Equal(Bytes.Pattern(room, 1), reader.ReadMetadata(Limits.Wait));
        Assert.True(writer.Write(Bytes.Of('z', payloadSize)));
        using Frame frame = reader.Read();
        Assert.Equal(Bytes.Of('z', payloadSize), frame.Span);
    }

    // Scenario 2.6
    [Fact]
    public void A_claim_shrunk_discarded_or_dropped_leaves_no_gap()
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 4096 });
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        using (Claim claim = writer.Claim(100))
        {
            "short"u8.CopyTo(claim.Span);
            claim.Commit(5);
            Assert.False(claim.IsOpen);
        }
        Assert.Throws<FormatException>(() =>
        {
            using Claim claim = writer.Claim(100);
            claim.Span[0] = byte.Parse("an error while it is filled", System.Globalization.CultureInfo.InvariantCulture);
        });
        Claim discarded = writer.Claim(100);
        discarded.Dispose();
        discarded.Dispose();
        using (Claim claim = writer.Claim(4))
        {
            Assert.Equal(4, claim.Length);
            discarded.Dispose(); // of an old one: the new one stays open
            Assert.True(claim.IsOpen);
            "next"u8.CopyTo(claim.Span);
            claim.CommitAll(tag: 9);
        }
        var frames = new Frame[10];
        Assert.Equal(2, reader.ReadMany(frames, Limits.Wait));
        Assert.Equal((1ul, 5L, 0ul), (frames[0].Sequence, frames[0].Length, frames[0].Tag));
        Assert.Equal((2ul, 4L, 9ul), (frames[1].Sequence, frames[1].Length, frames[1].Tag));
        Assert.Equal("short"u8, frames[0].Span);
        Assert.Equal("next"u8, frames[1].Span);
        frames[0].Dispose();
        frames[1].Dispose();
    }

    [Fact]
    public void A_claim_does_what_it_may_and_nothing_else()
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 4096 });
        var writer = Writer.Open(Name, TimeSpan.Zero);
        Claim claim = writer.Claim(10), copy = claim;
        Assert.Throws<ClaimOpenException>(() => writer.Claim(10));
        Assert.Throws<ClaimOpenException>(() => writer.Write("x"u8));
        Assert.Contains("10 bytes", Assert.Throws<ArgumentOutOfRangeException>(() => claim.Commit(11)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentOutOfRangeException>(() => claim.Commit(-1));
        Assert.True(claim.IsOpen && copy == claim);
        copy.Commit(0);
        Assert.Throws<ObjectDisposedException>(() => claim.Commit(0));
        Assert.Throws<ObjectDisposedException>(() => claim.Span.Length);
        Assert.Throws<ObjectDisposedException>(() => claim.Length);
        using (Frame frame = reader.Read())
        {
            Assert.Equal(0, frame.Length);
        }
        claim = writer.Claim(10);
        writer.Dispose();
        Assert.Throws<ObjectDisposedException>(() => claim.CommitAll());
        Assert.Throws<PeerClosedException>(() => reader.Read());
    }

    [Fact]
    public void A_slice_lies_in_the_frame_or_the_claim_or_is_refused()
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 4096 });
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        using (Claim claim = writer.Claim(10))
        {
            "0123456789"u8.CopyTo(claim.Slice(0, 10));
            Assert.Equal(0, claim.Slice(10, 0).Length);
            foreach ((long offset, int length) in new[] { (0L, 11), (10L, 1), (-1L, 1), (0L, -1), (long.MaxValue, 1) })
            {
                Assert.Throws<ArgumentOutOfRangeException>(() => claim.Slice(offset, length).Length);
            }
            claim.CommitAll();
        }
        using Frame frame = reader.Read();
        Assert.Equal("345"u8, frame.Slice(3, 3));
        foreach ((long offset, int length) in new[] { (0L, 11), (10L, 1), (-1L, 1), (0L, -1), (long.MaxValue, int.MaxValue) })
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => frame.Slice(offset, length).Length);
        }
        Assert.Contains("10 bytes", Assert.Throws<InvalidOperationException>(() => frame.As<int>().Length).Message, StringComparison.Ordinal);
        Assert.Equal(5, frame.As<short>().Length);
    }

    [Fact]
    public void A_serialiser_writes_straight_into_a_claim()
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 4096 });
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        using (Claim claim = writer.Claim(1000))
        {
            ClaimBufferWriter buffer = claim.AsBufferWriter();
            using (var json = new Utf8JsonWriter(buffer))
            {
                json.WriteStartArray();
                json.WriteNumberValue(1);
                json.WriteNumberValue(2);
                json.WriteEndArray();
            }
            Assert.Equal(5, buffer.WrittenCount);
            buffer.Commit(200, 7);
            Assert.Throws<ObjectDisposedException>(() => buffer.GetSpan().Length);
        }
        using Frame frame = reader.Read();
        Assert.Equal("[1,2]"u8, frame.Span);
        Assert.Equal((200, 7ul), (frame.Type, frame.Tag));
    }

    [Fact]
    public void A_buffer_writer_ends_where_its_claim_ends()
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 4096 });
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        using Claim claim = writer.Claim(10);
        ClaimBufferWriter buffer = claim.AsBufferWriter();
        Assert.Equal(10, buffer.GetMemory(10).Length);
        Assert.Throws<InvalidOperationException>(() => buffer.GetSpan(11).Length);
        buffer.Advance(8);
        Assert.Equal(2, buffer.GetSpan().Length);
        Assert.Throws<InvalidOperationException>(() => buffer.Advance(3));
        Assert.Throws<ArgumentOutOfRangeException>(() => buffer.Advance(-1));
        buffer.Advance(2);
        Assert.Contains("Claim more", Assert.Throws<InvalidOperationException>(() => buffer.GetSpan().Length).Message, StringComparison.Ordinal);
    }

    private static void WritesLarge(Channel channel, string[] arguments)
    {
        const int size = 110 << 20;
        using var writer = Writer.Open(arguments[0], Limits.Wait);
        for (byte seed = 1; seed <= 3; ++seed)
        {
            using Claim claim = writer.Claim(size);
            Span<byte> room = claim.Span;
            room[0] = room[^1] = seed;
            claim.CommitAll();
        }
    }

    // Scenario 2.7
    [Fact]
    public void A_frame_over_a_hundred_megabytes_crosses()
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 110 << 20 });
        Peer writer = Start(Where.Process, WritesLarge, Name);
        byte seed = 0;
        foreach (Frame frame in reader)
        {
            using (frame)
            {
                Assert.Equal(110 << 20, frame.Length);
                Assert.Equal((++seed, seed), (frame.Span[0], frame.Span[^1]));
            }
        }
        Assert.Equal(3, seed);
        writer.Finish();
    }

    // Scenario 2.7
    [Fact]
    public void A_frame_beyond_two_gibibytes_is_no_span_but_a_sequence()
    {
        const long size = (2L << 30) + 5;
        if (!HasMemory(size + (512L << 20)))
        {
            Assert.Throws<SharedMemoryFullException>(() => Reader.Create(Name, new BufferOptions { PayloadSize = 1L << 37 }));
            return; // as many machines' /dev/shm: the frame cannot be, and that is said
        }
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = size, PreTouch = false });
        using var writer = Writer.Open(Name, TimeSpan.Zero, new BufferOptions { PreTouch = false });
        using (Claim claim = writer.Claim(size))
        {
            Assert.Contains("Slice", Assert.Throws<InvalidOperationException>(() => claim.Span.Length).Message, StringComparison.Ordinal);
            claim.Slice(0, 1)[0] = 1;
            claim.Slice(size - 1, 1)[0] = 2;
            claim.CommitAll();
        }
        using Frame frame = reader.Read();
        Assert.Equal(size, frame.Length);
        Assert.Contains("AsSequence()", Assert.Throws<InvalidOperationException>(() => frame.Span.Length).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => frame.AsMemory());
        ReadOnlySequence<byte> sequence = frame.AsSequence();
        Assert.Equal(size, sequence.Length);
        Assert.False(sequence.IsSingleSegment);
        Assert.Equal(1, sequence.FirstSpan[0]);
        Assert.Equal(2, sequence.Slice(size - 1).FirstSpan[0]);
        Assert.Equal(2, frame.Slice(size - 1, 1)[0]);
    }

    // Scenario 2.8
    [Fact]
    public void Metadata_alone_is_enough_and_comes_once()
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 1000 });
        using (var writer = Writer.Open(Name, TimeSpan.Zero))
        {
            writer.WriteMetadata("only this"u8);
            Assert.Throws<MetadataExistsException>(() => writer.WriteMetadata("something else"u8));
        }
        Assert.Equal("only this"u8.ToArray(), reader.ReadMetadata(Limits.Wait));
        Assert.Throws<PeerClosedException>(() => reader.Read());
    }

    // Scenario 2.8
    [Fact]
    public void Metadata_that_was_written_empty_is_empty_and_without_it_the_close_ends_the_wait()
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 1000 });
        using (var writer = Writer.Open(Name, TimeSpan.Zero))
        {
            Assert.Null(reader.ReadMetadata(TimeSpan.Zero));
        }
        Assert.Throws<PeerClosedException>(() => reader.ReadMetadata(Limits.Wait));
        using (var writer = Writer.Open(Name, TimeSpan.Zero))
        {
            writer.WriteMetadata(""u8);
            Assert.Empty(reader.ReadMetadata(Limits.Wait)!);
            writer.Write("x"u8);
            Assert.Throws<MetadataExistsException>(() => writer.WriteMetadata("late"u8));
        }
    }

    [Fact]
    public void A_ring_for_frames_holds_as_many_as_were_asked_for()
    {
        using var reader = Reader.Create(Name, BufferOptions.Default.ForFrames(1000, 3));
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        for (int i = 0; i < 3; ++i)
        {
            Assert.True(writer.TryWrite(new byte[1000]));
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => BufferOptions.Default.ForFrames(-1));
        Assert.Throws<ArgumentOutOfRangeException>(() => BufferOptions.Default.ForFrames(1, 0));
        Assert.Throws<InvalidArgumentException>(() => Writer.Create(Name + "-huge", BufferOptions.Default.ForFrames(long.MaxValue)));
    }

    public static TheoryData<string, BufferOptions> Senseless => new()
    {
        { "PayloadSize = 0", new() { PayloadSize = 0 } },
        { "PayloadSize = 2^50", new() { PayloadSize = 1L << 50 } },
        { "MetadataSize = 2^50", new() { MetadataSize = 1L << 50 } },
        { "MaxReaders = 0", new() { MaxReaders = 0 } },
        { "MaxReaders = 65", new() { MaxReaders = 65 } },
        { "MaxHeld = 0", new() { MaxHeld = 0 } },
        { "MaxHeld = 70,000", new() { MaxHeld = 70_000 } },
        { "AcknowledgeFrames = 0", new() { AcknowledgeFrames = 0 } },
        { "Wait = 7", new() { Wait = (WaitPolicy)7 } },
        { "Join = 9", new() { Join = (JoinAt)9 } },
        { "Full = 5", new() { Full = (FullPolicy)5 } },
    };

    // Scenario 2.9
    [Theory]
    [MemberData(nameof(Senseless))]
    public void A_configuration_that_makes_no_sense_is_refused(string what, BufferOptions options)
    {
        Action create = what.StartsWith("Full", StringComparison.Ordinal)
            ? () => Writer.Create(Name, options).Dispose()
            : () => Reader.Create(Name, options).Dispose();
        InvalidArgumentException error = Assert.Throws<InvalidArgumentException>(create);
        Assert.Equal(Status.InvalidArgument, error.Status);
        Assert.True(error.Message.Length > 20, error.Message);
    }

    // Scenario 2.9
    [Fact]
    public void A_negative_option_is_refused_before_the_library_sees_it()
    {
        BufferOptions[] wrong =
        [
            new() { PayloadSize = -1 }, new() { MetadataSize = -1 }, new() { MaxReaders = -1 }, new() { SpinPauses = -1 },
            new() { BurstSize = -1 }, new() { AcknowledgeFrames = -1 }, new() { MaxHeld = -1 },
            new() { AcknowledgeInterval = TimeSpan.FromTicks(-1) },
        ];
        Assert.All(wrong, options => Assert.Throws<ArgumentOutOfRangeException>(() => Reader.Create(Name, options)));
    }

    // Scenario 2.9
    [Theory]
    [InlineData("")]
    [InlineData("a/b")]
    [InlineData("..")]
    [InlineData(".hidden")]
    [InlineData("ä")]
    [InlineData("a b")]
    [InlineData("/a")]
    public void A_name_that_is_none_is_refused(string bad)
    {
        Assert.Throws<InvalidArgumentException>(() => Reader.Create(bad));
        Assert.Throws<InvalidArgumentException>(() => Writer.Create(bad));
        Assert.Throws<InvalidArgumentException>(() => Reader.Open(bad, TimeSpan.Zero));
        Assert.Throws<InvalidArgumentException>(() => Writer.Open(bad, TimeSpan.Zero));
    }

    // Scenario 2.9
    [Fact]
    public void A_name_too_long_or_with_a_zero_inside_or_none_at_all_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Reader.Create("a\0b"));
        Assert.Throws<ArgumentException>(() => Writer.Open("a\0b", TimeSpan.Zero));
        Assert.Throws<InvalidArgumentException>(() => Reader.Create(new string('a', 201)));
        Assert.Throws<ArgumentNullException>(() => Reader.Create(null!));
        Assert.Throws<ArgumentNullException>(() => ZeroBufferLibrary.RemoveDead(null!));
    }

    private static bool HasMemory(long bytes) =>
        new System.IO.DriveInfo("/dev/shm").AvailableFreeSpace > bytes
        && GC.GetGCMemoryInfo().TotalAvailableMemoryBytes - GC.GetGCMemoryInfo().MemoryLoadBytes > 2 * bytes;
}
