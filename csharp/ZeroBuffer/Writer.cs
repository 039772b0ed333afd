// The writing end of a buffer: how one is made, claims, copies, batches, and how it ends. Awaiting is in Writer.Async.cs.
using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

/// <summary>Writes frames into a buffer.</summary>
/// <remarks>
/// <para>A writer that comes after a dead or closed one goes on with its sequence.</para>
/// <para>One thread at a time calls the methods of one writer, and one awaited call at a time is under way; another one gets
/// <see cref="ConcurrentUseException"/>, at once and without harm. Free at any time, from any thread: <see cref="Interrupt"/>,
/// <see cref="GetStats"/>, <see cref="Info"/>, <see cref="Close"/> and <see cref="Dispose"/>.</para>
/// <para>In the long run no call allocates per frame.</para>
/// </remarks>
/// <example><code>
/// using var writer = Writer.Open("cam0", TimeSpan.FromSeconds(10));
/// using (Claim claim = writer.Claim(3))
/// {
///     claim.Span.Fill(7);       // in the ring itself
///     claim.CommitAll();
/// }
/// writer.Write("copied in"u8);
/// </code></example>
public sealed unsafe partial class Writer : IDisposable
{
    private readonly WriterHandle _handle;
    private nint _native;
    private CallGate _gate;
    private NativeClaim _claim;
    private long _tickets;
    private long _ticket;       // of the open claim; 0: none
    private long _batches;
    private long _batch;        // the open one; 0: none
    private ClaimAfterClose? _claimAfterClose;
    private ClaimBufferWriter? _bufferWriter;
    private WriterStats _lastStats;

    private Writer(nint native)
    {
        _native = native;
        _handle = new WriterHandle(native);
        Info = ReadInfo();
    }

    /// <summary>What the buffer really is, as it was when this writer was made.</summary>
    public BufferInfo Info { get; }

    /// <summary>Descriptor of an anonymous buffer, owned by this writer; -1 for a named one and after <see cref="Dispose"/>.</summary>
    public int FileDescriptor
    {
        get
        {
            using var use = new HandleUse(_handle);
            return use.Open ? Native.zb_writer_fd(use.Handle) : -1;
        }
    }

    /// <summary>Makes a buffer and is its writer. A stale buffer of that name (all users dead) is taken over.</summary>
    /// <param name="name">Letters, digits and <c>._-</c>, at most 200, not beginning with a dot. The file is /dev/shm/NAME.</param>
    /// <param name="options">Geometry and behaviour; null for the defaults.</param>
    /// <exception cref="BufferExistsException">Somebody alive uses a buffer of this name.</exception>
    /// <exception cref="InvalidArgumentException">The name or an option is wrong.</exception>
    /// <exception cref="SharedMemoryFullException">Shared memory cannot hold it.</exception>
    /// <exception cref="PermissionDeniedException">The operating system refused.</exception>
    /// <exception cref="SystemCallException">Likewise, for another reason.</exception>
    /// <remarks>Takes the time that it takes to reserve the memory. Any thread.</remarks>
    public static Writer Create(string name, BufferOptions? options = null)
    {
        NativeBufferConfig config = (options ?? BufferOptions.Default).ToNative();
        nint writer;
        int status;
        fixed (byte* bytes = ZeroBufferLibrary.NameBytes(name))
        {
            status = Native.zb_writer_create(bytes, &config, &writer);
        }
        return Made(status, writer);
    }

    /// <summary>Attaches as the writer of a buffer, and waits for the buffer to appear.</summary>
    /// <param name="name">Of the buffer.</param>
    /// <param name="connectTimeout">Zero looks once; null and <see cref="Timeout.InfiniteTimeSpan"/> wait for ever.</param>
    /// <param name="options">Behaviour of this end (the geometry is the buffer's); null for the defaults.</param>
    /// <exception cref="BufferNotFoundException">It did not appear in time.</exception>
    /// <exception cref="WriterExistsException">It has a living writer.</exception>
    /// <exception cref="IncompatibleException">It is no buffer of this protocol version.</exception>
    /// <exception cref="CorruptException">A value in it is impossible.</exception>
    /// <exception cref="PermissionDeniedException">It belongs to another user.</exception>
    /// <exception cref="InvalidArgumentException">The name or an option is wrong.</exception>
    /// <remarks>Waits in the calling thread. Any thread.</remarks>
    public static Writer Open(string name, TimeSpan? connectTimeout = null, BufferOptions? options = null)
    {
        NativeBufferConfig config = (options ?? BufferOptions.Default).ToNative();
        long timeoutNs = Timeouts.Nanoseconds(connectTimeout ?? Timeout.InfiniteTimeSpan);
        nint writer;
        int status;
        fixed (byte* bytes = ZeroBufferLibrary.NameBytes(name))
        {
            status = Native.zb_writer_open(bytes, timeoutNs, &config, &writer);
        }
        return Made(status, writer);
    }

