// What stands behind a Response: the native answer, and who holds it. Used again and again.
using System;
using System.Collections.Generic;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

internal sealed unsafe class HeldResponse(LentPool<HeldResponse> pool) : ILent, IHeldBytes
{
    private readonly Stack<FrameMemoryManager> _managers = new();
    private HoldCount _hold;
    private NativeResponse _native;
    private ulong _version;

    internal Lent Lent => pool.Lent;

    public bool IsOut => _hold.IsAnyHeld;

    internal static LentPool<HeldResponse> PoolOf(Lent lent) => new(lent, static pool => new HeldResponse(pool));

    internal static Response Hold(LentPool<HeldResponse> pool, in NativeResponse native)
    {
        HeldResponse held = pool.Rent();
        held._native = native;
        ulong key = HoldCount.KeyOf(++held._version);
        held._hold.Begin(key);
        return new Response(held, key);
    }

    internal bool IsHeld(ulong key) => _hold.IsHeld(key);

    // Each getter reads first and checks then: what it read belongs to this answer if that was held afterwards.

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Bytes(ulong key, out nuint size)
    {
        nint data = Volatile.Read(ref _native.Data);
        size = Volatile.Read(ref _native.Size);
        Check(key);
        return (byte*)data;
    }

    internal ulong Sequence(ulong key)
    {
        ulong sequence = Volatile.Read(ref _native.Sequence);
        Check(key);
        return sequence;
    }

    internal ushort Type(ulong key)
    {
        ushort type = Volatile.Read(ref _native.Type);
        Check(key);
        return type;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Release(ulong key)
    {
        if (_hold.Release(key))
        {
            GiveBack();
        }
    }

    internal FrameMemory AsMemory(ulong key)
    {
        if (!_hold.TryAdd(key))
        {
            ThrowReleased();
        }
        FrameMemoryManager? manager;
        lock (_managers)
        {
            if (!_managers.TryPop(out manager))
            {
                manager = new FrameMemoryManager(this);
            }
        }
        return manager.Begin(key, 0);
    }

    public byte* BytesOfHeld(uint index, out nuint size)
    {
        size = _native.Size;
        return (byte*)_native.Data;
    }

    public bool TryAddHolderBesideAnother(ulong key, uint index) => _hold.TryAddBesideAnother(key);

    public void RemoveHolder(uint index)
    {
        if (_hold.Remove())
        {
            GiveBack();
        }
    }

    public void ReturnManager(FrameMemoryManager manager)
    {
        lock (_managers)
        {
            _managers.Push(manager);
        }
    }

    public void GiveBackForgotten()
    {
        if (_hold.ReleaseAll())
        {
            GiveBack();
        }
    }

    [DoesNotReturn]
    internal static void ThrowReleased() => throw new ObjectDisposedException(
        nameof(Response),
        "this answer was given back (Dispose, of it or of a copy), and its room may be in use again. Use the bytes before that, copy "
        + "them, or keep them with AsMemory().");

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Check(ulong key)
    {
        if (!_hold.IsHeld(key))
        {
            ThrowReleased();
        }
    }

    // _hold was ended by the caller, and nobody else uses this until it is back in the pool.
    private void GiveBack()
    {
        NativeResponse native = _native;
        Native.zb_response_release(&native);
        pool.Return(this);
    }
}
