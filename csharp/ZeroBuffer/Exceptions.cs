// The exceptions of the package, one class for each failure of the native library, and how one is made of a status.
// "Nothing there yet" is none of them. A disposed reader, writer, frame or claim is an ObjectDisposedException.
using System;

namespace ZeroBuffer;

/// <summary>Base of every failure that the library reports.</summary>
/// <remarks>Each class below says what the caller should do.</remarks>
public class ZeroBufferException : Exception
{
    private protected ZeroBufferException(Status status, string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(message)
    {
        Status = status;
        First = first;
        Second = second;
        OsError = osError;
    }

    /// <summary>The status that the native library answered with.</summary>
    public Status Status { get; }

    /// <summary>What was asked for, where the status has numbers: the bytes of a frame that is too large, for example.</summary>
    public ulong First { get; }

    /// <summary>What there is, where the status has numbers; else 0.</summary>
    public ulong Second { get; }

    /// <summary>errno of the system call that was refused; else 0.</summary>
    public int OsError { get; }
}

/// <summary><c>Interrupt()</c> ended the wait. Call again to go on waiting.</summary>
public sealed class InterruptedWaitException : ZeroBufferException
{
    internal InterruptedWaitException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.Interrupted, message, first, second, osError)
    {
    }
}

/// <summary>
/// The other side has closed. Reader: the end of the stream, everything was read. Writer: every reader has closed
/// and the ring is full.
/// </summary>
public sealed class PeerClosedException : ZeroBufferException
{
    internal PeerClosedException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.Closed, message, first, second, osError)
    {
    }
}

/// <summary>
/// The other side died without closing. Thrown once for each dead writer, after everything that it committed was
/// read; the reader may go on with a successor. A writer may wait for a reader that resumes, or call <see
/// cref="Writer.ForgetDeadReaders"/>.
/// </summary>
public sealed class PeerDeadException : ZeroBufferException
{
    internal PeerDeadException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.PeerDead, message, first, second, osError)
    {
    }
}

/// <summary>This reader's place was taken away, because its position was impossible. Dispose it and open again.</summary>
public sealed class EvictedException : ZeroBufferException
{
    internal EvictedException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.Evicted, message, first, second, osError)
    {
    }
}

/// <summary>Waiting would never end: this reader holds the frames whose room the writer waits for. Dispose frames.</summary>
public sealed class HeldFramesBlockException : ZeroBufferException
{
    internal HeldFramesBlockException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.HeldFramesBlock, message, first, second, osError)
    {
    }
}

/// <summary><see cref="BufferOptions.MaxHeld"/> frames are held already. Dispose the oldest, or raise it.</summary>
public sealed class TooManyHeldException : ZeroBufferException
{
    internal TooManyHeldException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.TooManyHeld, message, first, second, osError)
    {
    }
}

/// <summary>The ring is full and the policy of this writer is to drop: there is no room for the claim, and that was counted.</summary>
public sealed class FrameDroppedException : ZeroBufferException
{
    internal FrameDroppedException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.Dropped, message, first, second, osError)
    {
    }
}

/// <summary>The frame can never fit this ring. Create the buffer with a larger <see cref="BufferOptions.PayloadSize"/>.</summary>
public sealed class FrameTooLargeException : ZeroBufferException
{
    internal FrameTooLargeException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.FrameTooLarge, message, first, second, osError)
    {
    }
}

/// <summary>The writer has a claim that is neither committed nor discarded. Do either first.</summary>
public sealed class ClaimOpenException : ZeroBufferException
{
    internal ClaimOpenException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.ClaimOpen, message, first, second, osError)
    {
    }
}

/// <summary>An argument or an option is wrong; the message says which and why.</summary>
public sealed class InvalidArgumentException : ZeroBufferException
{
    internal InvalidArgumentException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.InvalidArgument, message, first, second, osError)
    {
    }
}

/// <summary>The object belongs to the parent process. Open the buffer again in this one.</summary>
public sealed class ForkedException : ZeroBufferException
{
    internal ForkedException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.Forked, message, first, second, osError)
    {
    }
}

/// <summary>The metadata does not fit its block. Create the buffer with a larger <see cref="BufferOptions.MetadataSize"/>.</summary>
public sealed class MetadataTooLargeException : ZeroBufferException
{
    internal MetadataTooLargeException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.MetadataTooLarge, message, first, second, osError)
    {
    }
}

/// <summary>Metadata is written once, before the first frame.</summary>
public sealed class MetadataExistsException : ZeroBufferException
{
    internal MetadataExistsException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.MetadataExists, message, first, second, osError)
    {
    }
}

/// <summary>A successor's metadata differs, and readers have frames of the old stream still to read. Drain first.</summary>
public sealed class MetadataInUseException : ZeroBufferException
{
    internal MetadataInUseException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.MetadataInUse, message, first, second, osError)
    {
    }
}

/// <summary>No buffer of this name appeared in time. Check the name, or wait longer.</summary>
public sealed class BufferNotFoundException : ZeroBufferException
{
    internal BufferNotFoundException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.NotFound, message, first, second, osError)
    {
    }
}