    /// <summary>Makes a buffer without a name: a sealed memfd, to be passed on through <see cref="FileDescriptor"/>.</summary>
    /// <param name="options">Geometry and behaviour; null for the defaults.</param>
    /// <remarks>Fails as <see cref="Create"/>.</remarks>
    public static Writer CreateAnonymous(BufferOptions? options = null)
    {
        NativeBufferConfig config = (options ?? BufferOptions.Default).ToNative();
        nint writer;
        int status = Native.zb_writer_create_anonymous(&config, &writer);
        return Made(status, writer);
    }

    /// <summary>Attaches to an anonymous buffer.</summary>
    /// <param name="fileDescriptor">Its descriptor, which is duplicated; the caller keeps his own.</param>
    /// <param name="options">Behaviour of this end; null for the defaults.</param>
    /// <remarks>Fails as <see cref="Open"/>.</remarks>
    public static Writer OpenFd(int fileDescriptor, BufferOptions? options = null)
    {
        NativeBufferConfig config = (options ?? BufferOptions.Default).ToNative();
        nint writer;
        int status = Native.zb_writer_open_fd(fileDescriptor, &config, &writer);
        return Made(status, writer);
    }

    /// <summary>Takes room for a frame, to be filled in place; waits for it, for ever.</summary>
    /// <param name="size">Bytes, 0 … <see cref="BufferInfo.MaxFrameSize"/>.</param>
    /// <returns>The room; commit or dispose it.</returns>
    /// <exception cref="FrameTooLargeException">The frame can never fit.</exception>
    /// <exception cref="FrameDroppedException">The ring is full, and this writer's policy is <see cref="FullPolicy.Drop"/>.</exception>
    /// <exception cref="PeerClosedException">Every reader has closed, and the ring is full.</exception>
    /// <exception cref="PeerDeadException">The last reader died, and the ring is full.</exception>
    /// <exception cref="ClaimOpenException">Another claim of this writer is open.</exception>
    /// <exception cref="InterruptedWaitException"><see cref="Interrupt"/> was called.</exception>
    /// <exception cref="CorruptException">A value in shared memory is impossible.</exception>
    /// <exception cref="ConcurrentUseException">Another thread is inside a call.</exception>
    /// <exception cref="ForkedException">The writer belongs to the parent process.</exception>
    /// <exception cref="ObjectDisposedException">The writer was disposed, before or during the call.</exception>
    /// <remarks>Allocates nothing.</remarks>
    public Claim Claim(long size)
    {
        Claim claim;
        while (!Take(size, Native.Forever, dropThrows: true, out claim))
        {
        }
        return claim;
    }

    /// <summary>Takes room for a frame, to be filled in place. Throws as <see cref="Claim(long)"/>.</summary>
    /// <param name="size">Bytes, 0 … <see cref="BufferInfo.MaxFrameSize"/>.</param>
    /// <param name="timeout">Zero looks once; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</param>
    /// <param name="claim">The room; commit or dispose it.</param>
    /// <returns>False where the time ran out, or the frame was dropped (<see cref="FullPolicy.Drop"/>).</returns>
    /// <remarks>Allocates nothing.</remarks>
    public bool Claim(long size, TimeSpan timeout, out Claim claim) =>
        Take(size, Timeouts.Nanoseconds(timeout), dropThrows: false, out claim);

    /// <summary>Takes room for a frame if there is some. Never waits. Throws as <see cref="Claim(long)"/>.</summary>
    /// <param name="size">Bytes, 0 … <see cref="BufferInfo.MaxFrameSize"/>.</param>
    /// <param name="claim">The room; commit or dispose it.</param>
    /// <returns>False where there is none, or the frame was dropped.</returns>
    /// <remarks>Allocates nothing.</remarks>
    public bool TryClaim(long size, out Claim claim) => Take(size, 0, dropThrows: false, out claim);

