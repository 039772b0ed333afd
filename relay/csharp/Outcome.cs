// How a program ended: one exit code per kind of failure, the table of relay/README.md. Knows the package's exceptions; must
// not know the verbs.
using System;
using System.Diagnostics.CodeAnalysis;

namespace ZeroBuffer.Relay;

internal enum ExitCode
{
    Ok = 0,
    Failed = 1,
    Usage = 2,
    NotFound = 3,
    InUse = 4,
    Timeout = 5,
    PeerDead = 6,
    Refused = 7,
    ShortFrame = 8,
    Unread = 9,
    NoSpace = 10,
    ClosedEarly = 11,
    LostFrames = 12,
    VerificationFailed = 13,
    Corrupt = 14,
    RemoteError = 15,
    Interrupted = 130,
    Terminated = 143,
}

/// <summary>Thrown by whatever ends a program early. <c>side</c> is the relay's: "input" or "output".</summary>
[SuppressMessage("Design", "CA1032", Justification = "No other constructor makes sense for it.")]
[SuppressMessage("Design", "CA1064", Justification = "A program has no public types.")]
internal sealed class Outcome(ExitCode code, string message = "", string? side = null) : Exception(message)
{
    public ExitCode Code { get; } = code;

    public string? Side { get; } = side;

    /// <summary>The status of the report: the code's name as the table writes it.</summary>
    public static string Name(ExitCode code) => code switch
    {
        ExitCode.Ok => "ok",
        ExitCode.Failed => "failed",
        ExitCode.Usage => "usage",
        ExitCode.NotFound => "not_found",
        ExitCode.InUse => "in_use",
        ExitCode.Timeout => "timeout",
        ExitCode.PeerDead => "peer_dead",
        ExitCode.Refused => "refused",
        ExitCode.ShortFrame => "short_frame",
        ExitCode.Unread => "unread",
        ExitCode.NoSpace => "no_space",
        ExitCode.ClosedEarly => "closed_early",
        ExitCode.LostFrames => "lost_frames",
        ExitCode.VerificationFailed => "verification_failed",
        ExitCode.Corrupt => "corrupt",
        ExitCode.RemoteError => "remote_error",
        ExitCode.Interrupted => "interrupted",
        ExitCode.Terminated => "terminated",
        _ => throw new ArgumentOutOfRangeException(nameof(code)),
    };

    /// <summary>From an exception of the package. An interrupted wait becomes the signal that came.</summary>
    public static Outcome Of(Exception error, string buffer, string? side = null) => error switch
    {
        Outcome outcome => outcome,
        InterruptedWaitException => new Outcome(StopSignals.ExitCode, "", side),
        ZeroBufferException known => new Outcome(CodeOf(known.Status), $"{buffer}: {known.Message}", side),
        TimeoutException => TimedOut(buffer, side),
        ArgumentException wrong => new Outcome(ExitCode.Usage, $"{buffer}: {wrong.Message}", side),
        _ => new Outcome(ExitCode.Failed, $"{buffer}: {error.Message}", side),
    };

    public static Outcome TimedOut(string buffer, string? side = null) =>
        new(ExitCode.Timeout, $"{buffer}: nothing came in time", side);

    // `closed` is that of a writer: programs that read look at it themselves.
    private static ExitCode CodeOf(Status status) => status switch
    {
        Status.Closed => ExitCode.Unread,
        Status.PeerDead => ExitCode.PeerDead,
        Status.InvalidArgument => ExitCode.Usage,
        Status.NotFound or Status.NothingToResume => ExitCode.NotFound,
        Status.AlreadyExists or Status.WriterExists or Status.TooManyReaders => ExitCode.InUse,
        Status.MetadataExists or Status.MetadataInUse or Status.LanesBusy => ExitCode.InUse,
        Status.Incompatible or Status.PermissionDenied => ExitCode.Refused,
        Status.Corrupt or Status.Evicted => ExitCode.Corrupt,
        Status.NoSpace or Status.FrameTooLarge or Status.MetadataTooLarge => ExitCode.NoSpace,
        Status.RemoteError => ExitCode.RemoteError,
        _ => ExitCode.Failed,
    };
}
