// What stands behind a Request: the native request, and whose turn it is. Used again and again.
using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Text;
using System.Threading;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

internal sealed unsafe class HeldRequest(LentPool<HeldRequest> pool) : ILent
{
    private const int ShortText = 256; // bytes

    private SoleUse _use;
    private NativeRequest _native;

    internal Lent Lent => pool.Lent;

    public bool IsOut => _use.IsOut;

    internal static LentPool<HeldRequest> PoolOf(Lent lent) => new(lent, static pool => new HeldRequest(pool));

    internal static Request Hold(LentPool<HeldRequest> pool, in NativeRequest native)
    {
        HeldRequest held = pool.Rent();
        held._native = native;
        return new Request(held, held._use.HandOut());
    }

    internal bool IsHeld(ulong key) => _use.IsHeld(key);

    // Each getter reads first and checks then: what it read belongs to this request if that was not answered afterwards.

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal byte* Bytes(ulong key, out nuint size, out bool inPlace)
    {
        nint data = Volatile.Read(ref _native.Data);
        size = Volatile.Read(ref _native.Size);
        inPlace = Volatile.Read(ref _native.Bytes) != 0;
        Check(key);
        return (byte*)data;
    }

    internal NativeRequest Fields(ulong key)
    {
        NativeRequest fields = _native;
        Thread.MemoryBarrier();
        Check(key);
        return fields;
    }

    internal void* Claim(ulong key, nuint size)
    {
        NativeRequest native = Begin(key);
        void* room = null;
        int status = Native.zb_request_claim(&native, size, &room);
        KeepOrEnd(key, native, status);
        return room;
    }

    internal void Respond(ulong key, nuint length, ushort type)
    {
        NativeRequest native = Begin(key);
        int status = Native.zb_request_respond(&native, length, type);
        KeepOrEnd(key, native, status);
    }

    internal void Write(ulong key, ReadOnlySpan<byte> answer, ushort type)
    {
        NativeRequest native = Begin(key);
        int status;
        fixed (byte* bytes = answer)
        {
            status = Native.zb_request_write(&native, bytes, (nuint)answer.Length, type);
        }
        KeepOrEnd(key, native, status);
    }

    internal void Fail(ulong key, string text)
    {
        _ = Begin(key);
        FailInside(text);
    }

    /// <summary>As <see cref="Fail"/>; nothing where it was answered, and later where another thread is at it.</summary>
    internal void FailUnlessAnswered(ulong key, string text)
    {
        if (_use.TryBeginEnd(key))
        {
            FailInside(text);
        }
    }

    internal void Finish(ulong key)
    {
        if (_use.TryBeginEnd(key))
        {
            FinishInside();
        }
    }

    public void GiveBackForgotten()
    {
        if (_use.TakeForgotten())
        {
            FinishInside();
        }
    }

    [DoesNotReturn]
    internal static void ThrowAnswered() => throw new ObjectDisposedException(
        nameof(Request), "this request was answered (or disposed, which answers it); every request is answered once");

    private void FailInside(string text)
    {
        int size = Encoding.UTF8.GetMaxByteCount(text.Length) + 1;
        Span<byte> bytes = size <= ShortText ? stackalloc byte[ShortText] : new byte[size];
        bytes[Encoding.UTF8.GetBytes(text, bytes)] = 0;
        NativeRequest native = _native;
        fixed (byte* first = bytes)
        {
            Native.zb_request_fail(&native, first);
        }
        End();
    }

    private void FinishInside()
    {
        NativeRequest native = _native;
        Native.zb_request_finish(&native);
        End();
    }

    // What others may read meanwhile stays as it is: the library works with a copy.
    private NativeRequest Begin(ulong key)
    {
        if (!_use.TryBegin(key, nameof(Request)))
        {
            ThrowAnswered();
        }
        return _native;
    }

    private void KeepOrEnd(ulong key, in NativeRequest after, int status)
    {
        Exception? failure = status == (int)Status.Ok ? null : Failure.Of(status, nameof(Request));
        if (after.Owner == 0)
        {
            End();
        }
        else
        {
            _native = after;
            if (!_use.TryKeep(key))
            {
                FinishInside(); // disposed meanwhile by another thread
            }
        }
        if (failure is not null)
        {
            throw failure;
        }
    }

    private void End()
    {
        _use.End();
        pool.Return(this);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private void Check(ulong key)
    {
        if (!_use.IsHeld(key))
        {
            ThrowAnswered();
        }
    }
}
