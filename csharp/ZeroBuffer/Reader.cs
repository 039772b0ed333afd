// The reading end of a buffer: how one is made, its waits, and how it ends. What a frame is stands in Frame.cs, awaiting in
// Reader.Async.cs.
using System;
using System.Collections;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

/// <summary>Reads every frame of a buffer, in place.</summary>
/// <remarks>
/// <para><c>foreach</c> and <c>await foreach</c> give frame after frame, end when the writer has closed, and throw
/// <see cref="PeerDeadException"/> once if it died; a new loop then goes on with its successor. Dispose each frame: nobody else
/// does, and what is held keeps its room from the writer.</para>
/// <para>One thread at a time calls the methods of one reader, and one awaited call at a time is under way; another one gets
/// <see cref="ConcurrentUseException"/>, at once and without harm. Free at any time, from any thread: <see cref="Interrupt"/>,
/// <see cref="GetStats"/>, <see cref="Info"/>, <see cref="Dispose"/> and everything of a frame. A call that throws says in the
/// class of its exception what to do.</para>
/// <para>A call that waits parks its thread in the kernel (after spinning for a moment, see <see cref="BufferOptions.Wait"/>); an
/// awaited one parks none. In the long run no call allocates per frame.</para>
/// </remarks>
/// <example><code>
/// using var reader = Reader.Create("cam0", new BufferOptions { PayloadSize = 64L &lt;&lt; 20 });
/// foreach (Frame frame in reader)
/// {
///     using (frame)
///     {
///         Process(frame.Span);
///     }
/// }
/// </code></example>
public sealed unsafe partial class Reader : IDisposable, IEnumerable<Frame>, IAsyncEnumerable<Frame>
{
    private readonly ReaderHandle _handle;
    private readonly FrameTable _frames;
    private readonly object _metadataLock = new();
    private nint _native;
    private CallGate _gate;
    private NativeFrame[] _many = [];
    private ReaderStats _lastStats;
    private byte[]? _metadata;
    private byte[] _metadataRoom = []; // only grows, so that looking again allocates nothing

    private Reader(nint native, BufferOptions options)
    {
        _native = native;
        _handle = new ReaderHandle(native);
        Info = ReadInfo();
        _frames = new FrameTable(this, options.MaxHeld, mayComeFromElsewhere: Info.ShareSlots != 0);
        _handle.Frames = _frames;
    }

    /// <summary>What the buffer really is, as it was when this reader was made.</summary>
    public BufferInfo Info { get; }

    /// <summary>Descriptor of an anonymous buffer, owned by this reader; -1 for a named one and after <see cref="Dispose"/>.</summary>
    public int FileDescriptor
    {
        get
        {
            using var use = new HandleUse(_handle);
            return use.Open ? Native.zb_reader_fd(use.Handle) : -1;
        }
    }

    /// <summary>Makes a buffer and is its first reader. A stale buffer of that name (all users dead) is taken over.</summary>
    /// <param name="name">Letters, digits and <c>._-</c>, at most 200, not beginning with a dot. The file is /dev/shm/NAME.</param>
    /// <param name="options">Geometry and behaviour; null for the defaults.</param>
    /// <exception cref="BufferExistsException">Somebody alive uses a buffer of this name.</exception>
    /// <exception cref="InvalidArgumentException">The name or an option is wrong.</exception>
    /// <exception cref="SharedMemoryFullException">Shared memory cannot hold it.</exception>
    /// <exception cref="PermissionDeniedException">The operating system refused.</exception>
    /// <exception cref="SystemCallException">Likewise, for another reason.</exception>
    /// <remarks>Takes the time that it takes to reserve the memory. Any thread.</remarks>
    public static Reader Create(string name, BufferOptions? options = null)
    {
        options ??= BufferOptions.Default;
        NativeBufferConfig config = options.ToNative();
        nint reader;
        int status;
        fixed (byte* bytes = ZeroBufferLibrary.NameBytes(name))
        {
            status = Native.zb_reader_create(bytes, &config, &reader);
        }
        return Made(status, reader, options);
    }

