// One writer and many readers.
using System;
using System.Globalization;
using System.Linq;
using System.Threading;
using ZeroBuffer.Tests.Peers;
using Xunit;

namespace ZeroBuffer.Tests;

[Trait("Framework", "newest")] // what it shows is the native library's: once is enough
public class ManyTests : BufferTest
{
    private const int Count = 200;

    private static void SumsUp(Channel channel, string[] arguments)
    {
        using var reader = Reader.Open(arguments[0], Limits.Wait, new BufferOptions { MaxHeld = 8 });
        channel.Say("attached");
        ulong last = 0;
        long total = 0;
        foreach (Frame frame in reader)
        {
            using (frame)
            {
                Assert.Equal(++last, frame.Sequence);
                foreach (byte value in frame.Span)
                {
                    total += value;
                }
            }
            Thread.Sleep(int.Parse(arguments[1], CultureInfo.InvariantCulture));
        }
        channel.Say($"{last} {total}");
    }

    // Scenario 8.1
    [Theory]
    [InlineData(Where.Thread, 1)]
    [InlineData(Where.Thread, 16)]
    [InlineData(Where.Process, 4)]
    public void Each_of_many_readers_sees_every_frame(Where where, int readers)
    {
        Peer[] peers;
        using (var writer = Writer.Create(Name, new BufferOptions { PayloadSize = 2000, MaxReaders = readers }))
        {
            peers = [.. Enumerable.Range(0, readers).Select(i => Start(where, SumsUp, Name, i == 0 ? "3" : "0"))];
            Assert.All(peers, peer => Assert.Equal("attached", peer.Hear()));
            Assert.True(writer.WaitForReaders(readers, Limits.Wait));
            for (int number = 0; number < Count; ++number)
            {
                Assert.True(writer.Write(Bytes.Of(number, number % 300), Limits.Wait));
            }
        }
        long expected = Enumerable.Range(0, Count).Sum(number => (long)(byte)number * (number % 300));
        Assert.All(peers, peer => Assert.Equal($"{Count} {expected}", peer.Hear()));
        Assert.All(peers, peer => peer.Finish());
    }

    // Scenario 8.1
    [Fact]
    public void A_late_reader_begins_now_or_with_the_oldest_frame()
    {
        using var writer = Writer.Create(Name, new BufferOptions { PayloadSize = 10_000, MaxReaders = 3 });
        using var first = Reader.Open(Name, TimeSpan.Zero);
        for (int number = 0; number < 3; ++number)
        {
            writer.Write(Bytes.Of(number, 1));
        }
        using var now = Reader.Open(Name, TimeSpan.Zero);
        using var oldest = Reader.Open(Name, TimeSpan.Zero, new BufferOptions { Join = JoinAt.Oldest });
        writer.Write("x"u8);
        Assert.Equal([4ul], All(now));
        Assert.Equal([1ul, 2, 3, 4], All(oldest));
        Assert.Equal([1ul, 2, 3, 4], All(first));
        Assert.Throws<TooManyReadersException>(() => Reader.Open(Name, TimeSpan.Zero));
        Assert.Throws<InvalidArgumentException>(() => writer.WaitForReaders(4, TimeSpan.Zero));
        Assert.Equal(3, writer.GetStats().Readers);
    }

    // Scenario 8.1
    [Fact]
    public void A_reader_that_closes_no_longer_holds_the_others_back()
    {
        using var writer = Writer.Create(Name, new BufferOptions { PayloadSize = 1000, MaxReaders = 2 });
        using var stays = Reader.Open(Name, TimeSpan.Zero);
        var leaves = Reader.Open(Name, TimeSpan.Zero);
        writer.Write(new byte[1000]);
        stays.Read().Dispose();
        Assert.False(writer.TryWrite(new byte[1000]));
        leaves.Dispose();
        Assert.True(writer.Write(new byte[1000], Limits.Wait));
    }

    private static ulong[] All(Reader reader)
    {
        var frames = new Frame[10];
        int count = reader.ReadMany(frames, Limits.Wait);
        ulong[] sequences = [.. frames.Take(count).Select(frame => frame.Sequence)];
        Array.ForEach(frames[..count], frame => frame.Dispose());
        return sequences;
    }
}
