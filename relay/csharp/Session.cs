// What the verbs share while they run: attaching, looking at frames, counting, progress, and the report at the end.
// Must not know what a verb does with a frame.
using System;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Threading;

namespace ZeroBuffer.Relay;

internal sealed class Session
{
    private static readonly TimeSpan OpenSlice = TimeSpan.FromMilliseconds(100);
    private static readonly JsonSerializerOptions OneLine = new() { WriteIndented = false };

    private readonly string _program;
    private readonly CommonOptions _options;
    private long _firstBytes;
    private long _firstNs;
    private long _lastNs;
    private ulong _firstSequence;
    private ulong _lastSequence;
    private long _loggedNs = Stopwatch.GetTimestamp();
    private ulong _loggedFrames;
    private long _loggedBytes;
    private ulong _passedOver; // since the last frame

    public Session(string program, CommonOptions options)
    {
        _program = program;
        _options = options;
        StopSignals.Catch();
    }

    public ulong Frames { get; private set; }

    public long Bytes { get; private set; }

    public ulong Lost { get; private set; }

    /// <summary>The message of a good end.</summary>
    public string Remark { get; set; } = "";

    /// <summary>CLOCK_MONOTONIC in nanoseconds: the same for all processes of a machine, in whatever language.</summary>
    public static long Now => Stopwatch.GetTimestamp();

    /// <summary>The descriptor of an array frame, checked; null for other frames. Throws Outcome (corrupt).</summary>
    public static ArrayDescriptor? Describe(in Frame frame)
    {
        if (frame.Type != ArrayDescriptor.FrameType)
        {
            return null;
        }

        const int mostOfDescriptor = 304;
        long length = frame.Length;
        int tail = (int)Math.Min(length, mostOfDescriptor);
        try
        {
            return ArrayDescriptor.Read(frame.Slice(length - tail, tail), length);
        }
        catch (CorruptException error)
        {
            throw new Outcome(ExitCode.Corrupt, $"frame {frame.Sequence}: {error.Message}");
        }
    }

    /// <summary>Length and CRC of the metadata that passed, for the report.</summary>
    public static void ReportMetadata(JsonObject report, byte[]? metadata)
    {
        report["metadata_size"] = metadata?.Length;
        report["metadata_crc"] = metadata is null ? null : Crc32.ToHex(Crc32.Append(0, metadata));
    }

    /// <summary>The metadata if it is there; never waits.</summary>
    public static byte[]? MetadataOf(Reader reader)
    {
        try
        {
            return reader.ReadMetadata(TimeSpan.Zero);
        }
        catch (ZeroBufferException error) when (error is PeerClosedException or PeerDeadException)
        {
            return null; // there is none, and there will be none
        }
    }

    public Reader AttachReader(string name, bool create, BufferOptions options, string? side = null)
    {
        Reader reader = Attach(name, create, side, () => create ? Reader.Create(name, options) : Open(left => Reader.Open(name, left, options)));
        StopSignals.InterruptWith(reader.Interrupt);
        return reader;
    }

    public Writer AttachWriter(string name, bool create, BufferOptions options, string? side = null)
    {
        Writer writer = Attach(name, create, side, () => create ? Writer.Create(name, options) : Open(left => Writer.Open(name, left, options)));
        StopSignals.InterruptWith(writer.Interrupt);
        return writer;
    }

    /// <summary>A channel's client, as soon as the channel appears.</summary>
    public DuplexClient AttachClient(string name)
    {
        DuplexClient client = Attach(name, made: false, null, () => Open(left => DuplexClient.Open(name, left)));
        StopSignals.InterruptWith(client.Interrupt);
        return client;
    }

    /// <summary>A channel's server.</summary>
    public DuplexServer AttachServer(string name, Func<DuplexServer> make)
    {
        DuplexServer server = Attach(name, made: true, null, make);
        StopSignals.InterruptWith(server.Interrupt);
        return server;
    }

    /// <summary>Counts the frames missing before this one. Throws Outcome (corrupt) where the sequence does not rise.</summary>
    public void CheckOrder(ulong sequence)
    {
        ulong last = _lastSequence + _passedOver;
        if (Frames == 0 || sequence == last + 1)
        {
            return;
        }

        if (sequence <= last)
        {
            throw new Outcome(ExitCode.Corrupt, $"frame {sequence} came after frame {last}");
        }

        Lost += sequence - last - 1;
    }

    /// <summary>Frames that the reader counted as lost.</summary>
    public void AddLost(long frames) => Lost += (ulong)frames;

    /// <summary>The next frame was lost and is counted by the reader.</summary>
    public void PassOver() => ++_passedOver;

    public void Count(ulong sequence, long bytes, long nowNs)
    {
        if (Frames++ == 0)
        {
            (_firstSequence, _firstBytes, _firstNs) = (sequence, bytes, nowNs);
        }

        Bytes += bytes;
        _passedOver = 0;
        (_lastSequence, _lastNs) = (sequence, nowNs);
    }

