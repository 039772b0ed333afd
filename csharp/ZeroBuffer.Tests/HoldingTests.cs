// Frames that are held: in any order, by copies, by memory, beyond their reader; and what holding too much leads to.
using System;
using System.Buffers;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Threading;
using ZeroBuffer.Tests.Peers;
using Xunit;

namespace ZeroBuffer.Tests;

public class HoldingTests : BufferTest
{
    private (Reader Reader, Writer Writer) Ends(long payloadSize = 10_000, int maxHeld = 256) =>
        (Reader.Create(Name, new BufferOptions { PayloadSize = payloadSize, MaxHeld = maxHeld }), Writer.Open(Name, TimeSpan.Zero));

    // Scenario 3.1
    [Fact]
    public void Frames_held_in_any_order_never_change_and_their_room_comes_back()
    {
        var chance = new Random(7);
        (Reader reader, Writer writer) = Ends(20_000);
        using (reader)
        using (writer)
        {
            var held = new List<(Frame Frame, byte[] Digest)>();
            for (int number = 0; number < 400; ++number)
            {
                byte[] data = new byte[chance.Next(3000)];
                chance.NextBytes(data);
                while (!writer.TryWrite(data))
                {
                    int any = chance.Next(held.Count);
                    (Frame old, byte[] oldDigest) = held[any];
                    held.RemoveAt(any);
                    Assert.Equal(oldDigest, SHA256.HashData(old.Span));
                    old.Dispose();
                }
                held.Add((reader.Read(), SHA256.HashData(data)));
                Assert.All(held, each => Assert.Equal(each.Digest, SHA256.HashData(each.Frame.Span)));
            }
            Assert.True(reader.GetStats().Held >= held.Count);
            (Frame Frame, byte[] Digest)[] rest = [.. held];
            chance.Shuffle(rest);
            foreach ((Frame frame, byte[] digest) in rest)
            {
                Assert.Equal(digest, SHA256.HashData(frame.Span));
                frame.Dispose();
            }
            Assert.Equal(0, reader.GetStats().Held);
            Assert.True(writer.Drain(Limits.Wait));
        }
    }

    [Fact]
    public void A_frame_is_two_words_so_that_it_travels_in_registers()
    {
        Assert.Equal(2 * Unsafe.SizeOf<nint>(), Unsafe.SizeOf<Frame>());
    }

    [Fact]
    public void Copies_of_released_frames_do_nothing_to_those_that_have_their_places_now()
    {
        (Reader reader, Writer writer) = Ends(maxHeld: 4);
        using (reader)
        using (writer)
        {
            var old = new List<Frame>();
            for (int number = 0; number < 20; ++number)
            {
                Assert.True(writer.Write(Bytes.Of(number)));
                Assert.True(writer.Write(Bytes.Of(number)));
                Assert.True(reader.ReadNewest(TimeSpan.Zero, out Frame frame));
                Assert.All(old, copy => copy.Dispose());
                Assert.All(old, copy => Assert.True(copy.IsReleased));
                Assert.False(frame.IsReleased);
                Assert.Equal(Bytes.Of(number), frame.Span.ToArray());
                Assert.Equal(1, reader.GetStats().Held);
                frame.Dispose();
                old.Add(frame);
            }
            Assert.Equal(20, old.Distinct().Count());
        }
    }

    // Scenario 3.2
    [Fact]
    public void Frames_outlive_their_reader_and_its_close()
    {
        (Reader reader, Writer writer) = Ends();
        for (int number = 0; number < 3; ++number)
        {
            writer.Write(Bytes.Of(number, 1000));
        }
        var frames = new Frame[3];
        Assert.Equal(3, reader.ReadMany(frames, Limits.Wait));
        frames[0].Dispose();
        FrameMemory memory = frames[1].AsMemory();
        frames[1].Dispose();
        reader.Dispose();
        writer.Dispose();
        Assert.Equal(Bytes.Of(1, 1000), memory.Memory.ToArray());
        Assert.Equal(Bytes.Of(2, 1000), frames[2].Span);
        Assert.Same(reader, frames[2].Reader);
        memory.Dispose();
        frames[2].Dispose();
        Assert.Throws<ObjectDisposedException>(() => _ = frames[2].Length);
    }