    /// <summary>Attaches a further reader to a buffer, and waits for the buffer to appear.</summary>
    /// <param name="name">Of the buffer.</param>
    /// <param name="connectTimeout">Zero looks once; null and <see cref="Timeout.InfiniteTimeSpan"/> wait for ever.</param>
    /// <param name="options">Behaviour of this end (the geometry is the buffer's); null for the defaults.</param>
    /// <exception cref="BufferNotFoundException">It did not appear in time.</exception>
    /// <exception cref="TooManyReadersException">All places are taken.</exception>
    /// <exception cref="NothingToResumeException"><see cref="JoinAt.Resume"/>, and no reader died.</exception>
    /// <exception cref="IncompatibleException">It is no buffer of this protocol version.</exception>
    /// <exception cref="CorruptException">A value in it is impossible.</exception>
    /// <exception cref="PermissionDeniedException">It belongs to another user.</exception>
    /// <exception cref="InvalidArgumentException">The name or an option is wrong.</exception>
    /// <remarks>Waits in the calling thread. Any thread.</remarks>
    public static Reader Open(string name, TimeSpan? connectTimeout = null, BufferOptions? options = null)
    {
        options ??= BufferOptions.Default;
        NativeBufferConfig config = options.ToNative();
        long timeoutNs = Timeouts.Nanoseconds(connectTimeout ?? Timeout.InfiniteTimeSpan);
        nint reader;
        int status;
        fixed (byte* bytes = ZeroBufferLibrary.NameBytes(name))
        {
            status = Native.zb_reader_open(bytes, timeoutNs, &config, &reader);
        }
        return Made(status, reader, options);
    }

    /// <summary>Makes a buffer without a name: a sealed memfd, to be passed on through <see cref="FileDescriptor"/>.</summary>
    /// <param name="options">Geometry and behaviour; null for the defaults.</param>
    /// <remarks>Fails as <see cref="Create"/>.</remarks>
    public static Reader CreateAnonymous(BufferOptions? options = null)
    {
        options ??= BufferOptions.Default;
        NativeBufferConfig config = options.ToNative();
        nint reader;
        int status = Native.zb_reader_create_anonymous(&config, &reader);
        return Made(status, reader, options);
    }

    /// <summary>Attaches to an anonymous buffer.</summary>
    /// <param name="fileDescriptor">Its descriptor, which is duplicated; the caller keeps his own.</param>
    /// <param name="options">Behaviour of this end; null for the defaults.</param>
    /// <remarks>Fails as <see cref="Open"/>.</remarks>
    public static Reader OpenFd(int fileDescriptor, BufferOptions? options = null)
    {
        options ??= BufferOptions.Default;
        NativeBufferConfig config = options.ToNative();
        nint reader;
        int status = Native.zb_reader_open_fd(fileDescriptor, &config, &reader);
        return Made(status, reader, options);
    }

    /// <summary>Waits for the next frame, for ever.</summary>
    /// <returns>The frame; dispose it.</returns>
    /// <exception cref="PeerClosedException">The writer has closed and everything was read: the end of the stream.</exception>
    /// <exception cref="PeerDeadException">The writer died; once per dead writer, after all that it committed was read.</exception>
    /// <exception cref="HeldFramesBlockException">This reader holds the frames whose room the writer waits for.</exception>
    /// <exception cref="TooManyHeldException"><see cref="BufferOptions.MaxHeld"/> frames are held.</exception>
    /// <exception cref="FrameLostException">A frame that was forwarded without a copy was written over; read on.</exception>
    /// <exception cref="EvictedException">This reader's place was taken away.</exception>
    /// <exception cref="CorruptException">A value in shared memory is impossible.</exception>
    /// <exception cref="InterruptedWaitException"><see cref="Interrupt"/> was called.</exception>
    /// <exception cref="ConcurrentUseException">Another thread is inside a call.</exception>
    /// <exception cref="ForkedException">The reader belongs to the parent process.</exception>
    /// <exception cref="ObjectDisposedException">The reader was disposed, before or during the call.</exception>
    /// <remarks>Allocates nothing.</remarks>
    [SkipLocalsInit]
    public Frame Read()
    {
        Frame frame;
        while (!Take(Native.Forever, out frame))
        {
        }
        return frame;
    }

    /// <summary>Waits for the next frame.</summary>
    /// <param name="timeout">Zero looks once; <see cref="Timeout.InfiniteTimeSpan"/> waits for ever.</param>
    /// <param name="frame">The frame; dispose it.</param>
    /// <returns>False where the time ran out. Throws as <see cref="Read()"/>.</returns>
    /// <remarks>Allocates nothing.</remarks>
    [SkipLocalsInit]
    public bool Read(TimeSpan timeout, out Frame frame) => Take(Timeouts.Nanoseconds(timeout), out frame);

