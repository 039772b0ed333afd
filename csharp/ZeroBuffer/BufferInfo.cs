// What a buffer really is: zb_buffer_info of zerobuffer.h.
using ZeroBuffer.Interop;

namespace ZeroBuffer;

/// <summary>What a buffer really is. A plain copy.</summary>
public readonly record struct BufferInfo
{
    internal BufferInfo(in NativeBufferInfo native)
    {
        SegmentSize = (long)native.SegmentSize;
        Capacity = (long)native.Capacity;
        MaxFrameSize = (long)native.MaxFrameSize;
        MetadataSize = (long)native.MetadataSize;
        HugeBytes = (long)native.HugeBytes;
        MaxReaders = (int)native.MaxReaders;
        Created = native.Created != 0;
        ShareSlots = (int)native.ShareSlots;
    }

    /// <summary>Bytes of shared memory.</summary>
    public long SegmentSize { get; init; }

    /// <summary>Bytes of ring; a frame takes its size + 32, rounded up to 64.</summary>
    public long Capacity { get; init; }

    /// <summary>Bytes of the largest frame that fits.</summary>
    public long MaxFrameSize { get; init; }

    /// <summary>Bytes of the metadata block.</summary>
    public long MetadataSize { get; init; }

    /// <summary>Bytes of this mapping in huge pages when it was asked for.</summary>
    public long HugeBytes { get; init; }

    /// <summary>How many readers may be attached.</summary>
    public int MaxReaders { get; init; }

    /// <summary>Whether this end made the buffer.</summary>
    public bool Created { get; init; }

    /// <summary>How many readers of other buffers can look at frames of this one without copying them; 0: frames are not shared.</summary>
    public int ShareSlots { get; init; }
}