    // Scenario 3.2
    [Fact]
    public void The_room_of_a_frame_held_beyond_its_reader_comes_back_with_it()
    {
        using var writer = Writer.Create(Name, new BufferOptions { PayloadSize = 1000, MaxReaders = 2 });
        using var other = Reader.Open(Name, TimeSpan.Zero);
        var reader = Reader.Open(Name, TimeSpan.Zero);
        writer.Write(new byte[1000]);
        other.Read().Dispose();
        Frame frame = reader.Read();
        reader.Dispose();
        Assert.False(writer.TryWrite(new byte[1000]), "a frame is held that nobody reads on from");
        frame.Dispose();
        Assert.True(writer.Write(new byte[1000], Limits.Wait));
    }

    // Scenario 3.2
    [Fact]
    public void Memory_keeps_the_frame_held_until_all_of_it_is_disposed()
    {
        (Reader reader, Writer writer) = Ends(1000);
        using (reader)
        using (writer)
        {
            writer.Write(Bytes.Pattern(1000, 3));
            Frame frame = reader.Read();
            FrameMemory first = frame.AsMemory(), second = frame.AsMemory();
            ReadOnlyMemory<byte> part = second.Memory[10..20];
            frame.Dispose();
            Assert.True(frame.IsReleased);
            Assert.Throws<ObjectDisposedException>(() => frame.Span.Length);
            Assert.Throws<ObjectDisposedException>(() => frame.AsMemory());
            Assert.Equal(1, reader.GetStats().Held);
            first.Dispose();
            first.Dispose();
            Assert.Throws<ObjectDisposedException>(() => first.Memory.Length);
            Assert.False(writer.TryClaim(1000, out _), "the second memory still needs the bytes");
            Assert.Equal(Bytes.Pattern(1000, 3)[10..20], part.ToArray());
            second.Dispose();
            Assert.Equal(0, reader.GetStats().Held);
            Assert.True(writer.TryWrite(new byte[1000]));
        }
    }

    // Scenario 3.2
    [Fact]
    public void A_pin_keeps_the_frame_held_by_itself()
    {
        (Reader reader, Writer writer) = Ends(1000);
        using (reader)
        using (writer)
        {
            writer.Write(Bytes.Pattern(1000, 5));
            Frame frame = reader.Read();
            FrameMemory memory = frame.AsMemory();
            MemoryHandle pin = memory.Memory[100..].Pin();
            MemoryHandle ofSequence = frame.AsSequence().First.Pin();
            memory.Dispose();
            frame.Dispose();
            unsafe
            {
                Assert.Equal(Bytes.Pattern(1000, 5)[100], *(byte*)pin.Pointer);
                Assert.Equal(Bytes.Pattern(1000, 5)[0], *(byte*)ofSequence.Pointer);
            }
            pin.Dispose();
            pin.Dispose();
            Assert.Equal(1, reader.GetStats().Held);
            ofSequence.Dispose();
            Assert.Equal(0, reader.GetStats().Held);
        }
    }

    [Fact]
    public void An_old_memory_has_no_part_in_the_next_frame()
    {
        (Reader reader, Writer writer) = Ends();
        using (reader)
        using (writer)
        {
            writer.Write("first"u8);
            writer.Write("second"u8);
            FrameMemory old;
            using (Frame frame = reader.Read())
            {
                old = frame.AsMemory();
            }
            old.Dispose();
            Frame next = reader.Read();
            using FrameMemory memory = next.AsMemory(); // by the object that served the old one
            next.Dispose();
            Assert.NotEqual(old, memory);
            old.Dispose();
            Assert.Throws<ObjectDisposedException>(() => old.Memory.Length);
            Assert.Equal("second"u8.ToArray(), memory.Memory.ToArray());
            Assert.Equal(1, reader.GetStats().Held);
        }
    }

    [Fact]
    public void A_sequence_shows_the_frame_and_nothing_after_it()
    {
        (Reader reader, Writer writer) = Ends();
        using (reader)
        using (writer)
        {
            writer.Write(Bytes.Pattern(500, 1));
            writer.Write(default);
            Frame frame = reader.Read(), empty = reader.Read();
            ReadOnlySequence<byte> sequence = frame.AsSequence();
            Assert.Equal(Bytes.Pattern(500, 1), sequence.ToArray());
            Assert.True(sequence.IsSingleSegment);
            Assert.True(empty.AsSequence().IsEmpty);
            frame.Dispose();
            empty.Dispose();
            Assert.Throws<ObjectDisposedException>(() => sequence.ToArray());
        }
    }