    /// <summary>Sends a copy; waits for room, for ever. Throws as <see cref="Claim(long)"/>.</summary>
    /// <param name="data">The bytes.</param>
    /// <param name="type">0 normal, from 128 the application's.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <returns>True when it was sent; false where it was dropped (<see cref="FullPolicy.Drop"/>).</returns>
    /// <remarks>Allocates nothing.</remarks>
    public bool Write(ReadOnlySpan<byte> data, ushort type = 0, ulong tag = 0) => Copy(data, Native.Forever, type, tag);

    /// <summary>Sends a copy. Throws as <see cref="Claim(long)"/>.</summary>
    /// <param name="data">The bytes.</param>
    /// <param name="timeout">To wait for room: zero looks once; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</param>
    /// <param name="type">0 normal, from 128 the application's.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <returns>True when it was sent; false where the time ran out, or it was dropped.</returns>
    /// <remarks>Allocates nothing.</remarks>
    public bool Write(ReadOnlySpan<byte> data, TimeSpan timeout, ushort type = 0, ulong tag = 0) =>
        Copy(data, Timeouts.Nanoseconds(timeout), type, tag);

    /// <summary>Sends a copy if there is room. Never waits. Throws as <see cref="Claim(long)"/>.</summary>
    /// <param name="data">The bytes.</param>
    /// <param name="type">0 normal, from 128 the application's.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <returns>True when it was sent; false where there is no room, or it was dropped.</returns>
    /// <remarks>Allocates nothing.</remarks>
    public bool TryWrite(ReadOnlySpan<byte> data, ushort type = 0, ulong tag = 0) => Copy(data, 0, type, tag);

    /// <summary>Until it is disposed, frames that are committed are published together: one store, one wake-up.</summary>
    /// <returns>What ends the batch when it is disposed.</returns>
    /// <exception cref="InvalidOperationException">A batch of this writer is open.</exception>
    /// <remarks>Not atomic: a batch that has to wait for room publishes what it has. Allocates nothing.</remarks>
    /// <example><code>
    /// using (writer.Batch())
    /// {
    ///     foreach (byte[] message in messages)
    ///     {
    ///         writer.Write(message);
    ///     }
    /// }
    /// </code></example>
    public Batch Batch()
    {
        _gate.Enter(this);
        if (_batch != 0)
        {
            _gate.Leave();
            throw new InvalidOperationException("a batch of this writer is open; dispose it first");
        }
        Native.zb_writer_begin_batch(_native);
        _batch = ++_batches;
        _gate.Leave();
        return new Batch(this, _batches);
    }

    /// <summary>Writes the metadata, once, before the first frame; identical bytes from a successor are no change.</summary>
    /// <param name="metadata">At most <see cref="BufferInfo.MetadataSize"/> bytes.</param>
    /// <exception cref="MetadataTooLargeException">It does not fit.</exception>
    /// <exception cref="MetadataExistsException">It was written before, or a frame was.</exception>
    /// <exception cref="MetadataInUseException">Readers have frames of a predecessor with other metadata still to read.</exception>
    /// <exception cref="ForkedException">The writer belongs to the parent process.</exception>
    /// <exception cref="ObjectDisposedException">The writer was disposed.</exception>
    /// <remarks>Never waits. Allocates nothing.</remarks>
    public void WriteMetadata(ReadOnlySpan<byte> metadata)
    {
        _gate.Enter(this);
        int status;
        fixed (byte* bytes = metadata)
        {
            status = Native.zb_writer_write_metadata(_native, bytes, (nuint)metadata.Length);
        }
        _ = Done(status);
        NoteMetadata(metadata);
    }

