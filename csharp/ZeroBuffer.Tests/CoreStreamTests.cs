// The first steps of a stream: what is written is read, with everything that travels beside it.
using System;
using System.Linq;
using Xunit;

namespace ZeroBuffer.Tests;

public sealed class CoreStreamTests
{
    private static readonly BufferOptions Small = new() { PayloadSize = 64 << 10 };

    [Fact]
    public void What_is_written_is_read_with_its_type_tag_and_sequence()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        Assert.True(writer.Write("one"u8, type: 128, tag: 5));
        using (Claim claim = writer.Claim(10))
        {
            claim.Span.Fill(7);
            claim.Commit(4, tag: ulong.MaxValue);
        }

        using (Frame frame = reader.Read())
        {
            Assert.Equal("one"u8, frame.Span);
            Assert.Equal((1UL, 5UL, (ushort)128, 3L), (frame.Sequence, frame.Tag, frame.Type, frame.Length));
        }
        Assert.True(reader.Read(Support.Watchdog, out Frame second));
        using (second)
        {
            Assert.Equal(new byte[] { 7, 7, 7, 7 }, second.Span);
            Assert.Equal((2UL, ulong.MaxValue), (second.Sequence, second.Tag));
        }
        Assert.False(reader.TryRead(out Frame none));
        Assert.True(none.IsReleased);
        Assert.Equal(2, reader.GetStats().Frames);
        Assert.Equal(0, reader.GetStats().Held);
    }

    [Fact]
    public void A_loop_ends_when_the_writer_has_closed()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        using (var writer = Writer.Open(name, TimeSpan.Zero))
        {
            using (writer.Batch())
            {
                for (byte i = 1; i <= 5; ++i)
                {
                    writer.Write([i]);
                }
            }
        }
        int sum = 0;
        foreach (Frame frame in reader)
        {
            using (frame)
            {
                sum += frame.Span[0];
            }
        }
        Assert.Equal(15, sum);
        Assert.Throws<PeerClosedException>(() => reader.Read());
    }

    [Fact]
    public void A_timeout_is_false_and_everything_else_is_an_exception_of_its_own()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        Assert.False(reader.Read(TimeSpan.FromMilliseconds(1), out _));
        Assert.Null(reader.ReadMetadata(TimeSpan.Zero));
        using var writer = Writer.Open(name, TimeSpan.Zero);
        var tooLarge = Assert.Throws<FrameTooLargeException>(() => writer.Claim(1 << 20));
        Assert.Equal(Status.FrameTooLarge, tooLarge.Status);
        Assert.Equal(1UL << 20, tooLarge.First);
        Assert.Equal((ulong)writer.Info.MaxFrameSize, tooLarge.Second);
        Assert.Throws<WriterExistsException>(() => Writer.Open(name, TimeSpan.Zero));
        Assert.Throws<TooManyReadersException>(() => Reader.Open(name, TimeSpan.Zero));
        Assert.Throws<BufferExistsException>(() => Reader.Create(name));
        Assert.Throws<BufferNotFoundException>(() => Reader.Open(name + "-other", TimeSpan.Zero));
        Assert.Throws<InvalidArgumentException>(() => Reader.Create("no/slash"));
        using (Claim open = writer.Claim(1))
        {
            Assert.Throws<ClaimOpenException>(() => writer.Write("x"u8));
        }
    }

    [Fact]
    public void Metadata_is_written_once_and_read_as_often_as_one_likes()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        Assert.Null(reader.GetKnownMetadata());
        writer.WriteMetadata("about"u8);
        Assert.Throws<MetadataExistsException>(() => writer.WriteMetadata("else"u8));
        Assert.Equal("about"u8, reader.ReadMetadata(TimeSpan.Zero)!);
        byte[]? known = reader.GetKnownMetadata();
        Assert.Equal("about"u8, known!);
        Assert.Same(known, reader.GetKnownMetadata());
        reader.Dispose();
        Assert.Same(known, reader.GetKnownMetadata());
    }

    [Fact]
    public void Many_are_read_at_once_and_the_newest_alone()
    {
        string name = Support.UniqueName();
        using var reader = Reader.Create(name, Small);
        using var writer = Writer.Open(name, TimeSpan.Zero);
        for (byte i = 0; i < 5; ++i)
        {
            writer.Write([i]);
        }
        var frames = new Frame[3];
        Assert.Equal(3, reader.ReadMany(frames, TimeSpan.Zero));
        Assert.Equal(new ulong[] { 1, 2, 3 }, frames.Select(frame => frame.Sequence));
        foreach (Frame frame in frames)
        {
            frame.Dispose();
        }
        Assert.True(reader.ReadNewest(TimeSpan.Zero, out Frame newest));
        using (newest)
        {
            Assert.Equal(5UL, newest.Sequence);
        }
        Assert.Equal(1, reader.GetStats().Skipped);
        Assert.Equal(0, reader.ReadMany(frames, TimeSpan.Zero));
    }

    [Fact]
    public void The_options_have_the_defaults_of_the_native_library()
    {
        unsafe
        {
            Interop.NativeBufferConfig native;
            Assert.Equal(0, Interop.Native.zb_buffer_config_init(&native, (nuint)sizeof(Interop.NativeBufferConfig)));
            Assert.Equal(native, BufferOptions.Default.ToNative());
        }
        BufferOptions sized = BufferOptions.Default.ForFrames(1000, 4);
        Assert.NotEqual(BufferOptions.Default, sized);
        Assert.Equal(BufferOptions.Default, sized with { PayloadSize = 64 << 20, BurstSize = 0 });
    }
}
