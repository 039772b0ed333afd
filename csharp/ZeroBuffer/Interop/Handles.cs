// The native handles of readers, writers, clients, servers and shared writers: closed exactly
// once, never while a call is inside.
using System;
using System.Runtime.InteropServices;
using System.Threading;

namespace ZeroBuffer.Interop;

internal abstract class ClosableHandle : SafeHandle
{
    private volatile bool _released;

    private protected ClosableHandle(nint native)
        : base(0, ownsHandle: true) => SetHandle(native);

    public sealed override bool IsInvalid => handle == 0;

    /// <summary>
    /// Closes, and returns when it is closed: a thread that asks for the counters just now keeps it open for a moment, and closes
    /// it in our place.
    /// </summary>
    internal void CloseAndWait()
    {
        Dispose();
        for (var spin = new SpinWait(); !_released;)
        {
            spin.SpinOnce();
        }
    }

    protected sealed override bool ReleaseHandle()
    {
        Release();
        _released = true;
        return true;
    }

    private protected abstract void Release();
}

internal sealed class ReaderHandle(nint reader) : ClosableHandle(reader)
{
    /// <summary>What the reader handed out; set once, before the first frame.</summary>
    internal FrameTable? Frames { private get; set; }

    private protected override void Release()
    {
        Frames?.ReleaseForgotten(handle);
        Native.zb_reader_close(handle);
    }
}

internal sealed unsafe class WriterHandle(nint writer) : ClosableHandle(writer)
{
    /// <summary>After the close: how many committed frames nobody will read.</summary>
    internal ulong Unread { get; private set; }

    private protected override void Release()
    {
        ulong unread = 0;
        _ = Native.zb_writer_close(handle, 0, &unread);
        Unread = unread;
    }
}

internal sealed unsafe class SharedWriterHandle(nint shared) : ClosableHandle(shared)
{
    /// <summary>Before the close: how long to wait for the readers of the output.</summary>
    internal long LingerNs { get; set; }

    /// <summary>After the close: what it answered, and how many frames were given back too early.</summary>
    internal int Status { get; private set; }

    /// <inheritdoc cref="Status"/>
    internal ulong GivenUp { get; private set; }

    private protected override void Release()
    {
        ulong givenUp = 0;
        Status = Native.zb_shared_writer_close(handle, LingerNs, &givenUp);
        GivenUp = givenUp;
    }
}

internal sealed class ClientHandle(nint client) : ClosableHandle(client)
{
    /// <summary>What the client has lent; set once, before the first call.</summary>
    internal Lent? Lent { private get; set; }

    private protected override void Release()
    {
        Lent?.ReleaseForgotten(Native.zb_client_mapping, handle);
        Native.zb_client_close(handle);
    }
}

internal sealed class ServerHandle(nint server) : ClosableHandle(server)
{
    /// <summary>What the server has lent; set once, before the first request.</summary>
    internal Lent? Lent { private get; set; }

    private protected override void Release()
    {
        Lent?.ReleaseForgotten(Native.zb_server_mapping, handle);
        Native.zb_server_close(handle);
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
