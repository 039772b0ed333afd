// The C# end of the demo: makes a ring, looks at each picture in place, and says how fast and when they came. Knows of the
// pictures what the stream itself tells (metadata, descriptors); must not know who writes.
//
//   VideoViewer NAME WIDTH HEIGHT EXPECTED [DIRECTORY FRAME…]
//
// With a DIRECTORY it writes the SHA-256 of every picture to DIRECTORY/received, and the pictures named as PPM files. Ends with
// one line of JSON on standard output. The tag of a frame is the time at which the picture entered the first ring.
using System;
using System.Collections.Generic;
using System.Diagnostics;
using System.Globalization;
using System.IO;
using System.Linq;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using ZeroBuffer;

namespace VideoViewer;

internal static class Program
{
    private const int RoomForDescriptor = 128;

    private static int Main(string[] arguments)
    {
        if (arguments.Length < 4)
        {
            Console.Error.WriteLine("usage: VideoViewer NAME WIDTH HEIGHT EXPECTED [DIRECTORY FRAME...]");
            return 2;
        }
        int signalled = 0;
        try
        {
            var expected = new VideoFormat(PixelFormat.Rgb24, Number(arguments[1]), Number(arguments[2]));
            using var reader = Reader.Create(
                arguments[0], BufferOptions.Default.ForFrames(expected.ByteCount + RoomForDescriptor));
            void Stop(PosixSignalContext context)
            {
                context.Cancel = true;
                signalled = context.Signal == PosixSignal.SIGINT ? 2 : 15;
                reader.Interrupt();
            }
            using var interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, Stop);
            using var terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, Stop);
            View(reader, expected, Number(arguments[3]), arguments[4..]);
            return 0;
        }
        catch (InterruptedWaitException)
        {
            return 128 + signalled;
        }
        catch (Exception failure) when (failure is ZeroBufferException or IOException or InvalidDataException)
        {
            Console.Error.WriteLine($"VideoViewer: {failure.Message}");
            return 1;
        }
    }

    private static void View(Reader reader, VideoFormat expected, int count, string[] keep)
    {
        HashSet<ulong> wanted = [.. keep.Skip(1).Select(number => (ulong)Number(number))];
        using StreamWriter? digests = keep.Length > 0 ? File.CreateText(Path.Combine(keep[0], "received")) : null;
        var hop = new Latencies(count);
        var wholeWay = new Latencies(count);
        var progress = new Progress(count);
        long begin = 0;
        long end = 0;
        foreach (Frame frame in reader)
        {
            using (frame)
            {
                end = Stopwatch.GetTimestamp(); // on Linux the nanoseconds of CLOCK_MONOTONIC, as every side of the demo has them
                if (hop.Count == 0)
                {
                    begin = end;
                    CheckStream(reader, expected);
                }
                ReadOnlySpan<byte> picture = Picture(frame, expected, hop.Count + 1);
                hop.Add(end - frame.SendTimeNanoseconds ?? throw new InvalidDataException("a picture without a time of sending"));
                wholeWay.Add(end - (long)frame.Tag);
                digests?.WriteLine(Convert.ToHexStringLower(SHA256.HashData(picture)));
                if (wanted.Contains(frame.Sequence))
                {
                    Save(Path.Combine(keep[0], $"output-{frame.Sequence}.ppm"), expected, picture);
                }
            }
            progress.Show(hop.Count, end - begin);
        }
        progress.End(hop.Count, end - begin);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $$"""{"frames": {{hop.Count}}, "seconds": {{(end - begin) / 1e9}}, "lost": {{reader.GetStats().Lost}}, "hop_us": {{hop.ToJson()}}, "whole_way_us": {{wholeWay.ToJson()}}}"""));
    }

    private static void CheckStream(Reader reader, VideoFormat expected)
    {
        if (reader.GetKnownFormat() is not VideoFormat format || !format.Equals(expected))
        {
            throw new InvalidDataException($"the stream says it is {reader.GetKnownFormat()}, not {expected}");
        }
    }

    /// <summary>The pixels where they lie in the ring, if they are what the stream promised.</summary>
    private static ReadOnlySpan<byte> Picture(Frame frame, VideoFormat expected, int number)
    {
        ArrayView picture = frame.AsArray();
        if (frame.Sequence != (ulong)number || !picture.Shape.SequenceEqual(expected.Shape))
        {
            throw new InvalidDataException(
                $"picture {number} is frame {frame.Sequence}, {string.Join(" × ", picture.Shape.ToArray())}; it should be {expected}");
        }
        return picture.AsSpan<byte>();
    }

    private static void Save(string path, VideoFormat format, ReadOnlySpan<byte> picture)
    {
        using FileStream file = File.Create(path);
        file.Write(Encoding.ASCII.GetBytes($"P6\n{format.Width} {format.Height}\n255\n"));
        file.Write(picture);
    }

    private static int Number(string text) => int.Parse(text, NumberStyles.None, CultureInfo.InvariantCulture);
}
