// The structs of zerobuffer.h, field by field. Nothing but layout.
using System;
using System.Runtime.InteropServices;

namespace ZeroBuffer.Interop;

[StructLayout(LayoutKind.Sequential)]
internal struct NativeFailure
{
    public nuint StructSize;
    public int Status;
    public int OsError;
    public ulong First;
    public ulong Second;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeBufferConfig
{
    public nuint StructSize;
    public ulong PayloadSize;
    public ulong MetadataSize;
    public uint MaxReaders;
    public byte HugePages;
    public byte ExistOk;
    public byte PreTouch;
    public byte LockInMemory;
    public uint Full;
    public uint Wait;
    public uint SpinPauses;
    public uint Join;
    public ulong BurstSize;
    public uint AcknowledgeFrames;
    public uint MaxHeld;
    public ulong AcknowledgeIntervalNs;
    public uint ShareSlots;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeBufferInfo
{
    public nuint StructSize;
    public ulong SegmentSize;
    public ulong Capacity;
    public ulong MaxFrameSize;
    public ulong MetadataSize;
    public ulong HugeBytes;
    public uint MaxReaders;
    public byte Created;
    public uint ShareSlots;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeFrame
{
    public nint Owner;
    public nint Data;
    public nuint Size;
    public ulong Sequence;
    public ulong Tag;
    public uint Slot;
    public ushort Type;
    public ushort Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeClaim
{
    public nint Owner;
    public nint Data;
    public nuint Size;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeReaderStats
{
    public nuint StructSize;
    public ulong Frames;
    public ulong Bytes;
    public ulong Lost;
    public ulong Skipped;
    public ulong Dropped;
    public ulong Sleeps;
    public ulong Barriers;
    public ulong Wakes;
    public ulong LivenessChecks;
    public ulong UnreadBytes;
    public uint Held;
    public ulong SharedFrames;
    public ulong SharedCopiedBytes;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeWriterStats
{
    public nuint StructSize;
    public ulong Frames;
    public ulong Bytes;
    public ulong Dropped;
    public ulong Wraps;
    public ulong EarlyRestarts;
    public ulong BlockedCount;
    public ulong BlockedNs;
    public ulong ReadersLost;
    public ulong Sleeps;
    public ulong Barriers;
    public ulong Wakes;
    public ulong LivenessChecks;
    public ulong UnreadBytes;
    public uint Readers;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeSharedWriterStats
{
    public nuint StructSize;
    public ulong SharedFrames;
    public ulong SharedBytes;
    public ulong CopiedFrames;
    public ulong CopiedBytes;
    public ulong GivenUp;
    public uint Kept;
}