    /// <summary>The next frame if there is one. Never waits. Throws as <see cref="Read()"/>.</summary>
    /// <param name="frame">The frame; dispose it.</param>
    /// <returns>False where there is none yet.</returns>
    /// <remarks>Allocates nothing.</remarks>
    [SkipLocalsInit]
    public bool TryRead(out Frame frame) => Take(0, out frame);

    /// <summary>Waits for a frame, then takes as many as there are. Throws as <see cref="Read()"/>.</summary>
    /// <param name="frames">Where they are put, oldest first; at least one, at most <see cref="BufferOptions.MaxHeld"/> are used.</param>
    /// <param name="timeout">As for <see cref="Read(TimeSpan, out Frame)"/>.</param>
    /// <returns>How many; 0 where the time ran out. Dispose each.</returns>
    /// <remarks>Allocates only where more are asked for than ever before.</remarks>
    public int ReadMany(Span<Frame> frames, TimeSpan timeout)
    {
        if (frames.IsEmpty)
        {
            throw new ArgumentException("there is no room for a frame", nameof(frames));
        }
        long timeoutNs = Timeouts.Nanoseconds(timeout);
        int most = Math.Min(frames.Length, _frames.Capacity);
        NativeFrame[] many = _many;
        if (many.Length < most)
        {
            many = GC.AllocateUninitializedArray<NativeFrame>(most);
        }
        _gate.Enter(this);
        _many = many;
        nuint count;
        int status;
        fixed (NativeFrame* first = many)
        {
            status = Native.zb_reader_read_many(_native, timeoutNs, first, (nuint)most, &count);
        }
        if (status != (int)Status.Ok)
        {
            Failed(status);
            return 0;
        }
        for (int i = 0; i < (int)count; ++i)
        {
            frames[i] = _frames.Hold(many[i]);
        }
        _gate.Leave();
        return (int)count;
    }

    /// <summary>
    /// Waits for a frame that was not handed out yet, then takes the newest. Those in between are given back and counted in
    /// <see cref="ReaderStats.Skipped"/>. Throws as <see cref="Read()"/>.
    /// </summary>
    /// <param name="timeout">As for <see cref="Read(TimeSpan, out Frame)"/>.</param>
    /// <param name="frame">The frame; dispose it.</param>
    /// <returns>False where the time ran out.</returns>
    /// <remarks>Allocates nothing.</remarks>
    public bool ReadNewest(TimeSpan timeout, out Frame frame)
    {
        long timeoutNs = Timeouts.Nanoseconds(timeout);
        _gate.Enter(this);
        NativeFrame native;
        int status = Native.zb_reader_read_newest(_native, timeoutNs, &native);
        if (status != (int)Status.Ok)
        {
            Failed(status);
            frame = default;
            return false;
        }
        frame = _frames.Hold(native);
        _gate.Leave();
        return true;
    }

    /// <summary>Waits until the writer has written the metadata.</summary>
    /// <param name="timeout">As for <see cref="Read(TimeSpan, out Frame)"/>.</param>
    /// <returns>A copy of it, empty where it is empty; null where the time ran out.</returns>
    /// <exception cref="PeerClosedException">The writer has closed without writing any.</exception>
    /// <exception cref="PeerDeadException">The writer died without writing any.</exception>
    /// <exception cref="CorruptException">A value in shared memory is impossible.</exception>
    /// <exception cref="InterruptedWaitException"><see cref="Interrupt"/> was called.</exception>
    /// <exception cref="ObjectDisposedException">The reader was disposed, before or during the call.</exception>
    /// <remarks>Allocates the copy.</remarks>
    public byte[]? ReadMetadata(TimeSpan timeout)
    {
        long timeoutNs = Timeouts.Nanoseconds(timeout);
        _gate.Enter(this);
        int status = CopyMetadataInside(timeoutNs, out byte[]? metadata);
        if (status != (int)Status.Ok)
        {
            Failed(status);
            return null;
        }
        _gate.Leave();
        return metadata;
    }

    /// <summary>Frame after frame, until the writer has closed.</summary>
    /// <returns>An enumerator; a value, so that <c>foreach</c> allocates nothing.</returns>
    public Enumerator GetEnumerator() => new(this);

