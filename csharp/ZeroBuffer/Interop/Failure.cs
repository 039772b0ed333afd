// The last failure of this thread as an exception. Kept out of the callers' code, which stays small.
using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.InteropServices;
using System.Text;

namespace ZeroBuffer.Interop;

internal static unsafe class Failure
{
    /// <summary>Whether a status says "nothing there yet", which is no failure.</summary>
    internal static bool NothingYet(int status) => status is >= (int)Status.Timeout and <= (int)Status.Dropped;

    [DoesNotReturn]
    internal static void Throw(int status, string objectName) => throw Of(status, objectName);

    /// <summary>What the call that just answered with <paramref name="status"/>, on this thread, is as an exception.</summary>
    internal static Exception Of(int status, string objectName)
    {
        var failure = new NativeFailure { StructSize = (nuint)sizeof(NativeFailure) };
        string message;
        if (!NothingYet(status) && Native.zb_last_failure(&failure) == 0 && failure.Status == status)
        {
            message = LastMessage();
        }
        else
        {
            failure = default;
            message = Text(Native.zb_status_text(status));
        }
        return (Status)status switch
        {
            Status.Interrupted => new InterruptedWaitException(message, failure.First, failure.Second, failure.OsError),
            Status.Closed => new PeerClosedException(message, failure.First, failure.Second, failure.OsError),
            Status.PeerDead => new PeerDeadException(message, failure.First, failure.Second, failure.OsError),
            Status.Evicted => new EvictedException(message, failure.First, failure.Second, failure.OsError),
            Status.HeldFramesBlock => new HeldFramesBlockException(message, failure.First, failure.Second, failure.OsError),
            Status.TooManyHeld => new TooManyHeldException(message, failure.First, failure.Second, failure.OsError),
            Status.Dropped => new FrameDroppedException(message, failure.First, failure.Second, failure.OsError),
            Status.FrameTooLarge => new FrameTooLargeException(message, failure.First, failure.Second, failure.OsError),
            Status.ClaimOpen => new ClaimOpenException(message, failure.First, failure.Second, failure.OsError),
            Status.InvalidArgument => new InvalidArgumentException(message, failure.First, failure.Second, failure.OsError),
            Status.Forked => new ForkedException(message, failure.First, failure.Second, failure.OsError),
            Status.MetadataTooLarge => new MetadataTooLargeException(message, failure.First, failure.Second, failure.OsError),
            Status.MetadataExists => new MetadataExistsException(message, failure.First, failure.Second, failure.OsError),
            Status.MetadataInUse => new MetadataInUseException(message, failure.First, failure.Second, failure.OsError),
            Status.NotFound => new BufferNotFoundException(message, failure.First, failure.Second, failure.OsError),
            Status.AlreadyExists => new BufferExistsException(message, failure.First, failure.Second, failure.OsError),
            Status.WriterExists => new WriterExistsException(message, failure.First, failure.Second, failure.OsError),
            Status.TooManyReaders => new TooManyReadersException(message, failure.First, failure.Second, failure.OsError),
            Status.NothingToResume => new NothingToResumeException(message, failure.First, failure.Second, failure.OsError),
            Status.Incompatible => new IncompatibleException(message, failure.First, failure.Second, failure.OsError),
            Status.Corrupt => new CorruptException(message, failure.First, failure.Second, failure.OsError),
            Status.PermissionDenied => new PermissionDeniedException(message, failure.First, failure.Second, failure.OsError),
            Status.NoSpace => new SharedMemoryFullException(message, failure.First, failure.Second, failure.OsError),
            Status.SystemError => new SystemCallException(message, failure.First, failure.Second, failure.OsError),
            Status.RemoteError => new RemoteException(message, failure.First, failure.Second, failure.OsError),
            Status.BufferTooSmall => new BufferTooSmallException(message, failure.First, failure.Second, failure.OsError),
            Status.LanesBusy => new LanesBusyException(message, failure.First, failure.Second, failure.OsError),
            Status.FrameLost => new FrameLostException(message, failure.First, failure.Second, failure.OsError),
            Status.WrongSize => new WrongSizeException(message, failure.First, failure.Second, failure.OsError),
            Status.HandleClosed => new ObjectDisposedException(objectName, message),
            _ => new SystemCallException($"unexpected answer {status}: {message}"),
        };
    }

    internal static string Text(byte* text) => Marshal.PtrToStringUTF8((nint)text) ?? string.Empty;

    private static string LastMessage()
    {
        Span<byte> bytes = stackalloc byte[512];
        fixed (byte* first = bytes)
        {
            int length = (int)Native.zb_last_failure_message(first, (nuint)bytes.Length);
            if (length < bytes.Length)
            {
                return Encoding.UTF8.GetString(bytes[..length]);
            }
            byte[] longer = new byte[length + 1];
            fixed (byte* all = longer)
            {
                _ = Native.zb_last_failure_message(all, (nuint)longer.Length);
            }
            return Encoding.UTF8.GetString(longer, 0, length);
        }
    }
}
