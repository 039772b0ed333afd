// One writer, one reader: order, metadata, a full ring, who comes first.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Threading;
using System.Threading.Tasks;
using ZeroBuffer.Tests.Peers;
using Xunit;

namespace ZeroBuffer.Tests;

public class BasicsTests : BufferTest
{
    private static readonly BufferOptions Small = new() { PayloadSize = 4096 };
    private static readonly BufferOptions OneFrame = new() { PayloadSize = 1000 };

    private static void WritesFrames(Channel channel, string[] arguments)
    {
        using var writer = Writer.Open(arguments[0], Limits.Wait);
        writer.WriteMetadata("what comes"u8);
        int size = int.Parse(arguments[2], CultureInfo.InvariantCulture);
        for (int number = 1; number <= int.Parse(arguments[1], CultureInfo.InvariantCulture); ++number)
        {
            Assert.True(writer.Write(Bytes.Of(number, size), type: 200, tag: (ulong)number * 10));
        }
        channel.Say(writer.GetStats().Frames.ToString(CultureInfo.InvariantCulture));
    }

    private static void ReadsFrames(Channel channel, string[] arguments)
    {
        using var reader = Reader.Open(arguments[0], Limits.Wait);
        channel.Say("ready");
        foreach (Frame frame in reader)
        {
            using (frame)
            {
                channel.Say($"{frame.Sequence} {frame.Length} {frame.Span[0]}");
            }
        }
    }

    // Scenario 1.1
    [Theory]
    [InlineData(Where.Thread)]
    [InlineData(Where.Process)]
    public void A_frame_and_the_metadata_before_it_arrive_as_sent(Where where)
    {
        using var reader = Reader.Create(Name, Small);
        Peer writer = Start(where, WritesFrames, Name, "1", "100");
        Assert.Equal("what comes"u8.ToArray(), reader.ReadMetadata(Limits.Wait));
        Assert.True(reader.Read(Limits.Wait, out Frame frame));
        Assert.Equal((1ul, 200, 10ul, 100L), (frame.Sequence, frame.Type, frame.Tag, frame.Length));
        Assert.Equal(Bytes.Of(1), frame.Span);
        Assert.Equal("Frame 1: 100 bytes, type 200, tag 10", frame.ToString());
        frame.Dispose();
        writer.Finish();
    }

    // Scenario 1.2, 4.10
    [Theory]
    [InlineData(Where.Thread)]
    [InlineData(Where.Process)]
    public void Ten_frames_arrive_in_order_and_then_the_stream_ends(Where where)
    {
        using var reader = Reader.Create(Name, Small);
        Peer writer = Start(where, WritesFrames, Name, "10", "100");
        ulong last = 0;
        foreach (Frame frame in reader)
        {
            using (frame)
            {
                Assert.Equal(++last, frame.Sequence);
                Assert.Equal(Bytes.Of((int)last), frame.Span);
            }
        }
        Assert.Equal(10ul, last);
        Assert.Throws<PeerClosedException>(() => reader.TryRead(out _));
        Assert.Equal("10", writer.Hear());
        writer.Finish();
    }

    // Scenario 1.2
    [Theory]
    [InlineData(Where.Thread)]
    [InlineData(Where.Process)]
    public void A_reader_on_the_other_side_sees_what_is_written_here(Where where)
    {
        Peer reader;
        using (var writer = Writer.Create(Name, Small))
        {
            reader = Start(where, ReadsFrames, Name);
            Assert.True(writer.WaitForReaders(1, Limits.Wait));
            Assert.Equal("ready", reader.Hear());
            for (int number = 1; number <= 10; ++number)
            {
                writer.Write(Bytes.Of(number));
            }
            Assert.Equal(
                Enumerable.Range(1, 10).Select(number => $"{number} 100 {number}"),
                Enumerable.Range(1, 10).Select(_ => reader.Hear()));
        }
        reader.Finish();
    }

    // Scenario 1.3
    [Fact]
    public void A_full_ring_holds_the_writer_back_until_room_is_freed()
    {
        using var reader = Reader.Create(Name, OneFrame);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        Assert.True(writer.Write(new byte[1000]));
        Assert.False(writer.TryClaim(1000, out _));
        Assert.False(writer.TryWrite(new byte[1000]));
        var clock = Stopwatch.StartNew();
        Assert.False(writer.Write(new byte[1000], TimeSpan.FromMilliseconds(50)));
        Assert.True(clock.Elapsed >= TimeSpan.FromMilliseconds(50));
        Assert.False(writer.Claim(1000, TimeSpan.Zero, out _));

        bool released = false;
        Task helper = Eventually.InAnotherThread(() =>
        {
            Frame frame = reader.Read();
            Thread.Sleep(200);
            Volatile.Write(ref released, true);
            frame.Dispose();
        });
        using (Claim claim = writer.Claim(1000))
        {
            Assert.True(Volatile.Read(ref released), "there was room before any was freed");
        }
        helper.Join();
        Assert.True(writer.GetStats().BlockedCount >= 1);
        Assert.True(writer.GetStats().BlockedTime > TimeSpan.Zero);
    }