    IEnumerator<Frame> IEnumerable<Frame>.GetEnumerator() => GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>
    /// Ends a wait of this reader in another thread, or an awaited one, or else its next one, with
    /// <see cref="InterruptedWaitException"/>.
    /// </summary>
    /// <remarks>Any thread, also after <see cref="Dispose"/> (then nothing happens). Never waits. Allocates nothing.</remarks>
    public void Interrupt()
    {
        using var use = new HandleUse(_handle);
        if (use.Open)
        {
            Native.zb_reader_interrupt(use.Handle);
        }
    }

    /// <summary>The counters now; after <see cref="Dispose"/> those at the end.</summary>
    /// <remarks>Any thread. Never waits. Allocates nothing.</remarks>
    public ReaderStats GetStats()
    {
        using var use = new HandleUse(_handle);
        return use.Open ? ReadStats(use.Handle) : _lastStats;
    }

    /// <summary>
    /// Detaches. Frames that live stay valid until they are disposed; their room comes back then. A wait in another thread is
    /// ended (<see cref="ObjectDisposedException"/> there), an awaited one too. Again is harmless.
    /// </summary>
    /// <remarks>Any thread. Waits only until a call of another thread has ended.</remarks>
    public void Dispose()
    {
        _gate.BeginClose();
        var spin = new SpinWait();
        while (!_gate.TryClose())
        {
            if (_gate.IsClosed)
            {
                return; // by another thread
            }
            if (_waiting is { } last && last.TryTakeBack())
            {
                _waiting.FailDisposed(); // looked at again: it may have begun since
            }
            Interrupt();
            spin.SpinOnce(sleep1Threshold: 10);
        }
        try
        {
            _lastStats = ReadStats(_native);
            _ = GetKnownMetadata();
            _frames.BeginClose(_native);
        }
        finally
        {
            _handle.CloseAndWait();
            _native = 0;
        }
    }

    /// <summary>For who makes a <see cref="SharedWriter"/> of it: the native reader; <see cref="LeaveShared"/> comes next.</summary>
    internal nint EnterShared()
    {
        _gate.Enter(this);
        return _native;
    }

    internal void LeaveShared() => _gate.Leave();

    /// <summary>The metadata that the frames held belong to, or null while there is none. Any thread, also after Dispose.</summary>
    /// <remarks>The same array as long as the metadata is the same, so that what was made of it can be kept. Not to be changed.</remarks>
    internal byte[]? GetKnownMetadata()
    {
        using var use = new HandleUse(_handle);
        if (!use.Open)
        {
            return _metadata;
        }
        lock (_metadataLock)
        {
            int status;
            nuint size;
            do
            {
                fixed (byte* room = _metadataRoom)
                {
                    status = Native.zb_reader_metadata(use.Handle, 0, room, (nuint)_metadataRoom.Length, &size);
                }
            } while (status == (int)Status.Ok && !HasMetadataRoom(size));
            if (status == (int)Status.Ok)
            {
                ReadOnlySpan<byte> now = _metadataRoom.AsSpan(0, (int)size);
                if (_metadata is null || !now.SequenceEqual(_metadata))
                {
                    _metadata = now.ToArray();
                }
            }
            return _metadata;
        }
    }

    private bool HasMetadataRoom(nuint size)
    {
        if (size > (nuint)_metadataRoom.Length)
        {
            _metadataRoom = new byte[checked((int)size)];
            return false;
        }
        return true;
    }

    /// <summary>False at the end of the stream.</summary>
    [SkipLocalsInit]
    private bool TakeOrEnd(out Frame frame)
    {
        for (;;)
        {
            _gate.Enter(this);
            NativeFrame native;
            int status = Look(Native.Forever, &native);
            if (status == (int)Status.Ok)
            {
                frame = _frames.Hold(native);
                _gate.Leave();
                return true;
            }
            if (status == (int)Status.Closed)
            {
                _gate.Leave();
                frame = default;
                return false;
            }
            Failed(status);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining), SkipLocalsInit]
    private bool Take(long timeoutNs, out Frame frame)
    {
        _gate.Enter(this);
        NativeFrame native;
        int status = Look(timeoutNs, &native);
        if (status != (int)Status.Ok)
        {
            Failed(status);
            frame = default;
            return false;
        }
        frame = _frames.Hold(native);
        _gate.Leave();
        return true;
    }

    /// <summary>First without waiting, which costs no transition; then waiting.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private int Look(long timeoutNs, NativeFrame* frame)
    {
        int status = Native.zb_reader_try_read(_native, frame);
        return status == (int)Status.WouldBlock && timeoutNs != 0 ? Await(timeoutNs, frame) : status;
    }

