// What a buffer is made with, and how an end of it behaves: zb_buffer_config of zerobuffer.h.
using System;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

/// <summary>What a writer does when the ring is full.</summary>
public enum FullPolicy
{
    /// <summary>Wait for room, up to the timeout of the call.</summary>
    Wait = 0,
    /// <summary>Drop the new frame at once; the readers see that it was counted.</summary>
    Drop = 1,
}

/// <summary>How an end waits for the other.</summary>
public enum WaitPolicy
{
    /// <summary>Looks again and again and never sleeps: a whole CPU for the shortest answer.</summary>
    Spin = 0,
    /// <summary>Looks for about as long as a wake-up takes, then sleeps.</summary>
    SpinThenBlock = 1,
    /// <summary>Sleeps; looks first only where this thread has just woken the other side, as long as that took.</summary>
    Block = 2,
}

/// <summary>Where a reader that attaches begins.</summary>
public enum JoinAt
{
    /// <summary>The first reader ever at the oldest frame, later ones now.</summary>
    Automatic = 0,
    /// <summary>At the next frame that is published.</summary>
    Now = 1,
    /// <summary>At the oldest frame in the ring.</summary>
    Oldest = 2,
    /// <summary>Where a reader that died has stopped.</summary>
    Resume = 3,
}

/// <summary>
/// Geometry of a buffer (used by who creates it, compared by <see cref="ExistOk"/>) and behaviour of this end.
/// </summary>
/// <remarks>The defaults are those of the native library (<c>zb_buffer_config_init</c>). Immutable; any thread.</remarks>
/// <example><code>using var reader = Reader.Create("cam0", new BufferOptions { PayloadSize = 256L &lt;&lt; 20, MaxReaders = 2 });</code></example>
public sealed record BufferOptions
{
    /// <summary>The defaults.</summary>
    public static BufferOptions Default { get; } = new();

    /// <summary>Bytes; one frame of this size fits. 1 … 128 GiB; 64 MiB by default.</summary>
    public long PayloadSize { get; init; } = 64L << 20;

    /// <summary>Bytes for the metadata; may be 0. 4096 by default.</summary>
    public long MetadataSize { get; init; } = 4096;

    /// <summary>1 … 64; each of them sees every frame. 1 by default.</summary>
    public int MaxReaders { get; init; } = 1;

    /// <summary>
    /// How many readers of other buffers can look at frames of this one at the same time without copying them
    /// (<see cref="SharedWriter"/>), 1 … 64; 0, the default: frames are not shared.
    /// </summary>
    public int ShareSlots { get; init; }

    /// <summary>Ask for 2 MiB pages; <see cref="BufferInfo.HugeBytes"/> says what became huge.</summary>
    public bool HugePages { get; init; }

    /// <summary>Open a living buffer of the same geometry instead of failing.</summary>
    public bool ExistOk { get; init; }

    /// <summary>Map all pages of the ring now, so that the first lap is as fast as later ones. On by default.</summary>
    public bool PreTouch { get; init; } = true;

    /// <summary>Lock the ring in memory (<c>mlock</c>); a refusal is an error.</summary>
    public bool LockInMemory { get; init; }

    /// <summary>Writer: what to do when the ring is full.</summary>
    public FullPolicy Full { get; init; } = FullPolicy.Wait;

    /// <summary>How this end waits.</summary>
    public WaitPolicy Wait { get; init; } = WaitPolicy.SpinThenBlock;

    /// <summary>Pauses before sleeping. 2000 by default.</summary>
    public int SpinPauses { get; init; } = 2000;

    /// <summary>Reader: where to begin.</summary>
    public JoinAt Join { get; init; } = JoinAt.Automatic;

    /// <summary>Writer: bytes that can always be written while no reader that had caught up moves. 0: half the ring.</summary>
    public long BurstSize { get; init; }

    /// <summary>Reader: tell the writer of freed room after so many frames, at least 1.</summary>
    public int AcknowledgeFrames { get; init; } = 1;

    /// <summary>Reader: … and, where not zero, at the first call after this time.</summary>
    public TimeSpan AcknowledgeInterval { get; init; }

    /// <summary>Reader: frames held at the same time, 1 … 65,536. 256 by default.</summary>
    public int MaxHeld { get; init; } = 256;

    /// <summary>
    /// These options with sizes in which <paramref name="inFlight"/> frames of <paramref name="frameSize"/> bytes can always
    /// be written while no reader moves.
    /// </summary>
    /// <param name="frameSize">Bytes of the largest frame, at least 0.</param>
    /// <param name="inFlight">Frames, at least 1.</param>
    /// <returns>A copy with another <see cref="PayloadSize"/> and <see cref="BurstSize"/>.</returns>
    /// <exception cref="ArgumentOutOfRangeException">An argument is too small.</exception>
    /// <remarks>Never blocks. Allocates the copy.</remarks>
    public unsafe BufferOptions ForFrames(long frameSize, int inFlight = 3)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(frameSize);
        ArgumentOutOfRangeException.ThrowIfLessThan(inFlight, 1);
        NativeBufferConfig config = ToNative();
        int status = Native.zb_buffer_config_for_frames(&config, (ulong)frameSize, (uint)inFlight);
        if (status != (int)Status.Ok)
        {
            Failure.Throw(status, nameof(BufferOptions));
        }
        return this with
        {
            PayloadSize = (long)Math.Min(config.PayloadSize, long.MaxValue), // what is too much is refused when the buffer is made
            BurstSize = (long)Math.Min(config.BurstSize, long.MaxValue),
        };
    }

    internal unsafe NativeBufferConfig ToNative()
    {
        ArgumentOutOfRangeException.ThrowIfNegative(PayloadSize);
        ArgumentOutOfRangeException.ThrowIfNegative(MetadataSize);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxReaders);
        ArgumentOutOfRangeException.ThrowIfNegative(ShareSlots);
        ArgumentOutOfRangeException.ThrowIfNegative(SpinPauses);
        ArgumentOutOfRangeException.ThrowIfNegative(BurstSize);
        ArgumentOutOfRangeException.ThrowIfNegative(AcknowledgeFrames);
        ArgumentOutOfRangeException.ThrowIfNegative(MaxHeld);
        ArgumentOutOfRangeException.ThrowIfLessThan(AcknowledgeInterval, TimeSpan.Zero);
        return new NativeBufferConfig
        {
            StructSize = (nuint)sizeof(NativeBufferConfig),
            PayloadSize = (ulong)PayloadSize,
            MetadataSize = (ulong)MetadataSize,
            MaxReaders = (uint)MaxReaders,
            HugePages = Convert.ToByte(HugePages),
            ExistOk = Convert.ToByte(ExistOk),
            PreTouch = Convert.ToByte(PreTouch),
            LockInMemory = Convert.ToByte(LockInMemory),
            Full = (uint)Full,
            Wait = (uint)Wait,
            SpinPauses = (uint)SpinPauses,
            Join = (uint)Join,
            BurstSize = (ulong)BurstSize,
            AcknowledgeFrames = (uint)AcknowledgeFrames,
            MaxHeld = (uint)MaxHeld,
            AcknowledgeIntervalNs = (ulong)Timeouts.Nanoseconds(AcknowledgeInterval),
            ShareSlots = (uint)ShareSlots,
        };
    }
}
