// The counters of a reader and of a writer: zb_reader_stats and zb_writer_stats of zerobuffer.h.
using System;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

/// <summary>Counters of a reader, at one moment; all begin at 0 with each reader unless said otherwise. A plain copy.</summary>
public readonly record struct ReaderStats
{
    internal ReaderStats(in NativeReaderStats native)
    {
        Frames = (long)native.Frames;
        Bytes = (long)native.Bytes;
        Lost = (long)native.Lost;
        Skipped = (long)native.Skipped;
        Dropped = (long)native.Dropped;
        Sleeps = (long)native.Sleeps;
        Barriers = (long)native.Barriers;
        Wakes = (long)native.Wakes;
        LivenessChecks = (long)native.LivenessChecks;
        UnreadBytes = (long)native.UnreadBytes;
        Held = (int)native.Held;
        SharedFrames = (long)native.SharedFrames;
        SharedCopiedBytes = (long)native.SharedCopiedBytes;
    }

    /// <summary>Frames handed out.</summary>
    public long Frames { get; init; }
    /// <summary>Payload bytes handed out.</summary>
    public long Bytes { get; init; }
    /// <summary>Frames that this reader should have seen and did not: a resume that came too late; <see cref="FrameLostException"/>.</summary>
    public long Lost { get; init; }
    /// <summary>Frames passed over by <see cref="Reader.ReadNewest"/>.</summary>
    public long Skipped { get; init; }
    /// <summary>Frames that the writer dropped since the buffer was made.</summary>
    public long Dropped { get; init; }
    /// <summary>Futex waits.</summary>
    public long Sleeps { get; init; }
    /// <summary>Barriers before sleeping.</summary>
    public long Barriers { get; init; }
    /// <summary>Futex wakes.</summary>
    public long Wakes { get; init; }
    /// <summary>Looks at whether the other side lives.</summary>
    public long LivenessChecks { get; init; }
    /// <summary>Bytes of ring published and not yet handed out.</summary>
    public long UnreadBytes { get; init; }
    /// <summary>Frames from the oldest one held to the last one handed out.</summary>
    public int Held { get; init; }
    /// <summary>Frames handed out that lie in another buffer (<see cref="SharedWriter"/>).</summary>
    public long SharedFrames { get; init; }
    /// <summary>Bytes of such frames copied, since that buffer had no <see cref="BufferOptions.ShareSlots"/> free.</summary>
    public long SharedCopiedBytes { get; init; }
}

/// <summary>Counters of a writer, at one moment. Those of "this end" begin at 0 with each writer. A plain copy.</summary>
public readonly record struct WriterStats
{
    internal WriterStats(in NativeWriterStats native)
    {
        Frames = (long)native.Frames;
        Bytes = (long)native.Bytes;
        Dropped = (long)native.Dropped;
        Wraps = (long)native.Wraps;
        EarlyRestarts = (long)native.EarlyRestarts;
        BlockedCount = (long)native.BlockedCount;
        BlockedTime = new TimeSpan((long)(native.BlockedNs / 100));
        ReadersLost = (long)native.ReadersLost;
        Sleeps = (long)native.Sleeps;
        Barriers = (long)native.Barriers;
        Wakes = (long)native.Wakes;
        LivenessChecks = (long)native.LivenessChecks;
        UnreadBytes = (long)native.UnreadBytes;
        Readers = (int)native.Readers;
    }

    /// <summary>Frames published since the buffer was made.</summary>
    public long Frames { get; init; }
    /// <summary>Payload bytes published by this end.</summary>
    public long Bytes { get; init; }
    /// <summary>Frames dropped since the buffer was made.</summary>
    public long Dropped { get; init; }
    /// <summary>Times the ring was begun anew, early restarts included.</summary>
    public long Wraps { get; init; }
    /// <summary>… of which by this end before the end was reached.</summary>
    public long EarlyRestarts { get; init; }
    /// <summary>Waits for room.</summary>
    public long BlockedCount { get; init; }
    /// <summary>Time spent in them.</summary>
    public TimeSpan BlockedTime { get; init; }
    /// <summary>Dead readers whose place was taken back.</summary>
    public long ReadersLost { get; init; }
    /// <summary>This end: futex waits.</summary>
    public long Sleeps { get; init; }
    /// <summary>This end: barriers before sleeping.</summary>
    public long Barriers { get; init; }
    /// <summary>This end: futex wakes.</summary>
    public long Wakes { get; init; }
    /// <summary>Looks at whether the other side lives.</summary>
    public long LivenessChecks { get; init; }
    /// <summary>Bytes of ring between the slowest reader and the writer.</summary>
    public long UnreadBytes { get; init; }
    /// <summary>Readers attached and alive now.</summary>
    public int Readers { get; init; }
}