    /// <summary>A line of progress where one is due; with --verbose also the frame.</summary>
    public void NoteFrame(ulong sequence, ushort type, ulong tag, long size)
    {
        if (_options.Verbose)
        {
            Say($"frame {sequence} type {type} tag {tag} size {size}");
        }

        if (_options.LogIntervalMs != 0)
        {
            Log();
        }
    }

    /// <summary>
    /// Runs the work, which throws Outcome where it ends early; closes with finish; prints the report; the exit code.
    /// </summary>
    public int Run(Action work, Action finish, Action<JsonObject> report, bool jsonToStandardError = false)
    {
        Outcome? ended = Guarded(work);
        if (ended is null && StopSignals.Requested)
        {
            ended = new Outcome(StopSignals.ExitCode);
        }

        Outcome? failedToFinish = Guarded(finish);
        ended ??= failedToFinish;
        if (ended is null && StopSignals.Requested)
        {
            ended = new Outcome(StopSignals.ExitCode); // while it lingered
        }

        if (ended is null && Lost != 0)
        {
            ended = new Outcome(ExitCode.LostFrames, $"{Lost} frames were lost");
        }

        ended ??= new Outcome(ExitCode.Ok, Remark);
        Print(ended, report, jsonToStandardError);
        return (int)ended.Code;
    }

    private TEnd Attach<TEnd>(string name, bool made, string? side, Func<TEnd> attach)
    {
        try
        {
            TEnd end = attach();
            if (_options.Verbose)
            {
                Say($"{(made ? "made" : "opened")} {name}");
            }

            return end;
        }
        catch (Exception error) when (error is ZeroBufferException or ArgumentException)
        {
            throw Outcome.Of(error, name, side);
        }
    }

    private TEnd Open<TEnd>(Func<TimeSpan, TEnd> open)
    {
        bool forever = _options.Timeout == Timeout.InfiniteTimeSpan;
        long start = Stopwatch.GetTimestamp();
        while (true)
        {
            TimeSpan left = forever ? OpenSlice : _options.Timeout - Stopwatch.GetElapsedTime(start);
            TimeSpan slice = left < TimeSpan.Zero ? TimeSpan.Zero : left < OpenSlice ? left : OpenSlice;
            try
            {
                return open(slice);
            }
            catch (BufferNotFoundException) when (forever || left > OpenSlice || StopSignals.Requested)
            {
                if (StopSignals.Requested)
                {
                    throw new Outcome(StopSignals.ExitCode);
                }
            }
        }
    }

    private Outcome? Guarded(Action step)
    {
        try
        {
            step();
            return null;
        }
        catch (Outcome early)
        {
            return early;
        }
        catch (ZeroBufferException error)
        {
            return Outcome.Of(error, _program); // of no buffer in particular
        }
    }

    private void Log()
    {
        long now = Now;
        if ((ulong)(now - _loggedNs) / 1_000_000 < _options.LogIntervalMs)
        {
            return;
        }

        double seconds = (now - _loggedNs) * 1e-9;
        double rate = (Frames - _loggedFrames) / seconds;
        double throughput = (Bytes - _loggedBytes) / seconds * 1e-6;
        Say(string.Create(CultureInfo.InvariantCulture, $"{Frames} frames, {rate:F1} frames/s, {throughput:F1} MB/s"));
        (_loggedNs, _loggedFrames, _loggedBytes) = (now, Frames, Bytes);
    }

    private void Print(Outcome ended, Action<JsonObject> report, bool jsonToStandardError)
    {
        double seconds = (_lastNs - _firstNs) * 1e-9;
        bool timed = Frames > 1 && seconds > 0;
        if (ended.Message.Length != 0)
        {
            Say(ended.Message);
        }

        if (!_options.Json)
        {
            Say(string.Create(
                CultureInfo.InvariantCulture, $"{Outcome.Name(ended.Code)}, {Frames} frames, {Bytes} bytes in {seconds:F3} s"));
            return;
        }

        var fields = new JsonObject
        {
            ["program"] = _program,
            ["language"] = "csharp",
            ["status"] = Outcome.Name(ended.Code),
            ["exit_code"] = (int)ended.Code,
            ["message"] = ended.Message,
        };
        if (_program == "relay")
        {
            fields["side"] = ended.Side;
        }

        fields["frames"] = Frames;
        fields["bytes"] = Bytes;
        fields["seconds"] = seconds;
        fields["frames_per_second"] = timed ? (Frames - 1) / seconds : 0.0;
        fields["bytes_per_second"] = timed ? (Bytes - _firstBytes) / seconds : 0.0;
        fields["first_sequence"] = _firstSequence;
        fields["last_sequence"] = _lastSequence;
        report(fields);
        (jsonToStandardError ? Console.Error : Console.Out).WriteLine(fields.ToJsonString(OneLine));
    }

    private void Say(string text) => Console.Error.WriteLine($"{_program}: {text}");
}