    // Scenario 3.3
    [Fact]
    public void Copies_of_a_frame_release_it_once_from_any_threads()
    {
        (Reader reader, Writer writer) = Ends(1000);
        using (reader)
        using (writer)
        {
            for (int round = 0; round < 300; ++round)
            {
                Assert.True(writer.TryWrite(Bytes.Of(round, 400)), "the room of the last round is back");
                Assert.True(writer.TryWrite(Bytes.Of(round + 1, 400)));
                Frame frame = reader.Read();
                Frame next = reader.Read();
                using var together = new Barrier(4);
                Thread[] threads = [.. Enumerable.Range(0, 3).Select(_ => new Thread(() =>
                {
                    Frame copy = frame;
                    together.SignalAndWait();
                    copy.Dispose();
                    copy.Dispose();
                }))];
                Array.ForEach(threads, thread => thread.Start());
                together.SignalAndWait();
                frame.Dispose();
                Array.ForEach(threads, thread => thread.Join());
                frame.Dispose();
                Assert.Equal(1, reader.GetStats().Held);
                Assert.Equal(Bytes.Of(round + 1, 400), next.Span);
                next.Dispose();
                Assert.Equal(0, reader.GetStats().Held);
            }
        }
    }

    // Scenario 3.3
    [Fact]
    public void A_copy_that_was_kept_cannot_release_a_later_frame()
    {
        (Reader reader, Writer writer) = Ends(10_000, maxHeld: 1);
        using (reader)
        using (writer)
        {
            var old = new List<Frame>();
            for (int number = 0; number < 100; ++number)
            {
                writer.Write(Bytes.Of(number));
                Frame frame = reader.Read();
                old.ForEach(each => each.Dispose());
                Assert.False(frame.IsReleased);
                Assert.Equal(Bytes.Of(number), frame.Span);
                Assert.All(old, each => Assert.True(each.IsReleased && each != frame));
                frame.Dispose();
                old.Add(frame);
            }
        }
    }

    // Scenario 3.3
    [Fact]
    public void A_released_frame_gives_nothing_and_says_why()
    {
        (Reader reader, Writer writer) = Ends();
        using (reader)
        using (writer)
        {
            writer.Write("12345"u8, 130, 4);
            Frame frame = reader.Read();
            frame.Dispose();
            Action[] uses =
            [
                () => _ = frame.Span.Length, () => _ = frame.Length, () => _ = frame.Sequence, () => _ = frame.Tag, () => _ = frame.Type,
                () => frame.Slice(0, 1).ToArray(), () => frame.As<byte>().ToArray(), () => frame.AsMemory(), () => frame.AsSequence(),
                () => _ = frame.AsArray().ByteCount,
            ];
            Assert.All(uses, use => Assert.Contains("AsMemory()", Assert.Throws<ObjectDisposedException>(use).Message, StringComparison.Ordinal));
            Assert.Equal("Frame (released)", frame.ToString());
            Assert.Throws<ObjectDisposedException>(() => _ = default(Frame).Span.Length);
            default(Frame).Dispose();
            default(FrameMemory).Dispose();
            default(Claim).Dispose();
            default(Batch).Dispose();
        }
    }

    private static void WritesIntoAReceivedFrame(Channel channel, string[] arguments)
    {
        using var reader = Reader.Open(arguments[0], Limits.Wait);
        Frame frame = reader.Read();
        channel.Say("has it");
        Unsafe.AsRef(in MemoryMarshal.GetReference(frame.Span)) = 1; // against every rule
        channel.Say("has changed it");
    }

    // Scenario 3.4
    [Fact]
    public void Received_frames_cannot_be_written_even_by_force()
    {
        using var writer = Writer.Create(Name, new BufferOptions { PayloadSize = 1000 });
        ProcessPeer reader = StartProcess(WritesIntoAReceivedFrame, Name);
        writer.Write("untouched"u8);
        Assert.Equal("has it", reader.Hear());
        Assert.NotEqual(0, reader.WaitForEnd());
        Assert.Throws<InvalidOperationException>(reader.Hear);
    }

    private static void FillsRing(Channel channel, string[] arguments)
    {
        using var writer = Writer.Open(arguments[0], Limits.Wait);
        for (int i = 0; i < 20; ++i)
        {
            writer.Write(new byte[500], Limits.Wait);
        }
    }

