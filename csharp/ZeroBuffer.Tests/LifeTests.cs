// Life and death: killed, stopped, replaced, forgotten, left at exit. As far as C# can show them from outside; the kills between
// single steps are the C++ tests' part.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using ZeroBuffer.Tests.Peers;
using Xunit;

namespace ZeroBuffer.Tests;

[Trait("Framework", "newest")] // what it shows is the native library's: once is enough
public class LifeTests : BufferTest
{
    private static readonly BufferOptions OneFrame = new() { PayloadSize = 1000 };

    private static void WritesThenStays(Channel channel, string[] arguments)
    {
        string then = arguments[2];
        var writer = Writer.Open(arguments[0], Limits.Wait);
        for (int number = 0; number < int.Parse(arguments[1], CultureInfo.InvariantCulture); ++number)
        {
            writer.Write(Bytes.Of(number));
        }
        if (then == "claim")
        {
            Claim claim = writer.Claim(100);
            claim.Span[..50].Fill((byte)'h'); // in the middle of the copy
        }
        channel.Say("there");
        if (then == "wait")
        {
            writer.Drain(Limits.Wait);
            writer.Write(new byte[900]);
            writer.Claim(1000);
        }
        channel.Hear();
        GC.KeepAlive(writer);
    }

    // Scenario 4.1, 4.5
    [Theory]
    [InlineData("idle", 0, WaitPolicy.Spin)]
    [InlineData("idle", 3, WaitPolicy.SpinThenBlock)]
    [InlineData("claim", 0, WaitPolicy.Block)]
    [InlineData("claim", 3, WaitPolicy.SpinThenBlock)]
    [InlineData("wait", 3, WaitPolicy.Block)]
    public void A_killed_writers_frames_are_read_and_then_its_death_is_told_once(string then, int count, WaitPolicy wait)
    {
        using var reader = Reader.Create(Name, OneFrame with { Wait = wait });
        ProcessPeer writer = StartProcess(WritesThenStays, Name, count.ToString(CultureInfo.InvariantCulture), then);
        Assert.Equal("there", writer.Hear());
        writer.Kill();
        int seen = 0;
        Assert.Throws<PeerDeadException>(() =>
        {
            foreach (Frame frame in reader)
            {
                using (frame)
                {
                    Assert.Equal(Bytes.Of(seen++), frame.Span);
                }
            }
        });
        Assert.Equal(count, seen);
        Assert.False(reader.Read(TimeSpan.FromMilliseconds(10), out _), "told once");
    }

    // Scenario 4.1
    [Theory]
    [InlineData(WaitPolicy.Spin, false)]
    [InlineData(WaitPolicy.SpinThenBlock, false)]
    [InlineData(WaitPolicy.Block, false)]
    [InlineData(WaitPolicy.SpinThenBlock, true)]
    public async Task A_death_ends_the_wait_of_a_reader_that_is_blocked_or_awaits(WaitPolicy wait, bool awaits)
    {
        using var reader = Reader.Create(Name, OneFrame with { Wait = wait });
        ProcessPeer writer = StartProcess(WritesThenStays, Name, "0", "idle");
        Assert.Equal("there", writer.Hear());
        Task<Frame> reading = awaits ? reader.ReadAsync().AsTask() : Eventually.InAnotherThread(() => reader.Read());
        await Task.Delay(200);
        Assert.False(reading.IsCompleted);
        writer.Kill();
        await Assert.ThrowsAsync<PeerDeadException>(() => reading.WaitAsync(Limits.Wait));
    }

    private static void ReadsThenStays(Channel channel, string[] arguments)
    {
        var reader = Reader.Open(arguments[0], Limits.Wait);
        channel.Say("attached");
        var held = new List<Frame>();
        for (int i = 0; i < int.Parse(arguments[1], CultureInfo.InvariantCulture); ++i)
        {
            held.Add(reader.Read());
        }
        channel.Say(string.Join(' ', held.Select(frame => frame.Sequence)));
        channel.Hear();
        GC.KeepAlive(reader);
    }

