// Many messages of one size with one call: each is a frame like any other, and what does not fit, or has another size, is told.
using System;
using System.Linq;
using System.Runtime.InteropServices;
using System.Threading.Tasks;
using ZeroBuffer.Tests.Peers;
using Xunit;

namespace ZeroBuffer.Tests;

public class MessagesTests : BufferTest
{
    private static readonly BufferOptions Small = new() { PayloadSize = 4000 };

    private (Reader Reader, Writer Writer) Ends(BufferOptions? options = null) =>
        (Reader.Create(Name, options ?? Small), Writer.Open(Name, TimeSpan.Zero, options));

    [Fact]
    public void Messages_written_with_one_call_are_frames_like_any_other()
    {
        (Reader reader, Writer writer) = Ends();
        using (reader)
        using (writer)
        {
            byte[] messages = Bytes.Pattern(5 * 40, seed: 3);
            writer.Write("before"u8);
            Assert.Equal(5, writer.WriteMessages(messages, 40, type: 200, tag: 7));
            reader.Read().Dispose();
            for (int i = 0; i < 5; ++i)
            {
                using Frame frame = reader.Read();
                Assert.Equal((2ul + (ulong)i, (ushort)200, 7ul), (frame.Sequence, frame.Type, frame.Tag));
                Assert.Equal(messages.AsSpan(i * 40, 40).ToArray(), frame.Span.ToArray());
            }
            Assert.False(reader.TryRead(out _));
            Assert.Equal((6, 206), (writer.GetStats().Frames, writer.GetStats().Bytes));
        }
    }

    [Fact]
    public void Frames_of_one_size_are_copied_in_order_and_nothing_is_held()
    {
        (Reader reader, Writer writer) = Ends();
        using (reader)
        using (writer)
        {
            for (int number = 0; number < 7; ++number)
            {
                writer.Write(Bytes.Pattern(30, number));
            }
            byte[] room = new byte[(5 * 30) + 29];
            Assert.Equal(5, reader.ReadMessages(room, 30));
            Assert.Equal(Enumerable.Range(0, 5).SelectMany(number => Bytes.Pattern(30, number)).Concat(new byte[29]), room);
            Assert.Equal(2, reader.ReadMessages(room, 30, TimeSpan.Zero));
            Assert.Equal(Bytes.Pattern(30, 6), room[30..60]);
            Assert.Equal(0, reader.ReadMessages(room, 30, TimeSpan.FromMilliseconds(5)));
            Assert.Equal((0, 7), (reader.GetStats().Held, reader.GetStats().Frames));
            Assert.True(writer.Drain(TimeSpan.Zero));
        }
    }

    [Fact]
    public void Values_travel_as_they_lie_in_memory()
    {
        (Reader reader, Writer writer) = Ends();
        using (reader)
        using (writer)
        {
            Point[] points = [new(1, 2, 3), new(4, 5, 6), new(7, 8, 9)];
            Assert.Equal(3, writer.WriteMessages<Point>(points));
            Assert.Equal(3, writer.WriteMessages<Point>(points, TimeSpan.Zero, type: 130));
            var room = new Point[4];
            Assert.Equal(4, reader.ReadMessages<Point>(room));
            Assert.Equal([points[0], points[1], points[2], points[0]], room);
            Assert.Equal(2, reader.ReadMessages(room, TimeSpan.Zero));
            Assert.Equal(points[2], room[1]);
        }
    }

    [Fact]
    public void A_frame_of_another_size_stays_and_is_told()
    {
        (Reader reader, Writer writer) = Ends();
        using (reader)
        using (writer)
        {
            writer.WriteMessages(new byte[3 * 16], 16);
            writer.Write(new byte[17]);
            byte[] room = new byte[10 * 16];
            Assert.Equal(3, reader.ReadMessages(room, 16));
            for (int again = 0; again < 2; ++again)
            {
                WrongSizeException told = Assert.Throws<WrongSizeException>(() => reader.ReadMessages(room, 16));
                Assert.Equal((17ul, 16ul), (told.First, told.Second));
            }
            using Frame frame = reader.Read();
            Assert.Equal((4ul, 17L), (frame.Sequence, frame.Length));
        }
    }

