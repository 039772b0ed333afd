// What stands behind a RequestClaim: the native room, and whose turn it is. Used again and again.
using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

internal sealed unsafe class HeldOutgoing(DuplexClient client, LentPool<HeldOutgoing> pool) : ILent
{
    private SoleUse _use;
    private NativeOutgoing _native;

    internal DuplexClient Client => client;

    public bool IsOut => _use.IsOut;

    internal RequestClaim Hold(in NativeOutgoing native)
    {
        _native = native;
        return new RequestClaim(this, _use.HandOut());
    }

    internal bool IsHeld(ulong key) => _use.IsHeld(key);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Bytes(ulong key, out nuint size)
    {
        nint data = Volatile.Read(ref _native.Data);
        size = Volatile.Read(ref _native.Size);
        if (!_use.IsHeld(key))
        {
            ThrowOver();
        }
        return (byte*)data;
    }

    /// <summary>To send it: a copy, which the library changes; <see cref="End"/> comes next.</summary>
    internal NativeOutgoing Begin(ulong key, long length)
    {
        if (!_use.TryBegin(key, nameof(RequestClaim)))
        {
            ThrowOver();
        }
        nuint size = _native.Size;
        if ((ulong)length > size)
        {
            End(key, _native);
            throw new ArgumentOutOfRangeException(nameof(length), length, $"the claim has {size} bytes; it stays open");
        }
        return _native;
    }

    /// <summary>It was sent, or stays, unless it was disposed meanwhile.</summary>
    internal void End(ulong key, in NativeOutgoing after)
    {
        if (after.Owner == 0)
        {
            Over();
            return;
        }
        if (!_use.TryKeep(key))
        {
            DiscardInside();
        }
    }

    internal void Discard(ulong key)
    {
        if (_use.TryBeginEnd(key))
        {
            DiscardInside();
        }
    }

    public void GiveBackForgotten()
    {
        if (_use.TakeForgotten())
        {
            DiscardInside();
        }
    }

    [DoesNotReturn]
    internal static void ThrowOver() => throw new ObjectDisposedException(
        nameof(RequestClaim), "this claim was sent or discarded. Claim again.");

    private void DiscardInside()
    {
        NativeOutgoing native = _native;
        Native.zb_outgoing_discard(&native);
        Over();
    }

    private void Over()
    {
        _use.End();
        pool.Return(this);
    }
}
