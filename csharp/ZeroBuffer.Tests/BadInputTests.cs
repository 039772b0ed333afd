// Bytes that nobody should trust, files that are no buffers, and limits of the system.
using System;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Text;
using System.Text.RegularExpressions;
using ZeroBuffer.Tests.Peers;
using Xunit;

namespace ZeroBuffer.Tests;

[Trait("Framework", "newest")] // what it shows is the native library's: once is enough
public class BadInputTests : BufferTest
{
    private static readonly BufferOptions OneFrame = new() { PayloadSize = 1000 };

    // Scenario 5.1, 5.2
    [Fact]
    public void Bytes_of_a_segment_changed_at_random_give_errors_and_no_crash()
    {
        var chance = new Random(11);
        ulong[] values = [0, 1, 1ul << 32, 1ul << 63, ulong.MaxValue];
        for (int round = 0; round < 25; ++round)
        {
            string name = $"{Name}-{round}";
            using (var reader = Reader.Create(name, OneFrame))
            using (var writer = Writer.Open(name, TimeSpan.Zero))
            {
                writer.WriteMetadata("m"u8);
                for (int number = 0; number < 3; ++number)
                {
                    writer.Write(Bytes.Of(number, 50));
                }
                using (FileStream file = System.IO.File.Open($"{File}-{round}", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite))
                {
                    for (int i = 0; i < 4; ++i)
                    {
                        long offset = chance.Next(2) == 0 ? chance.Next(0x80, 0x400) : chance.Next(0x400, 0x2000);
                        file.Position = Math.Min(offset, file.Length - 8);
                        file.Write(BitConverter.GetBytes(chance.Next(2) == 0 ? values[chance.Next(values.Length)] : (ulong)chance.NextInt64()));
                    }
                }
                Action[] calls =
                [
                    () =>
                    {
                        var frames = new Frame[5];
                        int count = reader.ReadMany(frames, TimeSpan.FromMilliseconds(10));
                        foreach (Frame frame in frames.AsSpan(0, count))
                        {
                            frame.Span.ToArray();
                            frame.Dispose();
                        }
                    },
                    () => writer.TryWrite(new byte[500]), () => reader.ReadMetadata(TimeSpan.Zero), () => reader.TryRead(out _),
                    () => writer.GetStats(), () => reader.GetStats(), () => reader.GetKnownFormat(), () => Reader.Open(name, TimeSpan.Zero).Dispose(),
                ];
                foreach (Action call in calls)
                {
                    Exception? error = Record.Exception(call);
                    Assert.True(error is null or ZeroBufferException, error?.ToString());
                }
            }
            System.IO.File.Delete($"{File}-{round}");
        }
    }

    // Scenario 5.3
    [Theory]
    [InlineData("empty")]
    [InlineData("one byte")]
    [InlineData("text")]
    [InlineData("version 1")]
    [InlineData("directory")]
    [InlineData("pipe")]
    [InlineData("link")]
    public void What_is_no_buffer_is_refused_with_the_reason_and_left_alone(string kind)
    {
        switch (kind)
        {
            case "directory":
                Directory.CreateDirectory(File);
                break;
            case "pipe":
                using (Process mkfifo = Process.Start("mkfifo", File))
                {
                    mkfifo.WaitForExit();
                }
                break;
            case "link":
                System.IO.File.CreateSymbolicLink(File, "/etc/hostname");
                break;
            default:
                byte[] version1 = [128, 0, 0, 0, 1, 0, 0, 0, .. new byte[5000]];
                System.IO.File.WriteAllBytes(
                    File, kind == "empty" ? [] : kind == "one byte" ? [1] : kind == "text" ? Encoding.UTF8.GetBytes(new string('h', 5000)) : version1);
                break;
        }
        try
        {
            Action[] calls =
            [
                () => Reader.Open(Name, TimeSpan.Zero), () => Writer.Open(Name, TimeSpan.Zero), () => Reader.Create(Name, OneFrame),
                () => Writer.Create(Name, OneFrame),
            ];
            Assert.All(calls, call =>
            {
                ZeroBufferException error = Assert.ThrowsAny<ZeroBufferException>(call);
                Assert.IsNotType<InvalidArgumentException>(error);
                Assert.True(error.Message.Length > 15, error.Message);
            });
            Assert.True(Path.Exists(File) || kind == "link");
        }
        finally
        {
            if (kind == "directory")
            {
                Directory.Delete(File);
            }
            else
            {
                System.IO.File.Delete(File);
            }
        }
    }