    /// <summary>Waits until at least <paramref name="count"/> readers are attached.</summary>
    /// <param name="count">How many, at most <see cref="BufferInfo.MaxReaders"/>.</param>
    /// <param name="timeout">Zero looks once; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</param>
    /// <returns>False where the time ran out.</returns>
    /// <exception cref="InvalidArgumentException">There cannot be so many.</exception>
    /// <exception cref="InterruptedWaitException"><see cref="Interrupt"/> was called.</exception>
    /// <exception cref="ObjectDisposedException">The writer was disposed, before or during the call.</exception>
    public bool WaitForReaders(int count, TimeSpan timeout)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(count);
        long timeoutNs = Timeouts.Nanoseconds(timeout);
        _gate.Enter(this);
        return Done(Native.zb_writer_wait_for_readers(_native, (uint)count, timeoutNs));
    }

    /// <summary>Waits until the readers have given every frame back.</summary>
    /// <param name="timeout">Zero looks once; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</param>
    /// <returns>False where the time ran out.</returns>
    /// <exception cref="PeerClosedException">Every reader has closed.</exception>
    /// <exception cref="PeerDeadException">The last reader died.</exception>
    /// <exception cref="InterruptedWaitException"><see cref="Interrupt"/> was called.</exception>
    /// <exception cref="ObjectDisposedException">The writer was disposed, before or during the call.</exception>
    public bool Drain(TimeSpan timeout)
    {
        long timeoutNs = Timeouts.Nanoseconds(timeout);
        _gate.Enter(this);
        return Done(Native.zb_writer_drain(_native, timeoutNs));
    }

    /// <summary>Gives up what dead readers had not read, and goes on as if nobody had attached yet.</summary>
    /// <returns>How many there were.</returns>
    /// <exception cref="ForkedException">The writer belongs to the parent process.</exception>
    /// <exception cref="ObjectDisposedException">The writer was disposed.</exception>
    public int ForgetDeadReaders()
    {
        _gate.Enter(this);
        uint freed;
        _ = Done(Native.zb_writer_forget_dead_readers(_native, &freed));
        return (int)freed;
    }

    /// <summary>
    /// Ends a wait of this writer in another thread, or an awaited one, or else its next one, with
    /// <see cref="InterruptedWaitException"/>.
    /// </summary>
    /// <remarks>Any thread, also after <see cref="Dispose"/> (then nothing happens). Never waits. Allocates nothing.</remarks>
    public void Interrupt()
    {
        using var use = new HandleUse(_handle);
        if (use.Open)
        {
            Native.zb_writer_interrupt(use.Handle);
        }
    }

    /// <summary>The counters now; after <see cref="Dispose"/> those at the end.</summary>
    /// <remarks>Any thread. Never waits. Allocates nothing.</remarks>
    public WriterStats GetStats()
    {
        using var use = new HandleUse(_handle);
        return use.Open ? ReadStats(use.Handle) : _lastStats;
    }

    /// <summary>
    /// Closes: an open claim is discarded, an open batch published; readers read what was committed and then get the end of the
    /// stream. A wait in another thread is ended (<see cref="ObjectDisposedException"/> there), an awaited one too. Again is harmless.
    /// </summary>
    /// <param name="linger">
    /// How long to wait for the readers to give everything back; zero does not wait, <see cref="Timeout.InfiniteTimeSpan"/> waits
    /// for ever.
    /// </param>
    /// <returns>How many committed frames nobody will read; 0 where readers go on reading, and where it was closed before.</returns>
    /// <exception cref="InterruptedWaitException"><see cref="Interrupt"/> ended the lingering; the writer is closed all the same.</exception>
    /// <remarks>Any thread.</remarks>
    public long Close(TimeSpan linger)
    {
        long lingerNs = Timeouts.Nanoseconds(linger);
        bool interrupted = lingerNs != 0 && !Linger(lingerNs);
        long unread = CloseNow();
        return interrupted ? throw new InterruptedWaitException("Interrupt() ended the lingering; the writer was closed") : unread;
    }

    /// <summary>As <see cref="Close"/> without lingering.</summary>
    public void Dispose() => CloseNow();

    /// <summary>For a call of a <see cref="SharedWriter"/>, which is one of this writer: its native writer; <see cref="LeaveShared"/> comes next.</summary>
    internal nint EnterShared()
    {
        _gate.Enter(this);
        return _native;
    }

    /// <summary>For its close: false where this writer is closed, or will be at once, and there is nothing to leave.</summary>
    internal bool EnterToCloseShared()
    {
        if (_gate.EnterUnlessClosing(this))
        {
            return true;
        }
        for (var spin = new SpinWait(); !_handle.IsClosed;)
        {
            spin.SpinOnce(); // the other thread is about to close it
        }
        return false;
    }

    internal void LeaveShared() => _gate.Leave();

    internal Exception SharedFailure(int status) => status == (int)Status.Interrupted && _gate.Closing
        ? new ObjectDisposedException(nameof(Writer), "the writer was disposed by another thread during the call")
        : Failure.Of(status, nameof(SharedWriter));

    /// <summary>Those that forward into this writer: no finalizer ends one while this writer is used.</summary>
    internal List<SharedWriter> SharedWriters { get; } = [];

    internal bool HasClaim(long ticket) => Volatile.Read(ref _ticket) == ticket && !_gate.Closing;

    internal byte* ClaimedBytes(long ticket, out nuint size)
    {
        nint data = _claim.Data;
        size = _claim.Size;
        if (!HasClaim(ticket))
        {
            ThrowClaimOver();
        }
        return (byte*)data;
    }

    internal ClaimBufferWriter BufferWriterFor(Claim claim, long ticket)
    {
        if (!HasClaim(ticket))
        {
            ThrowClaimOver();
        }
        return (_bufferWriter ??= new ClaimBufferWriter()).Begin(claim);
    }

    internal void Commit(long ticket, long length, ushort type, ulong tag)
    {
        _gate.Enter(this);
        if (_ticket != ticket)
        {
            _gate.Leave();
            ThrowClaimOver();
        }
        if ((ulong)length > _claim.Size)
        {
            nuint size = _claim.Size;
            _gate.Leave();
            throw new ArgumentOutOfRangeException(nameof(length), length, $"the claim has {size} bytes; it stays open");
        }
        CommitAndLeave((nuint)length, type, tag);
    }

    internal void Discard(long ticket)
    {
        while (Volatile.Read(ref _ticket) == ticket)
        {
            if (_gate.EnterUnlessClosing(this))
            {
                if (_ticket == ticket)
                {
                    NativeClaim claim = _claim;
                    Native.zb_claim_discard(&claim);
                    _ticket = 0;
                }
                _gate.Leave();
                return;
            }
            ClaimAfterClose? kept = Volatile.Read(ref _claimAfterClose);
            if (kept is not null)
            {
                kept.Discard();
                return;
            }
            Thread.Yield(); // the close, in another thread, is about to keep it
        }
    }

    internal void EndBatch(long number)
    {
        if (_batch != number || !_gate.EnterUnlessClosing(this))
        {
            return; // ended before, or published by the close
        }
        if (_batch == number)
        {
            Native.zb_writer_end_batch(_native);
            _batch = 0;
        }
        _gate.Leave();
    }

    [DoesNotReturn]
    internal static void ThrowClaimOver() => throw new ObjectDisposedException(
        nameof(ZeroBuffer.Claim), "this claim was committed or discarded, or its writer disposed. Claim again.");

    private bool Take(long size, long timeoutNs, bool dropThrows, out Claim claim)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        _gate.Enter(this);
        int status = Look(size, timeoutNs);
        if (status == (int)Status.Ok)
        {
            claim = Claimed();
            _gate.Leave();
            return true;
        }
        claim = default;
        if (status == (int)Status.Dropped && dropThrows)
        {
            _gate.Leave();
            Failure.Throw(status, nameof(Writer));
        }
        return Done(status);
    }

    /// <summary>First without waiting, which costs no transition; then waiting.</summary>
    private int Look(long size, long timeoutNs)
    {
        NativeClaim claim;
        int status = Native.zb_writer_try_claim(_native, (nuint)size, &claim);
        if (status == (int)Status.WouldBlock && timeoutNs != 0)
        {
            status = AwaitRoom(size, timeoutNs, &claim);
        }
        if (status == (int)Status.Ok)
        {
            _claim = claim;
        }
        return status;
    }

    /// <summary>Apart, as <see cref="CopyWaiting"/> is.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int AwaitRoom(long size, long timeoutNs, NativeClaim* claim) =>
        Native.zb_writer_claim(_native, (nuint)size, timeoutNs, claim);

    private Claim Claimed()
    {
        Volatile.Write(ref _ticket, ++_tickets);
        return new Claim(this, _tickets);
    }

    private void CommitAndLeave(nuint length, ushort type, ulong tag)
    {
        NativeClaim claim = _claim;
        int status = Native.zb_claim_commit(&claim, length, type, tag);
        _ticket = 0;
        if (status == (int)Status.Ok)
        {
            _gate.Leave();
            return;
        }
        GiveBack(claim);
        _ = Failed(status);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void GiveBack(NativeClaim claim) => Native.zb_claim_discard(&claim);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Copy(ReadOnlySpan<byte> data, long timeoutNs, ushort type, ulong tag)
    {
        _gate.Enter(this);
        fixed (byte* bytes = data)
        {
            if (data.Length <= Native.SmallSize)
            {
                int status = Native.zb_writer_write_short(_native, bytes, (nuint)data.Length, 0, type, tag);
                if (status == (int)Status.Ok)
                {
                    _gate.Leave();
                    return true;
                }
                if (status != (int)Status.Timeout || timeoutNs == 0)
                {
                    return Failed(status);
                }
            }
            return CopyWaiting(bytes, data.Length, timeoutNs, type, tag);
        }
    }

    /// <summary>Apart: who calls what may wait prepares for the collector when it begins, and not only when it comes to that.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool CopyWaiting(byte* bytes, int length, long timeoutNs, ushort type, ulong tag) =>
        Done(Native.zb_writer_write(_native, bytes, (nuint)length, timeoutNs, type, tag));

    /// <summary>Leaves the gate. False where the status says "nothing there yet"; throws where it is a failure.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private bool Done(int status)
    {
        if (status == (int)Status.Ok)
        {
            _gate.Leave();
            return true;
        }
        return Failed(status);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool Failed(int status)
    {
        bool closing = _gate.Closing;
        _gate.Leave();
        if (status == (int)Status.Interrupted && closing)
        {
            throw new ObjectDisposedException(nameof(Writer), "the writer was disposed by another thread during the call");
        }
        if (!Failure.NothingYet(status))
        {
            Failure.Throw(status, nameof(Writer));
        }
        return false;
    }

    /// <summary>False where it was interrupted. Nothing where another thread is inside: it will be sent away.</summary>
    private bool Linger(long lingerNs)
    {
        if (!_gate.TryEnter())
        {
            return true;
        }
        if (_ticket != 0)
        {
            NativeClaim claim = _claim;
            Native.zb_claim_discard(&claim);
            _ticket = 0;
        }
        Native.zb_writer_end_batch(_native);
        _batch = 0;
        int status = Native.zb_writer_drain(_native, lingerNs);
        bool closing = _gate.Closing;
        _gate.Leave();
        return status != (int)Status.Interrupted || closing;
    }

    private long CloseNow()
    {
        _gate.BeginClose();
        var spin = new SpinWait();
        while (!_gate.TryClose())
        {
            if (_gate.IsClosed)
            {
                return 0; // by another thread, or before
            }
            if (_waiting is { } last && last.TryTakeBack())
            {
                _waiting.FailDisposed();
            }
            Interrupt();
            spin.SpinOnce(sleep1Threshold: 10);
        }
        if (_ticket != 0)
        {
            Volatile.Write(ref _claimAfterClose, new ClaimAfterClose(_claim));
        }
        _lastStats = ReadStats(_native);
        _handle.CloseAndWait();
        _native = 0;
        return (long)_handle.Unread;
    }

    private static Writer Made(int status, nint writer)
    {
        if (status != (int)Status.Ok)
        {
            Failure.Throw(status, nameof(Writer));
        }
        return new Writer(writer);
    }

    private BufferInfo ReadInfo()
    {
        var info = new NativeBufferInfo { StructSize = (nuint)sizeof(NativeBufferInfo) };
        _ = Native.zb_writer_get_info(_native, &info);
        return new BufferInfo(info);
    }

    private static WriterStats ReadStats(nint writer)
    {
        var stats = new NativeWriterStats { StructSize = (nuint)sizeof(NativeWriterStats) };
        _ = Native.zb_writer_get_stats(writer, &stats);
        return new WriterStats(stats);
    }

    /// <summary>
    /// A claim that was open when its writer was closed: its memory stays, so that a thread that fills it does not fault, until it is
    /// disposed or nobody can name it any more.
    /// </summary>
    private sealed class ClaimAfterClose(NativeClaim claim)
    {
        private NativeClaim _claim = claim;
        private int _discarded;

        ~ClaimAfterClose() => Discard();

        internal void Discard()
        {
            if (Interlocked.Exchange(ref _discarded, 1) == 0)
            {
                NativeClaim claim = _claim;
                Native.zb_claim_discard(&claim);
                GC.SuppressFinalize(this);
            }
        }
    }
}