    /// <summary>Apart: who calls what may wait prepares for the collector when it begins, and not only when it comes to that.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private int Await(long timeoutNs, NativeFrame* frame) => Native.zb_reader_read(_native, timeoutNs, frame);

    /// <summary>Leaves the gate, and throws unless the status says "nothing there yet".</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private void Failed(int status)
    {
        bool closing = _gate.Closing;
        _gate.Leave();
        if (Failure.NothingYet(status))
        {
            return;
        }
        if (status == (int)Status.Interrupted && closing)
        {
            throw new ObjectDisposedException(nameof(Reader), "the reader was disposed by another thread during the call");
        }
        Failure.Throw(status, nameof(Reader));
    }

    private static Reader Made(int status, nint reader, BufferOptions options)
    {
        if (status != (int)Status.Ok)
        {
            Failure.Throw(status, nameof(Reader));
        }
        return new Reader(reader, options);
    }

    /// <summary>Leaves the gate where there is no memory for the copy.</summary>
    private int CopyMetadataInside(long timeoutNs, out byte[]? metadata)
    {
        try
        {
            return CopyMetadata(_native, timeoutNs, out metadata);
        }
        catch
        {
            _gate.Leave();
            throw;
        }
    }

    private static int CopyMetadata(nint reader, long timeoutNs, out byte[]? metadata)
    {
        metadata = null;
        nuint size;
        int status = Native.zb_reader_metadata(reader, timeoutNs, null, 0, &size);
        while (status == (int)Status.Ok)
        {
            metadata = new byte[checked((int)size)];
            nuint asked = size;
            fixed (byte* bytes = metadata)
            {
                status = Native.zb_reader_metadata(reader, timeoutNs, bytes, asked, &size);
            }
            if (size == asked)
            {
                break; // else a successor has written other metadata meanwhile
            }
        }
        return status;
    }

    private BufferInfo ReadInfo()
    {
        var info = new NativeBufferInfo { StructSize = (nuint)sizeof(NativeBufferInfo) };
        _ = Native.zb_reader_get_info(_native, &info);
        return new BufferInfo(info);
    }

    private static ReaderStats ReadStats(nint reader)
    {
        var stats = new NativeReaderStats { StructSize = (nuint)sizeof(NativeReaderStats) };
        _ = Native.zb_reader_get_stats(reader, &stats);
        return new ReaderStats(stats);
    }

    /// <summary>Frame after frame of a reader, until the writer has closed.</summary>
    [SuppressMessage("Design", "CA1034:Nested types should not be visible", Justification = "as List<T>.Enumerator")]
    public struct Enumerator : IEnumerator<Frame>, IEquatable<Enumerator>
    {
        private readonly Reader _reader;

        internal Enumerator(Reader reader) => _reader = reader;

        /// <summary>The frame; whoever runs the loop disposes it.</summary>
        public Frame Current { get; private set; }

        readonly object IEnumerator.Current => Current;

        /// <summary>Waits for the next frame. Throws as <see cref="Read()"/>.</summary>
        /// <returns>False at the end of the stream.</returns>
        public bool MoveNext()
        {
            bool more = _reader.TakeOrEnd(out Frame frame);
            Current = frame;
            return more;
        }

        /// <summary>A stream cannot be begun again.</summary>
        /// <exception cref="NotSupportedException">Always.</exception>
        public readonly void Reset() => throw new NotSupportedException("a stream cannot be begun again");

        /// <summary>Nothing: the frames are the caller's.</summary>
        public readonly void Dispose()
        {
        }

        /// <summary>Whether both are at the same frame of the same reader.</summary>
        /// <param name="other">Another one.</param>
        public readonly bool Equals(Enumerator other) => _reader == other._reader && Current == other.Current;

        /// <inheritdoc/>
        public override readonly bool Equals(object? obj) => obj is Enumerator other && Equals(other);

        /// <inheritdoc/>
        public override readonly int GetHashCode() => Current.GetHashCode();

        /// <summary>Whether both are at the same frame.</summary>
        /// <param name="left">One.</param>
        /// <param name="right">The other.</param>
        public static bool operator ==(Enumerator left, Enumerator right) => left.Equals(right);

        /// <summary>Whether they are at different frames.</summary>
        /// <param name="left">One.</param>
        /// <param name="right">The other.</param>
        public static bool operator !=(Enumerator left, Enumerator right) => !left.Equals(right);
    }
}
