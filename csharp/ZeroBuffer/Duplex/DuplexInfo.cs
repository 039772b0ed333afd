// What a channel for calls really is, and the counters of one end: zb_duplex_info and zb_duplex_stats of zerobuffer.h.
using ZeroBuffer.Interop;

namespace ZeroBuffer;

/// <summary>What a channel for calls really is. A plain copy.</summary>
public readonly record struct DuplexInfo
{
    internal DuplexInfo(in NativeDuplexInfo native)
    {
        SegmentSize = (long)native.SegmentSize;
        MaxRequestSize = (long)native.MaxRequestSize;
        MaxResponseSize = (long)native.MaxResponseSize;
        MaxCallbackSize = (long)native.MaxCallbackSize;
        Lanes = (int)native.Lanes;
        InPlace = native.InPlace != 0;
        Created = native.Created != 0;
    }

    /// <summary>Bytes of shared memory.</summary>
    public long SegmentSize { get; init; }

    /// <summary>Bytes of the largest request that fits.</summary>
    public long MaxRequestSize { get; init; }

    /// <summary>Bytes of the largest answer that fits; in place, of a call that reserved as much.</summary>
    public long MaxResponseSize { get; init; }

    /// <summary>Bytes of the largest call of the server; 0: it cannot call.</summary>
    public long MaxCallbackSize { get; init; }

    /// <summary>Calls that can run at the same time, of all clients together.</summary>
    public int Lanes { get; init; }

    /// <summary>Whether answers lie where their requests lie (<see cref="MutableDuplexServer"/>).</summary>
    public bool InPlace { get; init; }

    /// <summary>Whether this end made the channel.</summary>
    public bool Created { get; init; }
}

/// <summary>Counters of a client or server, at one moment; all begin at 0 with it. A plain copy.</summary>
public readonly record struct DuplexStats
{
    internal DuplexStats(in NativeDuplexStats native)
    {
        Requests = (long)native.Requests;
        Answers = (long)native.Answers;
        Errors = (long)native.Errors;
        Late = (long)native.Late;
        CopiedBytes = (long)native.CopiedBytes;
        Callbacks = (long)native.Callbacks;
        Sleeps = (long)native.Sleeps;
        Wakes = (long)native.Wakes;
        Lanes = (int)native.Lanes;
    }

    /// <summary>Client: requests sent. Server: requests taken.</summary>
    public long Requests { get; init; }
    /// <summary>Client: answers handed out. Server: answers given, errors included.</summary>
    public long Answers { get; init; }
    /// <summary>… of which errors.</summary>
    public long Errors { get; init; }
    /// <summary>Client: answers to calls that nobody waited for any more.</summary>
    public long Late { get; init; }
    /// <summary>Payload bytes that this end copied into or out of the channel.</summary>
    public long CopiedBytes { get; init; }
    /// <summary>Client: calls of the server taken. Server: calls and notices sent.</summary>
    public long Callbacks { get; init; }
    /// <summary>Futex waits.</summary>
    public long Sleeps { get; init; }
    /// <summary>Futex wakes.</summary>
    public long Wakes { get; init; }
    /// <summary>Client: lanes taken. Server: lanes that were ever used.</summary>
    public int Lanes { get; init; }
}
