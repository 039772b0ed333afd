// The native handles of a reader and of a writer: closed exactly once, never while a call is inside.
using System;
using System.Runtime.InteropServices;

namespace ZeroBuffer.Interop;

internal sealed class ReaderHandle : SafeHandle
{
    internal ReaderHandle(nint reader)
        : base(0, ownsHandle: true) => SetHandle(reader);

    public override bool IsInvalid => handle == 0;

    /// <summary>What the reader handed out; set once, before the first frame.</summary>
    internal FrameTable? Frames { private get; set; }

    protected override bool ReleaseHandle()
    {
        Frames?.ReleaseForgotten(handle);
        Native.zb_reader_close(handle);
        return true;
    }
}

internal sealed unsafe class WriterHandle : SafeHandle
{
    internal WriterHandle(nint writer)
        : base(0, ownsHandle: true) => SetHandle(writer);

    public override bool IsInvalid => handle == 0;

    /// <summary>After the close: how many committed frames nobody will read.</summary>
    internal ulong Unread { get; private set; }

    protected override bool ReleaseHandle()
    {
        ulong unread = 0;
        _ = Native.zb_writer_close(handle, 0, &unread);
        Unread = unread;
        return true;
    }
}

/// <summary>A handle that stays open while this is used, from any thread.</summary>
internal readonly ref struct HandleUse
{
    private readonly SafeHandle _handle;

    internal HandleUse(SafeHandle handle)
    {
        _handle = handle;
        bool referenced = false;
        if (handle.IsClosed)
        {
            return;
        }
        try
        {
            handle.DangerousAddRef(ref referenced);
        }
        catch (ObjectDisposedException)
        {
            // closed: Open says so
        }
        Open = referenced;
    }

    internal bool Open { get; }

    internal nint Handle => _handle.DangerousGetHandle();

    public void Dispose()
    {
        if (Open)
        {
            _handle.DangerousRelease();
        }
    }
}
