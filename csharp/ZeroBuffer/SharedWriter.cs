// Passing frames on without copying them: what a relay uses that reads one buffer and writes another.
using System;
using System.Threading;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

/// <summary>How a frame went into the output.</summary>
public enum Forwarded
{
    /// <summary>As a descriptor: the output's readers look at the bytes where they lie, in the buffer they came from.</summary>
    Shared = 0,
    /// <summary>Its bytes were copied into the output.</summary>
    Copied = 1,
}

/// <summary>Counters of a <see cref="SharedWriter"/>; all begin at 0 with it. A plain copy.</summary>
public readonly record struct SharedWriterStats
{
    internal SharedWriterStats(in NativeSharedWriterStats native)
    {
        SharedFrames = (long)native.SharedFrames;
        SharedBytes = (long)native.SharedBytes;
        CopiedFrames = (long)native.CopiedFrames;
        CopiedBytes = (long)native.CopiedBytes;
        GivenUp = (long)native.GivenUp;
        Kept = (int)native.Kept;
    }

    /// <summary>Frames that were not copied.</summary>
    public long SharedFrames { get; init; }
    /// <summary>Their payload bytes.</summary>
    public long SharedBytes { get; init; }
    /// <summary>Frames that were copied.</summary>
    public long CopiedFrames { get; init; }
    /// <summary>Their payload bytes; 0 as long as everything could be shared.</summary>
    public long CopiedBytes { get; init; }
    /// <summary>Frames given back before every reader of the output had passed them.</summary>
    public long GivenUp { get; init; }
    /// <summary>Frames of the source that are kept now, since readers of the output need them.</summary>
    public int Kept { get; init; }
}

/// <summary>
/// Forwards frames of one buffer (the source) into another (the output) without copying: the output gets a descriptor of 64 bytes,
/// and its readers see a frame like any other, read-only, whose bytes lie in the source. Sequences are the output's own.
/// </summary>
/// <remarks>
/// <para>Both buffers must have been made with <see cref="BufferOptions.ShareSlots"/>, and the source must have a name. Where that is
/// not so, <see cref="Forward(Frame, ushort?, ulong?)"/> copies, and says so. A frame that came into the source in this way itself is
/// forwarded as what it is: nobody in a chain copies.</para>
/// <para>A shared frame stays held in the source until every reader of the output has let go of it; at most
/// <see cref="BufferOptions.MaxHeld"/> − 1 are kept so, then forwarding waits. If the program that forwards dies, what a reader of the
/// output has not read yet may be written over: it then gets <see cref="FrameLostException"/>, never other bytes.</para>
/// <para>A call of it counts as one of its writer: one at a time. The writer stays usable between them. Allocates nothing per frame.</para>
/// </remarks>
/// <example><code>
/// using var output = Writer.Create("cam1", new BufferOptions { ShareSlots = 4 });
/// using var shared = SharedWriter.Over(output, source);
/// foreach (Frame frame in source)
/// {
///     shared.Forward(frame);      // the frame is taken: nothing to dispose
/// }
/// </code></example>
public sealed unsafe class SharedWriter : IDisposable
{
    private readonly Writer _output;
    private readonly SharedWriterHandle _handle;
    private readonly nint _native;
    private UseCount _use;
    private SharedWriterStats _lastStats;

    private SharedWriter(Writer output, nint native)
    {
        _output = output;
        _native = native;
        _handle = new SharedWriterHandle(native);
        CanShare = Native.zb_shared_writer_can_share(native) != 0;
        WhyNot = CanShare ? string.Empty : ReadWhyNot(native);
    }

    /// <summary>Whether frames that lie in the source itself are shared.</summary>
    public bool CanShare { get; }

    /// <summary>Why not, and what to do about it; empty where they are.</summary>
    public string WhyNot { get; }

    /// <summary>Forwards from a reader into a writer. Succeeds also where nothing can be shared: see <see cref="CanShare"/>.</summary>
    /// <param name="output">Stays the caller's; dispose the SharedWriter before it, so that it can linger.</param>
    /// <param name="source">Stays the caller's.</param>
    /// <exception cref="ConcurrentUseException">Another thread is inside a call of one of them.</exception>
    /// <exception cref="SystemCallException">The thread that looks after the frames cannot be started.</exception>
    /// <exception cref="ForkedException">One of them belongs to the parent process.</exception>
    /// <exception cref="ObjectDisposedException">One of them was disposed.</exception>
    public static SharedWriter Over(Writer output, Reader source)
    {
        ArgumentNullException.ThrowIfNull(output);
        ArgumentNullException.ThrowIfNull(source);
        nint writer = output.EnterShared();
        try
        {
            nint reader = source.EnterShared();
            nint shared;
            int status = Native.zb_shared_writer_create(writer, reader, &shared);
            source.LeaveShared();
            if (status != (int)Status.Ok)
            {
                Failure.Throw(status, nameof(SharedWriter));
            }
            var made = new SharedWriter(output, shared);
            lock (output.SharedWriters)
            {
                output.SharedWriters.Add(made);
            }
            return made;
        }
        finally
        {
            output.LeaveShared();
        }
    }

    /// <summary>Sends a frame of the source; waits for room in the output, for ever. Throws as <see cref="Writer.Claim(long)"/>.</summary>
    /// <param name="frame">It is taken, and valid no more, unless this throws. One of another reader is copied.</param>
    /// <param name="type">Null: its own.</param>
    /// <param name="tag">Null: its own.</param>
    /// <returns>Whether its bytes were copied.</returns>
    /// <exception cref="InvalidOperationException">Memory or a pin of the frame is in use.</exception>
    /// <exception cref="ObjectDisposedException">The frame, the writer or this was disposed.</exception>
    public Forwarded Forward(Frame frame, ushort? type = null, ulong? tag = null)
    {
        Forwarded how;
        int status;
        while ((status = Forward(frame, Native.Forever, type, tag, out how)) != (int)Status.Ok)
        {
            if (status == (int)Status.Dropped)
            {
                Failure.Throw(status, nameof(SharedWriter));
            }
        }
        return how;
    }

