// What a call of the native library answered: zb_status of zerobuffer.h.
namespace ZeroBuffer;

/// <summary>What a call answered. The values are those of <c>zb_status</c> in zerobuffer.h.</summary>
/// <remarks>A program rarely needs it: what says "nothing there yet" is <see langword="false"/>, the rest is an exception.</remarks>
public enum Status
{
    /// <summary>The call has done what it was asked for.</summary>
    Ok = 0,
    /// <summary>The time given ran out first.</summary>
    Timeout = 1,
    /// <summary>The call would have had to wait.</summary>
    WouldBlock = 2,
    /// <summary>The ring was full and its policy is to drop: the frame was not sent, and was counted.</summary>
    Dropped = 3,
    /// <summary>An interrupt ended the wait.</summary>
    Interrupted = 4,
    /// <summary>Reader: the end of the stream. Writer: every reader has closed.</summary>
    Closed = 5,
    /// <summary>The other side died without closing.</summary>
    PeerDead = 6,
    /// <summary>The writer took this reader's place away, because its position was impossible.</summary>
    Evicted = 7,
    /// <summary>This reader holds the frames whose room the writer waits for.</summary>
    HeldFramesBlock = 8,
    /// <summary>As many frames as may be are held already.</summary>
    TooManyHeld = 9,
    /// <summary>The frame can never fit this ring.</summary>
    FrameTooLarge = 10,
    /// <summary>The writer has a claim that is neither committed nor discarded.</summary>
    ClaimOpen = 11,
    /// <summary>An argument or an option is wrong.</summary>
    InvalidArgument = 12,
    /// <summary>The reader, writer or claim was closed before the call.</summary>
    HandleClosed = 13,
    /// <summary>The object belongs to the parent process.</summary>
    Forked = 14,
    /// <summary>The metadata does not fit the metadata block.</summary>
    MetadataTooLarge = 15,
    /// <summary>Metadata is written once, before the first frame.</summary>
    MetadataExists = 16,
    /// <summary>The metadata differs from a predecessor's of which readers still have frames to read.</summary>
    MetadataInUse = 17,
    /// <summary>No buffer of this name appeared in time.</summary>
    NotFound = 18,
    /// <summary>Somebody alive uses a buffer of this name.</summary>
    AlreadyExists = 19,
    /// <summary>The buffer has a living writer already.</summary>
    WriterExists = 20,
    /// <summary>All places for readers are taken by the living.</summary>
    TooManyReaders = 21,
    /// <summary>No reader of this buffer died: there is no position to resume from.</summary>
    NothingToResume = 22,
    /// <summary>Not a buffer of this protocol version, or of other geometry, or with unknown features.</summary>
    Incompatible = 23,
    /// <summary>A value in the buffer is impossible; nothing was read from it.</summary>
    Corrupt = 24,
    /// <summary>The operating system refused access, or the file belongs to another user.</summary>
    PermissionDenied = 25,
    /// <summary>Shared memory cannot hold the buffer.</summary>
    NoSpace = 26,
    /// <summary>The operating system refused a call.</summary>
    SystemError = 27,
    /// <summary>The other side answered a call with an error.</summary>
    RemoteError = 28,
    /// <summary>The answer does not fit the caller's buffer; it stays.</summary>
    BufferTooSmall = 29,
    /// <summary>Every lane for calls is in use.</summary>
    LanesBusy = 30,
    /// <summary>A shared frame was written over before this reader came to it.</summary>
    FrameLost = 31,
    /// <summary>The next frame has another size than the messages asked for; it stays.</summary>
    WrongSize = 32,
}