    [Fact]
    public void Of_what_has_no_room_the_first_ones_are_sent_and_the_rest_can_follow()
    {
        (Reader reader, Writer writer) = Ends();
        using (reader)
        using (writer)
        {
            byte[] messages = Bytes.Pattern(100 * 100, seed: 1);
            int sent = writer.WriteMessages(messages, 100, TimeSpan.Zero);
            Assert.InRange(sent, 1, 99);
            Assert.Equal(0, writer.WriteMessages(messages.AsSpan(sent * 100), 100, TimeSpan.Zero));
            byte[] room = new byte[messages.Length];
            int read = reader.ReadMessages(room, 100);
            Assert.Equal(sent, read);
            while (sent < 100)
            {
                sent += writer.WriteMessages(messages.AsSpan(sent * 100), 100, TimeSpan.Zero);
                read += reader.ReadMessages(room.AsSpan(read * 100), 100);
            }
            Assert.Equal(messages, room);
        }
    }

    [Fact]
    public async Task A_full_ring_is_waited_for_until_all_are_sent()
    {
        (Reader reader, Writer writer) = Ends();
        using (reader)
        using (writer)
        {
            byte[] messages = Bytes.Pattern(500 * 64, seed: 9);
            Task<int> writing = Task.Factory.StartNew(() => writer.WriteMessages(messages, 64), default, TaskCreationOptions.LongRunning, TaskScheduler.Default);
            byte[] room = new byte[messages.Length];
            for (int read = 0; read < 500;)
            {
                int more = reader.ReadMessages(room.AsSpan(read * 64), 64, Limits.Wait);
                Assert.NotEqual(0, more);
                read += more;
            }
            Assert.Equal(500, await writing.WaitAsync(Limits.Wait));
            Assert.Equal(messages, room);
        }
    }

    [Fact]
    public void A_writer_that_drops_says_how_many_it_has_sent()
    {
        (Reader reader, Writer writer) = Ends(Small with { Full = FullPolicy.Drop });
        using (reader)
        using (writer)
        {
            int sent = writer.WriteMessages(new byte[100 * 100], 100);
            Assert.InRange(sent, 1, 99);
            Assert.Equal(100 - sent, writer.GetStats().Dropped);
            Assert.Equal(sent, reader.ReadMessages(new byte[100 * 100], 100));
        }
    }

    [Fact]
    public void What_was_sent_is_read_before_the_end_is_told()
    {
        (Reader reader, Writer writer) = Ends();
        using (reader)
        {
            using (writer)
            {
                Assert.Equal(3, writer.WriteMessages<int>([1, 2, 3]));
            }
            int[] room = new int[2];
            Assert.Equal(2, reader.ReadMessages<int>(room));
            Assert.Equal(1, reader.ReadMessages<int>(room));
            Assert.Equal(3, room[0]);
            Assert.Throws<PeerClosedException>(() => reader.ReadMessages<int>(room));
        }
    }

    [Fact]
    public void Without_readers_those_that_fit_are_sent_and_the_next_call_says_why_no_more()
    {
        (Reader reader, Writer writer) = Ends();
        reader.Dispose();
        using (writer)
        {
            byte[] messages = new byte[100 * 100];
            Assert.InRange(writer.WriteMessages(messages, 100), 1, 99);
            Assert.Throws<PeerClosedException>(() => writer.WriteMessages(messages, 100));
        }
    }

    [Fact]
    public async Task Dispose_ends_the_wait_for_messages()
    {
        var reader = Reader.Create(Name, Small);
        Task<int> reading = Task.Factory.StartNew(() => reader.ReadMessages(new byte[8], 8), default, TaskCreationOptions.LongRunning, TaskScheduler.Default);
        reader.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => reading.WaitAsync(Limits.Wait));
    }

    [Fact]
    public void Impossible_sizes_are_refused()
    {
        (Reader reader, Writer writer) = Ends();
        using (reader)
        using (writer)
        {
            Assert.Throws<ArgumentOutOfRangeException>(() => writer.WriteMessages(new byte[8], 0));
            Assert.Throws<ArgumentOutOfRangeException>(() => reader.ReadMessages(new byte[8], 0));
            Assert.Throws<ArgumentException>(() => writer.WriteMessages(new byte[9], 8));
            Assert.Throws<ArgumentException>(() => reader.ReadMessages(new byte[7], 8));
            Assert.Throws<ArgumentException>(() => reader.ReadMessages<long>(default));
            Assert.Throws<FrameTooLargeException>(() => writer.WriteMessages(new byte[10_000], 10_000));
            Assert.Equal(0, writer.WriteMessages<long>(default));
            Assert.Equal(0, writer.GetStats().Frames);
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct Point(double X, double Y, int Number);
}