    // Scenario 3.5
    [Theory]
    [InlineData(Where.Thread)]
    [InlineData(Where.Process)]
    public void A_reader_that_holds_what_the_writer_needs_is_told_instead_of_waiting_for_ever(Where where)
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 2000 });
        Peer writer = Start(where, FillsRing, Name);
        var held = new List<Frame>();
        Assert.Throws<HeldFramesBlockException>(() => held.AddRange(reader));
        held.ForEach(frame => frame.Dispose()); // AddRange took them one by one
        Assert.Equal(0, reader.GetStats().Held);
        int rest = 0;
        foreach (Frame frame in reader)
        {
            frame.Dispose();
            ++rest;
        }
        Assert.InRange(rest, 1, 19);
        writer.Finish();
    }

    [Fact]
    public void Too_many_held_frames_are_an_error_and_not_a_loss()
    {
        (Reader reader, Writer writer) = Ends(10_000, maxHeld: 4);
        using (reader)
        using (writer)
        {
            for (int number = 0; number < 6; ++number)
            {
                writer.Write("x"u8);
            }
            Frame[] frames = [.. Enumerable.Range(0, 4).Select(_ => reader.Read())];
            Assert.Throws<TooManyHeldException>(() => reader.Read());
            frames[2].Dispose();
            frames[0].Dispose();
            frames[1].Dispose();
            using Frame next = reader.Read();
            Assert.Equal(5ul, next.Sequence);
            frames[3].Dispose();
        }
    }

    [Fact]
    public void Nothing_is_copied_on_the_way_in_or_out()
    {
        (Reader reader, Writer writer) = Ends();
        using (reader)
        using (writer)
        {
            using (Claim claim = writer.Claim(1000))
            {
                Assert.True(LiesInTheSegment(claim.Span));
                Assert.True(LiesInTheSegment(claim.AsBufferWriter().GetMemory(10).Span));
                claim.CommitAll();
            }
            using Frame frame = reader.Read();
            Assert.True(LiesInTheSegment(frame.Span));
            using FrameMemory memory = frame.AsMemory();
            Assert.True(LiesInTheSegment(memory.Memory.Span));
            Assert.True(LiesInTheSegment(frame.AsSequence().FirstSpan));
            Assert.True(LiesInTheSegment(frame.AsArray().Bytes));
            Assert.Equal(0, Address(frame.Span) % 64);
        }
    }

    [Fact]
    public void A_frame_keeps_its_bytes_while_the_ring_turns_behind_it()
    {
        (Reader reader, Writer writer) = Ends(100_000, maxHeld: 4096);
        using (reader)
        using (writer)
        {
            writer.Write(Bytes.Of(0xaa));
            Frame kept = reader.Read();
            while (writer.TryWrite(Bytes.Of(0x55)))
            {
                reader.Read().Dispose();
            }
            Assert.Equal(Bytes.Of(0xaa), kept.Span);
            kept.Dispose();
            for (int i = 0; i < 20_000; ++i)
            {
                Assert.True(writer.TryWrite(Bytes.Of(0x55)));
                reader.Read().Dispose();
            }
        }
    }

    [Fact]
    public void A_claim_does_not_fault_after_its_writer_was_disposed()
    {
        var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 1000 });
        var writer = Writer.Open(Name, TimeSpan.Zero);
        Claim claim = writer.Claim(100);
        Span<byte> span = claim.Span;
        writer.Dispose();
        reader.Dispose();
        span.Fill(1); // to no good, but without a fault
        Assert.False(claim.IsOpen);
        Assert.Throws<ObjectDisposedException>(() => claim.Commit(1));
        Assert.Throws<ObjectDisposedException>(() => claim.Span.Length);
        claim.Dispose();
        claim.Dispose();
    }

    private static unsafe nint Address(ReadOnlySpan<byte> span) => (nint)Unsafe.AsPointer(ref MemoryMarshal.GetReference(span));

    /// <summary>Whether these addresses are a mapping of the buffer's file.</summary>
    private bool LiesInTheSegment(ReadOnlySpan<byte> span)
    {
        nint first = Address(span);
        int size = span.Length;
        using Process stat = Process.Start(new ProcessStartInfo("stat", ["-c", "%i", File]) { RedirectStandardOutput = true })!;
        string inode = stat.StandardOutput.ReadToEnd().Trim();
        stat.WaitForExit();
        foreach (string line in System.IO.File.ReadLines("/proc/self/maps"))
        {
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            nint[] range = [.. fields[0].Split('-').Select(end => nint.Parse(end, NumberStyles.HexNumber, CultureInfo.InvariantCulture))];
            if (fields[4] == inode && range[0] <= first && first + size <= range[1])
            {
                return true;
            }
        }
        return false;
    }
}
