// The structs of zerobuffer.h for calls, field by field. Nothing but layout.
using System.Runtime.InteropServices;

namespace ZeroBuffer.Interop;

[StructLayout(LayoutKind.Sequential)]
internal struct NativeDuplexConfig
{
    public nuint StructSize;
    public ulong RequestSize;
    public ulong ResponseSize;
    public ulong CallbackSize;
    public uint Lanes;
    public byte HugePages;
    public byte ExistOk;
    public byte PreTouch;
    public byte LockInMemory;
    public uint ClientLanes;
    public uint Wait;
    public uint SpinPauses;
    public uint MaxHeld;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeDuplexInfo
{
    public nuint StructSize;
    public ulong SegmentSize;
    public ulong MaxRequestSize;
    public ulong MaxResponseSize;
    public ulong MaxCallbackSize;
    public uint Lanes;
    public byte InPlace;
    public byte Created;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeDuplexStats
{
    public nuint StructSize;
    public ulong Requests;
    public ulong Answers;
    public ulong Errors;
    public ulong Late;
    public ulong CopiedBytes;
    public ulong Callbacks;
    public ulong Sleeps;
    public ulong Wakes;
    public uint Lanes;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeRequestInfo
{
    public nuint StructSize;
    public ulong Tag;
    public ulong ResponseCapacity;
    public ushort Type;

    internal static unsafe NativeRequestInfo Of(ushort type, ulong tag, long responseCapacity) => new()
    {
        StructSize = (nuint)sizeof(NativeRequestInfo),
        Type = type,
        Tag = tag,
        ResponseCapacity = (ulong)responseCapacity,
    };
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeResponse
{
    public nint Owner;
    public nint Data;
    public nuint Size;
    public ulong Sequence;
    public uint Slot;
    public ushort Type;
    public ushort Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeReceived
{
    public nuint Size;
    public ulong Sequence;
    public ushort Type;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeCall
{
    public nint Owner;
    public ulong Sequence;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeOutgoing
{
    public nint Owner;
    public nint Data;
    public nuint Size;
    public uint Pipelined;
    public uint Reserved;
}

[StructLayout(LayoutKind.Sequential)]
internal struct NativeRequest
{
    public nint Owner;
    public nint Data;
    public nuint Size;
    public nint Bytes;
    public nuint Room;
    public ulong Sequence;
    public ulong Tag;
    public ulong Client;
    public ulong Ticket;
    public uint Slot;
    public ushort Type;
    public ushort Reserved;
}