    // Scenario 5.3
    [Fact]
    public void A_truncated_buffer_is_refused()
    {
        using var reader = Reader.Create(Name, new BufferOptions { PayloadSize = 100_000 });
        System.IO.File.WriteAllBytes($"{File}-cut", System.IO.File.ReadAllBytes(File)[..5000]);
        try
        {
            Exception error = Assert.ThrowsAny<ZeroBufferException>(() => Writer.Open($"{Name}-cut", TimeSpan.Zero));
            Assert.True(error is CorruptException or IncompatibleException, error.ToString());
        }
        finally
        {
            System.IO.File.Delete($"{File}-cut");
        }
    }

    // Scenario 5.3
    [Fact]
    public void Another_geometry_is_no_reason_to_share_a_buffer()
    {
        using var reader = Reader.Create(Name, OneFrame);
        using (var same = Writer.Create(Name, OneFrame with { ExistOk = true }))
        {
            Assert.False(same.Info.Created);
        }
        Assert.Throws<IncompatibleException>(() => Writer.Create(Name, new BufferOptions { PayloadSize = 5000, ExistOk = true }));
    }

    // Scenario 5.4
    [Fact]
    public void More_memory_than_there_is_is_refused_with_the_needed_and_the_free_bytes()
    {
        SharedMemoryFullException error = Assert.Throws<SharedMemoryFullException>(
            () => Reader.Create(Name, new BufferOptions { PayloadSize = 100L << 30 }));
        Match numbers = Regex.Match(error.Message, @"needs (\d+) bytes .* free are: .* (\d+) bytes");
        Assert.True(numbers.Success && ulong.Parse(numbers.Groups[1].ValueSpan, CultureInfo.InvariantCulture) > 100ul << 30, error.Message);
    }

    // Scenario 5.5
    [Fact]
    public void Only_the_owner_may_open_a_buffer()
    {
        using var reader = Reader.Create(Name, OneFrame);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, System.IO.File.GetUnixFileMode(File));
    }

    [Fact]
    public void Every_failure_has_an_exception_of_its_own_that_says_what_to_do()
    {
        Status[] noFailures = [Status.Ok, Status.Timeout, Status.WouldBlock];
        Status[] failures = [.. Enum.GetValues<Status>().Except(noFailures)];
        Exception[] made = [.. failures.Select(status => ZeroBuffer.Interop.Failure.Of((int)status, "Reader"))];
        Assert.Equal(made.Length, made.Select(error => error.GetType()).Distinct().Count());
        Assert.All(made, error => Assert.True(error.Message.Length > 10, $"{error.GetType().Name}: {error.Message}"));
        Assert.All(made.Zip(failures), pair => Assert.True(
            pair.First is ObjectDisposedException
                ? pair.Second == Status.HandleClosed
                : pair.First is ZeroBufferException error && error.Status == pair.Second));
    }

    [Fact]
    public void A_descriptor_that_is_no_buffer_is_refused()
    {
        using FileStream other = System.IO.File.OpenRead("/proc/self/exe");
        Assert.ThrowsAny<ZeroBufferException>(() => Reader.OpenFd((int)other.SafeFileHandle.DangerousGetHandle()));
        Assert.ThrowsAny<ZeroBufferException>(() => Writer.OpenFd(-1));
    }
}