    /// <summary>Sends a frame of the source. Throws as <see cref="Writer.Claim(long)"/>.</summary>
    /// <param name="frame">It is taken, and valid no more, where this is true. One of another reader is copied.</param>
    /// <param name="timeout">For room in the output; zero looks once.</param>
    /// <param name="how">Whether its bytes were copied.</param>
    /// <param name="type">Null: its own.</param>
    /// <param name="tag">Null: its own.</param>
    /// <returns>False where the time ran out, or it was dropped (<see cref="FullPolicy.Drop"/>); the frame stays the caller's.</returns>
    public bool Forward(Frame frame, TimeSpan timeout, out Forwarded how, ushort? type = null, ulong? tag = null) =>
        Forward(frame, Timeouts.Nanoseconds(timeout), type, tag, out how) == (int)Status.Ok;

    /// <summary>Gives back what every reader of the output has let go of, now. Nobody needs to call this.</summary>
    /// <returns>How many frames are kept on.</returns>
    /// <exception cref="ObjectDisposedException">The writer or this was disposed.</exception>
    public int ReleasePassed()
    {
        _ = _output.EnterShared();
        try
        {
            _use.Enter(this);
            uint kept = Native.zb_shared_writer_release_passed(_native);
            _use.Leave();
            return (int)kept;
        }
        finally
        {
            _output.LeaveShared();
        }
    }

    /// <summary>The counters now; after <see cref="Dispose"/> those at the end.</summary>
    /// <remarks>Any thread. Never waits. Allocates nothing.</remarks>
    public SharedWriterStats GetStats()
    {
        if (!_use.TryEnter())
        {
            return _lastStats;
        }
        SharedWriterStats stats = ReadStats();
        _use.Leave();
        return stats;
    }

    /// <summary>Ends it; writer and reader stay open. Again is harmless.</summary>
    /// <param name="linger">
    /// How long to wait until the readers of the output have let every shared frame go. What is kept then is given back, and a reader
    /// that has not come to it yet may find it lost.
    /// </param>
    /// <returns>How many frames were given back too early.</returns>
    /// <exception cref="InterruptedWaitException"><see cref="Writer.Interrupt"/> ended the lingering; it is closed all the same.</exception>
    /// <exception cref="ConcurrentUseException">Another thread is inside a call of the writer.</exception>
    public long Close(TimeSpan linger)
    {
        long lingerNs = Timeouts.Nanoseconds(linger);
        bool entered = _output.EnterToCloseShared();
        try
        {
            if (!_use.BeginClose())
            {
                return 0;
            }
            for (var spin = new SpinWait(); !_use.IsEmpty;)
            {
                spin.SpinOnce();
            }
            _handle.LingerNs = lingerNs;
            _lastStats = ReadStats();
            _handle.CloseAndWait();
            _lastStats = _lastStats with { Kept = 0, GivenUp = (long)_handle.GivenUp };
            lock (_output.SharedWriters)
            {
                _output.SharedWriters.Remove(this);
            }
        }
        finally
        {
            if (entered)
            {
                _output.LeaveShared();
            }
        }
        return _handle.Status == (int)Status.Interrupted
            ? throw new InterruptedWaitException("Interrupt() ended the lingering; the shared writer was closed")
            : (long)_handle.GivenUp;
    }

    /// <summary>As <see cref="Close"/> without lingering.</summary>
    /// <exception cref="ConcurrentUseException">Another thread is inside a call of the writer.</exception>
    public void Dispose() => Close(TimeSpan.Zero);

    private int Forward(Frame frame, long timeoutNs, ushort? type, ulong? tag, out Forwarded how)
    {
        _ = _output.EnterShared();
        int status;
        uint forwarded = 0;
        try
        {
            _use.Enter(this);
            try
            {
                NativeFrame native = frame.Take();
                status = type is null && tag is null
                    ? Native.zb_shared_writer_forward(_native, &native, timeoutNs, &forwarded)
                    : Native.zb_shared_writer_forward_as(
                        _native, &native, timeoutNs, type ?? native.Type, tag ?? native.Tag, &forwarded);
                if (status == (int)Status.Ok)
                {
                    frame.TakenAway();
                }
                else
                {
                    frame.PutBack();
                }
            }
            finally
            {
                _use.Leave();
            }
            how = (Forwarded)forwarded;
            return status == (int)Status.Ok || Failure.NothingYet(status) ? status : throw _output.SharedFailure(status);
        }
        finally
        {
            _output.LeaveShared();
        }
    }

    private SharedWriterStats ReadStats()
    {
        var stats = new NativeSharedWriterStats { StructSize = (nuint)sizeof(NativeSharedWriterStats) };
        _ = Native.zb_shared_writer_get_stats(_native, &stats);
        return new SharedWriterStats(stats);
    }

    private static string ReadWhyNot(nint shared)
    {
        int length = (int)Native.zb_shared_writer_why_not(shared, null, 0);
        byte[] text = new byte[length + 1];
        fixed (byte* first = text)
        {
            _ = Native.zb_shared_writer_why_not(shared, first, (nuint)text.Length);
            return Failure.Text(first);
        }
    }
}