/// <summary>
/// Somebody alive uses a buffer of this name. Open it (<see cref="BufferOptions.ExistOk"/>), or choose another
/// name.
/// </summary>
public sealed class BufferExistsException : ZeroBufferException
{
    internal BufferExistsException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.AlreadyExists, message, first, second, osError)
    {
    }
}

/// <summary>The buffer has a living writer already. Close that one first.</summary>
public sealed class WriterExistsException : ZeroBufferException
{
    internal WriterExistsException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.WriterExists, message, first, second, osError)
    {
    }
}

/// <summary>
/// All places for readers are taken by the living. Create the buffer with a larger <see
/// cref="BufferOptions.MaxReaders"/>.
/// </summary>
public sealed class TooManyReadersException : ZeroBufferException
{
    internal TooManyReadersException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.TooManyReaders, message, first, second, osError)
    {
    }
}

/// <summary>No reader of this buffer died: there is no position to resume from. Join in another way.</summary>
public sealed class NothingToResumeException : ZeroBufferException
{
    internal NothingToResumeException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.NothingToResume, message, first, second, osError)
    {
    }
}

/// <summary>Not a buffer of this protocol version, or of other geometry, or with unknown features.</summary>
public sealed class IncompatibleException : ZeroBufferException
{
    internal IncompatibleException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.Incompatible, message, first, second, osError)
    {
    }
}

/// <summary>A value in shared memory is impossible; nothing was read from it. The message says which.</summary>
public sealed class CorruptException : ZeroBufferException
{
    internal CorruptException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.Corrupt, message, first, second, osError)
    {
    }
}

/// <summary>The operating system refused access, or the file belongs to another user.</summary>
public sealed class PermissionDeniedException : ZeroBufferException
{
    internal PermissionDeniedException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.PermissionDenied, message, first, second, osError)
    {
    }
}

/// <summary>Shared memory cannot hold the buffer; the message has the needed and the free bytes.</summary>
public sealed class SharedMemoryFullException : ZeroBufferException
{
    internal SharedMemoryFullException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.NoSpace, message, first, second, osError)
    {
    }
}

/// <summary>The operating system refused a call for another reason; the message names the call and errno.</summary>
public sealed class SystemCallException : ZeroBufferException
{
    internal SystemCallException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.SystemError, message, first, second, osError)
    {
    }
}

/// <summary>
/// The other side answered the call with an error: its handler threw, or refused the request. The message is what it said.
/// </summary>
public sealed class RemoteException : ZeroBufferException
{
    internal RemoteException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.RemoteError, message, first, second, osError)
    {
    }

    /// <summary>The request that this answers.</summary>
    public ulong Sequence => First;
}

/// <summary>The answer does not fit the buffer that it was to be copied into. Nothing is lost.</summary>
/// <remarks>
/// After <see cref="DuplexClient.CallInto"/> the answer is <see cref="Response"/>; after
/// <see cref="DuplexClient.ReceiveInto"/> it is the next one that is received.
/// </remarks>
public sealed class BufferTooSmallException : ZeroBufferException
{
    internal BufferTooSmallException(string message, ulong first = 0, ulong second = 0, int osError = 0, Response response = default)
        : base(Status.BufferTooSmall, message, first, second, osError) => Response = response;

    /// <summary>Bytes that the answer takes.</summary>
    public long Needed => (long)First;

    /// <summary>After <see cref="DuplexClient.CallInto"/> the answer itself; dispose it. Else <c>default</c>.</summary>
    public Response Response { get; }
}

/// <summary>Every lane for calls is in use, by this client or by others. Call later, or make the channel with more lanes.</summary>
public sealed class LanesBusyException : ZeroBufferException
{
    internal LanesBusyException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.LanesBusy, message, first, second, osError)
    {
    }
}

/// <summary>
/// A frame that was forwarded without a copy is lost: who forwarded it died or ended before this reader came to it, and its bytes were
/// written over. Frame by frame: read on. Counted in <see cref="ReaderStats.Lost"/>.
/// </summary>
public sealed class FrameLostException : ZeroBufferException
{
    internal FrameLostException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.FrameLost, message, first, second, osError)
    {
    }
}

/// <summary>
/// The next frame has another size than the messages asked for. It stays: read it as a frame, or ask for messages of its size.
/// </summary>
public sealed class WrongSizeException : ZeroBufferException
{
    internal WrongSizeException(string message, ulong first = 0, ulong second = 0, int osError = 0)
        : base(Status.WrongSize, message, first, second, osError)
    {
    }
}

/// <summary>
/// Another thread is inside a call of this object, or a call that was begun with <c>…Async</c> was not awaited to its end.
/// Use one object per thread, or a lock; <c>Interrupt</c>, <c>GetStats</c>, <c>Dispose</c> and the release of frames are free.
/// </summary>
public sealed class ConcurrentUseException : ZeroBufferException
{
    internal ConcurrentUseException(string message)
        : base(Status.InvalidArgument, message)
    {
    }
}
