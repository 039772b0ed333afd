// One call at a time: who is inside an object, and how it is closed while somebody is. One interlocked operation per call.
// Knows nothing of what the calls do.
using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading;

namespace ZeroBuffer.Interop;

/// <summary>A field of a reader or writer; never copied.</summary>
internal struct CallGate
{
    private const int Free = 0;
    private const int Inside = 1;    // a thread, or an operation that waits for its callback
    private const int Finished = 2;  // an awaited operation whose result was not fetched yet: nobody is in native code
    private const int Closed = 3;    // for good

    private int _state;
    private volatile bool _closing;

    internal readonly bool Closing => _closing;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Enter(object owner)
    {
        if (_closing || Interlocked.CompareExchange(ref _state, Inside, Free) != Free)
        {
            Refuse(owner);
        }
    }

    /// <summary>For what a close does in our place: false where it is being closed, or is. Throws where somebody is inside.</summary>
    internal bool EnterUnlessClosing(object owner)
    {
        if (TryEnter())
        {
            return true;
        }
        if (!_closing)
        {
            ThrowInside(owner);
        }
        return false;
    }

    /// <summary>False where somebody is inside, or it is closed.</summary>
    internal bool TryEnter() => !_closing && Interlocked.CompareExchange(ref _state, Inside, Free) == Free;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Leave() => Volatile.Write(ref _state, Free);

    /// <summary>The operation is over; its owner has still to fetch what came of it.</summary>
    internal void Finish() => Volatile.Write(ref _state, Finished);

    /// <summary>What came of it was fetched.</summary>
    internal void LeaveFinished() => Interlocked.CompareExchange(ref _state, Free, Finished);

    /// <summary>In again, to go on with what came of it. False where it was closed meanwhile.</summary>
    internal bool TryReenter() => Interlocked.CompareExchange(ref _state, Inside, Finished) == Finished;

    /// <summary>From here on nobody else comes in.</summary>
    internal void BeginClose()
    {
        _closing = true;
        Interlocked.MemoryBarrier();
    }

    /// <summary>True once, for who may close, when nobody is inside.</summary>
    internal bool TryClose() =>
        Interlocked.CompareExchange(ref _state, Closed, Free) == Free
        || Interlocked.CompareExchange(ref _state, Closed, Finished) == Finished;

    internal readonly bool IsClosed => Volatile.Read(in _state) == Closed;

    [DoesNotReturn]
    private readonly void Refuse(object owner)
    {
        ObjectDisposedException.ThrowIf(_closing, owner);
        ThrowInside(owner);
    }

    [DoesNotReturn]
    private static void ThrowInside(object owner)
    {
        string name = owner.GetType().Name;
        throw new ConcurrentUseException(
            $"another thread is inside a call of this {name}, or an asynchronous call of it was not awaited to its end; "
            + $"one at a time uses a {name}");
    }
}