    // Scenario 4.2
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_writer_learns_of_its_readers_death_while_it_waits_or_awaits(bool awaits)
    {
        using var writer = Writer.Create(Name, OneFrame);
        ProcessPeer reader = StartProcess(ReadsThenStays, Name, "1");
        Assert.Equal("attached", reader.Hear());
        writer.Write(new byte[1000]);
        Assert.Equal("1", reader.Hear());
        byte[] next = new byte[1000];
        Task<bool> writing = awaits ? writer.WriteAsync(next).AsTask() : Eventually.InAnotherThread(() => writer.Write(next));
        await Task.Delay(100);
        reader.Kill();
        await Assert.ThrowsAsync<PeerDeadException>(() => writing.WaitAsync(Limits.Wait));
        Assert.Equal(1, writer.ForgetDeadReaders());
        Assert.True(writer.Write(next, Limits.Wait));
    }

    // Scenario 4.2, 8.1
    [Fact]
    public void Other_readers_go_on_when_one_is_killed()
    {
        using var writer = Writer.Create(Name, OneFrame with { MaxReaders = 2 });
        using var other = Reader.Open(Name, TimeSpan.Zero);
        ProcessPeer victim = StartProcess(ReadsThenStays, Name, "1");
        Assert.Equal("attached", victim.Hear());
        writer.Write(new byte[1000]);
        Assert.Equal("1", victim.Hear());
        victim.Kill();
        other.Read().Dispose();
        for (int i = 0; i < 5; ++i)
        {
            Assert.True(writer.Write(new byte[1000], Limits.Wait));
            other.Read().Dispose();
        }
        Assert.Equal(1, writer.GetStats().ReadersLost);
    }