    // Scenario 1.3
    [Fact]
    public void The_drop_policy_drops_counts_and_tells_the_reader()
    {
        using var reader = Reader.Create(Name, OneFrame);
        using var writer = Writer.Open(Name, TimeSpan.Zero, new BufferOptions { Full = FullPolicy.Drop });
        Assert.True(writer.Write(new byte[1000]));
        Assert.False(writer.Write(new byte[1000]));
        Assert.False(writer.Write(new byte[1000], Limits.Wait));
        Assert.Throws<FrameDroppedException>(() => writer.Claim(1000));
        Assert.False(writer.TryClaim(1000, out _));
        Assert.Equal(4, writer.GetStats().Dropped);
        reader.Read().Dispose();
        Assert.True(writer.Write("next"u8));
        using Frame frame = reader.Read();
        Assert.Equal(2ul, frame.Sequence);
        Assert.Equal("next"u8, frame.Span);
        Assert.Equal(4, reader.GetStats().Dropped);
    }

    private static void WritesBurst(Channel channel, string[] arguments)
    {
        using var writer = Writer.Open(arguments[0], Limits.Wait);
        for (int number = 0; number < 50; ++number)
        {
            Assert.True(writer.Write(Bytes.Of(number)));
        }
        channel.Say("written");
        channel.Hear();
    }