    // Scenario 4.3
    [Fact]
    public void A_writer_is_replaced_and_the_sequence_goes_on()
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 10_000 });
        ProcessPeer first = StartProcess(WritesThenStays, Name, "3", "claim");
        Assert.Equal("there", first.Hear());
        first.Kill();
        Writer? writer = null;
        Eventually.True(
            () =>
            {
                try
                {
                    writer = Writer.Open(Name, TimeSpan.Zero);
                    return true;
                }
                catch (WriterExistsException)
                {
                    return false;
                }
            },
            "the place of the dead writer stays taken");
        using (writer)
        {
            writer!.Write("from the second"u8);
            Assert.Equal([1ul, 2, 3, 4], Sequences(reader, 4));
        }
        Assert.Throws<PeerClosedException>(() => reader.Read());
        using var third = Writer.Open(Name, TimeSpan.Zero);
        third.Write("from the third"u8);
        Assert.Equal([5ul], Sequences(reader, 1));
    }

    // Scenario 4.4, 4.15
    [Fact]
    public void A_replaced_reader_begins_at_the_live_position_or_where_the_dead_one_was()
    {
        using var writer = Writer.Create(Name, new BufferOptions { PayloadSize = 10_000, MaxReaders = 2 });
        ProcessPeer victim = StartProcess(ReadsThenStays, Name, "2");
        Assert.Equal("attached", victim.Hear());
        for (int number = 1; number <= 4; ++number)
        {
            writer.Write(Bytes.Of(number, 1));
        }
        Assert.Equal("1 2", victim.Hear());
        victim.Kill();
        using var late = Reader.Open(Name, TimeSpan.Zero, new BufferOptions { Join = JoinAt.Now });
        using var heir = Reader.Open(Name, TimeSpan.Zero, new BufferOptions { Join = JoinAt.Resume });
        writer.Write("5"u8);
        Assert.Equal([1ul, 2, 3, 4, 5], Sequences(heir, 5));
        Assert.Equal(0, heir.GetStats().Lost);
        Assert.Equal([5ul], Sequences(late, 1));
        late.Dispose();
        Assert.Throws<NothingToResumeException>(() => Reader.Open(Name, TimeSpan.Zero, new BufferOptions { Join = JoinAt.Resume }));
    }

    private static void MakesAndWrites(Channel channel, string[] arguments)
    {
        var reader = Reader.Create(arguments[0], OneFrame);
        var writer = Writer.Open(arguments[0], TimeSpan.Zero);
        writer.Write("never read"u8);
        channel.Say("there");
        channel.Hear();
        GC.KeepAlive(reader);
        GC.KeepAlive(writer);
    }

    // Scenario 4.5
    [Fact]
    public void A_buffer_whose_users_all_died_is_taken_over_or_removed()
    {
        ProcessPeer both = StartProcess(MakesAndWrites, Name);
        Assert.Equal("there", both.Hear());
        Assert.Throws<BufferExistsException>(() => Reader.Create(Name, OneFrame));
        Assert.Throws<BufferExistsException>(() => ZeroBufferLibrary.RemoveDead(Name));
        both.Kill();
        using (var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 2000 }))
        using (var writer = Writer.Open(Name, TimeSpan.Zero))
        {
            writer.Write("new"u8);
            using Frame frame = reader.Read();
            Assert.Equal((1ul, 3L), (frame.Sequence, frame.Length));
        }
        ProcessPeer again = StartProcess(MakesAndWrites, Name);
        Assert.Equal("there", again.Hear());
        again.Kill();
        ZeroBufferLibrary.RemoveDead(Name);
        Assert.False(System.IO.File.Exists(File));
    }

    private static void WritesSlowly(Channel channel, string[] arguments)
    {
        using var writer = Writer.Open(arguments[0], Limits.Wait);
        channel.Say("there");
        for (int number = 0; number < 100; ++number)
        {
            writer.Write(Bytes.Of(number, 1));
            Thread.Sleep(2);
        }
    }

    // Scenario 4.1, 4.6
    [Theory]
    [InlineData(1)]
    [InlineData(10)]
    public void A_stopped_writer_is_not_dead(int seconds)
    {
        using var reader = Reader.Create(Name, OneFrame);
        ProcessPeer writer = StartProcess(WritesSlowly, Name);
        Assert.Equal("there", writer.Hear());
        writer.Stop();
        ulong last = 0;
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed < TimeSpan.FromSeconds(seconds))
        {
            if (reader.Read(TimeSpan.FromMilliseconds(100), out Frame frame))
            {
                Assert.Equal(++last, frame.Sequence);
                frame.Dispose();
            }
        }
        Assert.True(last < 100, "it was stopped");
        writer.Continue();
        foreach (Frame frame in reader)
        {
            Assert.Equal(++last, frame.Sequence);
            frame.Dispose();
        }
        Assert.Equal(100ul, last);
        writer.Finish();
    }

    // Scenario 4.2, 4.6
    [Fact]
    public void A_stopped_reader_is_neither_dead_nor_evicted()
    {
        using var writer = Writer.Create(Name, OneFrame);
        ProcessPeer reader = StartProcess(ReadsThenStays, Name, "3");
        Assert.Equal("attached", reader.Hear());
        reader.Stop();
        Assert.True(writer.Write(new byte[1000]));
        Assert.False(writer.Write(default, TimeSpan.FromSeconds(1)));
        Assert.Equal(1, writer.GetStats().Readers);
        reader.Continue();
        reader.Kill();
    }

    // Scenario 4.8
    [Fact]
    public void Of_two_creators_at_once_exactly_one_wins()
    {
        for (int round = 0; round < 20; ++round)
        {
            using var together = new Barrier(2);
            Task<Reader?>[] creators = [.. Enumerable.Range(0, 2).Select(_ => Eventually.InAnotherThread<Reader?>(() =>
            {
                together.SignalAndWait();
                try
                {
                    return Reader.Create(Name, OneFrame);
                }
                catch (BufferExistsException)
                {
                    return null;
                }
            }))];
            Reader?[] made = [.. creators.Select(creator => creator.Result())];
            Assert.Single(made, reader => reader is not null);
            Array.ForEach(made, reader => reader?.Dispose());
        }
    }

    // Scenario 4.9
    [Fact]
    public void Opening_and_closing_leaks_nothing()
    {
        void Cycle()
        {
            using var reader = Reader.Create(Name, OneFrame);
            using var writer = Writer.Open(Name, TimeSpan.Zero);
            writer.Write("x"u8);
            Frame frame = reader.Read();
            FrameMemory memory = frame.AsMemory();
            using Claim claim = writer.Claim(10);
            reader.Dispose();
            frame.Dispose();
            memory.Dispose();
        }
        int Mappings() => System.IO.File.ReadLines("/proc/self/maps").Count(line => line.Contains(Name, StringComparison.Ordinal));
        int Descriptors() => Directory.EnumerateFileSystemEntries("/proc/self/fd").Count(IsOurs);
        bool IsOurs(string link)
        {
            try
            {
                return System.IO.File.ResolveLinkTarget(link, false)?.FullName.Contains(Name, StringComparison.Ordinal) ?? false;
            }
            catch (FileNotFoundException)
            {
                return false; // another test's, closed just now
            }
        }
        for (int i = 0; i < 100; ++i)
        {
            Cycle();
        }
        Assert.Equal((0, 0), (Mappings(), Descriptors()));
    }

    private static void LeavesAtExit(Channel channel, string[] arguments)
    {
        var writer = Writer.Open(arguments[0], Limits.Wait);
        writer.Write("last words"u8);
        if (arguments[1] == "dispose")
        {
            writer.Dispose();
        }
        else if (arguments[1] == "claim")
        {
            writer.Claim(10).Span.Fill(1);
        }
        else if (arguments[1] == "Exit")
        {
            Environment.Exit(0);
        }
        else if (arguments[1] == "waits")
        {
            _ = Eventually.InAnotherThread(() => writer.Claim(writer.Info.MaxFrameSize));
            Thread.Sleep(100);
        }
        else if (arguments[1] == "awaits")
        {
            _ = writer.ClaimAsync(writer.Info.MaxFrameSize).AsTask();
        }
        GC.KeepAlive(writer);
    }

    // Scenario 4.10
    [Theory]
    [InlineData("dispose")]
    [InlineData("forget")]
    [InlineData("claim")]
    [InlineData("waits")]
    [InlineData("awaits")]
    [InlineData("Exit")]
    public void A_process_that_exits_without_Dispose_is_no_dead_peer(string how)
    {
        using var reader = Reader.Create(Name, OneFrame);
        ProcessPeer writer = StartProcess(LeavesAtExit, Name, how);
        writer.Finish();
        Assert.Equal("last words"u8, Taken(reader));
        Assert.Throws<PeerClosedException>(() => reader.Read());
    }

    // Scenario 4.10
    [Fact]
    public void A_writer_that_is_only_forgotten_closes_when_the_collector_finds_it()
    {
        using var reader = Reader.Create(Name, OneFrame);
        ForgetWriter();
        Assert.Equal("forgotten"u8, Taken(reader));
        Collect(() =>
        {
            try
            {
                return reader.TryRead(out _);
            }
            catch (PeerClosedException)
            {
                return true;
            }
        });
        Assert.Throws<PeerClosedException>(() => reader.Read());
    }

    // Scenario 3.2
    [Fact]
    public void A_reader_that_is_only_forgotten_gives_up_its_place_and_what_it_holds()
    {
        using var writer = Writer.Create(Name, OneFrame);
        ForgetReader(writer);
        Collect(() => writer.GetStats().Readers == 0);
        Assert.Equal(0, writer.GetStats().Readers);
        using var next = Reader.Open(Name, TimeSpan.Zero);
        Assert.True(writer.Write(new byte[1000], Limits.Wait));
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ForgetWriter() => Writer.Open(Name, TimeSpan.Zero).Write("forgotten"u8);

    [MethodImpl(MethodImplOptions.NoInlining)]
    private void ForgetReader(Writer writer)
    {
        var reader = Reader.Open(Name, TimeSpan.Zero);
        writer.Write(new byte[1000]);
        Assert.Equal(1000, reader.Read().Length);
    }

    private static void Collect(Func<bool> until) => Eventually.True(
        () =>
        {
            GC.Collect();
            GC.WaitForPendingFinalizers();
            return until();
        },
        "the collector's finalizers have not closed it");

    // Scenario 4.13, 4.12
    [Fact]
    public void A_signal_during_a_wait_is_no_timeout()
    {
        using var writer = Writer.Create(Name, OneFrame);
        ProcessPeer reader = StartProcess(ReadsThenStays, Name, "1");
        Assert.Equal("attached", reader.Hear());
        for (int i = 0; i < 5; ++i)
        {
            Thread.Sleep(20);
            reader.Signal("CHLD"); // which the runtime handles: the sleeping thread or another one is interrupted
            reader.Signal("WINCH");
        }
        writer.Write("at last"u8);
        Assert.Equal("1", reader.Hear());
        reader.Say("end");
        reader.Finish();
    }

    private static void WaitsForCtrlC(Channel channel, string[] arguments)
    {
        using var reader = Reader.Create(arguments[0], OneFrame);
        using var cancel = new CancellationTokenSource();
        Console.CancelKeyPress += (_, pressed) =>
        {
            pressed.Cancel = true;
            if (arguments[1] == "cancel")
            {
                cancel.Cancel();
            }
            else
            {
                reader.Interrupt();
            }
        };
        channel.Say("waiting");
        try
        {
            Frame frame = arguments[1] == "cancel"
                ? reader.ReadAsync(cancel.Token).AsTask().GetAwaiter().GetResult()
                : reader.Read();
            frame.Dispose();
        }
        catch (Exception error) when (error is OperationCanceledException or InterruptedWaitException)
        {
            channel.Say(error.GetType().Name);
        }
    }

    // Scenario 4.12
    [Theory]
    [InlineData("cancel", "OperationCanceledException")]
    [InlineData("interrupt", "InterruptedWaitException")]
    public void Ctrl_C_ends_a_wait_and_everything_is_closed(string how, string error)
    {
        ProcessPeer reader = StartProcess(WaitsForCtrlC, Name, how);
        Assert.Equal("waiting", reader.Hear());
        Thread.Sleep(100);
        reader.Signal("INT");
        Assert.Equal(error, reader.Hear());
        reader.Finish();
        Assert.False(System.IO.File.Exists(File));
    }

    // Scenario 4.14
    [Fact]
    public void A_frame_is_never_read_with_a_successors_metadata()
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 10_000 });
        using (var first = Writer.Open(Name, TimeSpan.Zero))
        {
            first.WriteMetadata(new ArrayFormat(ElementType.Int16, [4]).ToMetadata());
            first.Write(new byte[] { 0, 0, 1, 0, 2, 0, 3, 0 });
        }
        byte[] other = new ArrayFormat(ElementType.UInt8, [8]).ToMetadata();
        using (var second = Writer.Open(Name, TimeSpan.Zero))
        {
            Assert.Throws<MetadataInUseException>(() => second.WriteMetadata(other));
            using (Frame frame = reader.Read())
            {
                Assert.Equal([(short)0, 1, 2, 3], frame.AsArray().ToArray<short>());
            }
            second.WriteMetadata(other);
            second.Write(new byte[8]);
            using (Frame frame = reader.Read())
            {
                Assert.Equal(ElementType.UInt8, frame.AsArray().ElementType);
            }
        }
    }

    private static byte[] Taken(Reader reader)
    {
        using Frame frame = reader.Read();
        return frame.Span.ToArray();
    }

    private static ulong[] Sequences(Reader reader, int count)
    {
        var sequences = new ulong[count];
        for (int i = 0; i < count; ++i)
        {
            using Frame frame = reader.Read();
            sequences[i] = frame.Sequence;
        }
        return sequences;
    }
}