    // Scenario 1.4
    [Theory]
    [InlineData(Where.Thread)]
    [InlineData(Where.Process)]
    public void A_burst_written_before_the_reader_begins_is_read_whole(Where where)
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 64 << 10 });
        Peer writer = Start(where, WritesBurst, Name);
        Assert.Equal("written", writer.Hear());
        writer.Say("go on");
        int number = 0;
        foreach (Frame frame in reader)
        {
            using (frame)
            {
                Assert.Equal(Bytes.Of(number++), frame.Span);
            }
        }
        Assert.Equal(50, number);
        writer.Finish();
    }

    // Scenario 1.5
    [Theory]
    [InlineData(Where.Thread)]
    [InlineData(Where.Process)]
    public void A_slow_reader_holds_the_writer_back_and_loses_nothing(Where where)
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 300 });
        Peer writer = Start(where, WritesFrames, Name, "8", "100");
        var got = new List<ulong>();
        foreach (Frame frame in reader)
        {
            Thread.Sleep(100);
            got.Add(frame.Sequence);
            frame.Dispose();
        }
        Assert.Equal([1ul, 2, 3, 4, 5, 6, 7, 8], got);
        Assert.Equal("8", writer.Hear());
        writer.Finish();
    }

    private static void WritesQuickly(Channel channel, string[] arguments)
    {
        using var writer = Writer.Open(arguments[0], Limits.Wait);
        Span<byte> bytes = stackalloc byte[200];
        for (int number = 0; number < 10_000; ++number)
        {
            for (int i = 0; i <= number % 50; ++i)
            {
                BitConverter.TryWriteBytes(bytes[(4 * i)..], number);
            }
            writer.Write(bytes[..(4 * (1 + (number % 50)))]);
        }
        channel.Say("done");
    }

    // Scenario 1.6
    [Theory]
    [InlineData(Where.Thread)]
    [InlineData(Where.Process)]
    public void Ten_thousand_quick_frames_pass_through_a_small_ring(Where where)
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 10 << 10 });
        Peer writer = Start(where, WritesQuickly, Name);
        int number = 0;
        foreach (Frame frame in reader)
        {
            using (frame)
            {
                Assert.Equal((ulong)number + 1, frame.Sequence);
                ReadOnlySpan<int> words = frame.As<int>();
                Assert.Equal(1 + (number % 50), words.Length);
                Assert.False(words.ContainsAnyExcept(number));
            }
            ++number;
        }
        Assert.Equal(10_000, number);
        writer.Finish();
    }

    // Scenario 1.7
    [Fact]
    public void A_second_writer_and_a_reader_too_many_are_told_so()
    {
        using var reader = Reader.Create(Name, OneFrame);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        Assert.Equal(Status.WriterExists, Assert.Throws<WriterExistsException>(() => Writer.Open(Name, TimeSpan.Zero)).Status);
        Assert.Throws<TooManyReadersException>(() => Reader.Open(Name, TimeSpan.Zero));
        Assert.Throws<BufferExistsException>(() => Reader.Create(Name, OneFrame));
        Assert.Throws<BufferExistsException>(() => Writer.Create(Name, OneFrame));
    }

    private static void CreatesLate(Channel channel, string[] arguments)
    {
        Thread.Sleep(1000);
        using var reader = Reader.Create(arguments[0], OneFrame);
        channel.Say("made");
        using Frame frame = reader.Read();
        channel.Say(System.Text.Encoding.UTF8.GetString(frame.Span));
    }

    // Scenario 1.8
    [Theory]
    [InlineData(Where.Thread)]
    [InlineData(Where.Process)]
    public void A_writer_that_comes_first_waits_for_the_buffer(Where where)
    {
        var clock = Stopwatch.StartNew();
        Assert.Throws<BufferNotFoundException>(() => Writer.Open(Name, TimeSpan.FromMilliseconds(300)));
        Assert.True(clock.Elapsed >= TimeSpan.FromMilliseconds(300));
        Peer reader = Start(where, CreatesLate, Name);
        using var writer = Writer.Open(Name, Limits.Wait);
        writer.Write("hello"u8);
        Assert.Equal("made", reader.Hear());
        Assert.Equal("hello", reader.Hear());
        reader.Finish();
    }

    // Scenario 1.8
    [Theory]
    [InlineData(Where.Thread)]
    [InlineData(Where.Process)]
    public void A_reader_that_comes_first_waits_for_the_buffer(Where where)
    {
        Peer reader = Start(where, ReadsFrames, Name);
        Thread.Sleep(1000);
        using (var writer = Writer.Create(Name, OneFrame))
        {
            Assert.True(writer.WaitForReaders(1, Limits.Wait));
            Assert.Equal("ready", reader.Hear());
            writer.Write("x"u8);
            Assert.Equal("1 1 120", reader.Hear());
        }
        reader.Finish();
    }

    [Fact]
    public void Reads_that_find_nothing_say_so_and_keep_to_their_timeout()
    {
        using var reader = Reader.Create(Name, OneFrame);
        Assert.False(reader.TryRead(out Frame none));
        Assert.True(none.IsReleased);
        Assert.False(reader.Read(TimeSpan.Zero, out _));
        var clock = Stopwatch.StartNew();
        Assert.False(reader.Read(TimeSpan.FromMilliseconds(50), out _));
        Assert.False(reader.ReadNewest(TimeSpan.FromMilliseconds(10), out _));
        Assert.Equal(0, reader.ReadMany(new Frame[3], TimeSpan.FromMilliseconds(10)));
        Assert.Null(reader.ReadMetadata(TimeSpan.FromMilliseconds(10)));
        Assert.True(clock.Elapsed >= TimeSpan.FromMilliseconds(75));
    }

    [Fact]
    public void A_timeout_that_is_no_time_is_refused()
    {
        using var reader = Reader.Create(Name, OneFrame);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        TimeSpan wrong = TimeSpan.FromSeconds(-1);
        Assert.Throws<ArgumentOutOfRangeException>(() => reader.Read(wrong, out _));
        Assert.Throws<ArgumentOutOfRangeException>(() => writer.Write(default, wrong));
        Assert.Throws<ArgumentOutOfRangeException>(() => Reader.Open(Name, wrong));
        writer.Write("x"u8);
        Assert.True(reader.Read(TimeSpan.MaxValue, out Frame frame), "a very long time is a time");
        frame.Dispose();
        writer.Write("y"u8);
        Assert.True(reader.Read(Timeout.InfiniteTimeSpan, out frame));
        frame.Dispose();
    }

    [Fact]
    public void The_newest_frame_is_read_and_those_passed_over_are_counted()
    {
        using var reader = Reader.Create(Name, Small);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        for (int number = 1; number <= 5; ++number)
        {
            writer.Write(Bytes.Of(number));
        }
        Assert.True(reader.ReadNewest(Limits.Wait, out Frame frame));
        Assert.Equal(5ul, frame.Sequence);
        frame.Dispose();
        Assert.Equal(4, reader.GetStats().Skipped);
        Assert.False(reader.ReadNewest(TimeSpan.Zero, out _));
        Assert.True(writer.Drain(Limits.Wait));
    }

    [Fact]
    public void As_many_frames_are_read_at_once_as_there_are_and_as_fit()
    {
        using var reader = Reader.Create(Name, Small);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        for (int number = 1; number <= 7; ++number)
        {
            writer.Write(Bytes.Of(number, 10));
        }
        var frames = new Frame[5];
        Assert.Equal(5, reader.ReadMany(frames, Limits.Wait));
        Assert.Equal([1ul, 2, 3, 4, 5], frames.Select(frame => frame.Sequence));
        Array.ForEach(frames, frame => frame.Dispose());
        Assert.Equal(2, reader.ReadMany(frames, Limits.Wait));
        Assert.Equal(7ul, frames[1].Sequence);
        frames[0].Dispose();
        frames[1].Dispose();
        Assert.Throws<ArgumentException>(() => reader.ReadMany([], Limits.Wait));
    }

    [Fact]
    public void Frames_of_a_batch_are_published_together_when_it_ends()
    {
        using var reader = Reader.Create(Name, Small);
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        Batch batch = writer.Batch();
        writer.Write("one"u8);
        writer.Write("two"u8);
        Assert.False(reader.TryRead(out _), "nothing is there before the batch ends");
        Assert.Throws<InvalidOperationException>(() => writer.Batch());
        Batch copy = batch;
        batch.Dispose();
        copy.Dispose();
        var frames = new Frame[3];
        Assert.Equal(2, reader.ReadMany(frames, Limits.Wait));
        Assert.Equal("two"u8, frames[1].Span);
        frames[0].Dispose();
        frames[1].Dispose();
        using (writer.Batch())
        {
            batch.Dispose(); // of another batch, ended long ago
            writer.Write("three"u8);
            Assert.False(reader.TryRead(out _));
        }
        reader.Read().Dispose();
    }

    [Fact]
    public void A_buffer_without_a_name_is_opened_by_its_descriptor()
    {
        using var reader = Reader.CreateAnonymous(Small);
        Assert.True(reader.FileDescriptor >= 0);
        using var writer = Writer.OpenFd(reader.FileDescriptor);
        writer.Write("no name"u8);
        using (Frame frame = reader.Read())
        {
            Assert.Equal("no name"u8, frame.Span);
        }
        using var named = Writer.Create(Name, Small);
        Assert.Equal(-1, named.FileDescriptor);
        Assert.Contains(Name, ZeroBufferLibrary.ListBuffers());
        Assert.Throws<BufferExistsException>(() => ZeroBufferLibrary.RemoveDead(Name));
        Assert.Throws<BufferNotFoundException>(() => ZeroBufferLibrary.RemoveDead(Name + "-other"));
    }

    [Fact]
    public void What_the_buffer_is_and_what_happened_can_be_asked_for()
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 1000, MetadataSize = 100, MaxReaders = 3 });
        using var writer = Writer.Open(Name, TimeSpan.Zero);
        Assert.True(reader.Info.Created);
        Assert.False(writer.Info.Created);
        Assert.Equal(writer.Info with { Created = true, HugeBytes = 0 }, reader.Info with { HugeBytes = 0 });
        Assert.True(reader.Info.MaxFrameSize >= 1000 && reader.Info.Capacity == reader.Info.MaxFrameSize + 32);
        Assert.True(reader.Info.SegmentSize > reader.Info.Capacity && reader.Info.MetadataSize >= 100);
        Assert.Equal(3, reader.Info.MaxReaders);
        writer.Write(new byte[100]);
        writer.Write(new byte[50]);
        using Frame frame = reader.Read();
        ReaderStats read = reader.GetStats();
        Assert.Equal((1L, 100L, 1), (read.Frames, read.Bytes, read.Held));
        Assert.True(read.UnreadBytes > 0);
        WriterStats written = writer.GetStats();
        Assert.Equal((2L, 150L, 1), (written.Frames, written.Bytes, written.Readers));
    }

    [Fact]
    public void Closing_says_how_many_frames_nobody_will_read()
    {
        var reader = Reader.Create(Name, Small);
        var writer = Writer.Open(Name, TimeSpan.Zero);
        writer.Write("1"u8);
        writer.Write("2"u8);
        reader.Read().Dispose();
        reader.Dispose();
        Assert.Equal(1, writer.Close(TimeSpan.Zero));
        Assert.Equal(0, writer.Close(TimeSpan.Zero));
        Assert.Equal(2, writer.GetStats().Frames);
        Assert.Equal(1, reader.GetStats().Frames);
    }

    [Fact]
    public void Closing_with_linger_waits_for_the_readers()
    {
        using var reader = Reader.Create(Name, Small);
        var writer = Writer.Open(Name, TimeSpan.Zero);
        writer.Write("1"u8);
        bool read = false;
        Task reading = Eventually.InAnotherThread(() =>
        {
            Thread.Sleep(200);
            Volatile.Write(ref read, true);
            reader.Read().Dispose();
        });
        Assert.Equal(0, writer.Close(Limits.Wait));
        Assert.True(Volatile.Read(ref read), "the close came before the reader");
        reading.Join();
    }
}
