// Whose turn a lent thing is: it was handed out once, all copies of the value mean the same, one thread at a time works with it,
// and it ends once. One word. Knows nothing of what the thing is.
using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading;

namespace ZeroBuffer;

/// <summary>A field of who lends; never copied.</summary>
internal struct SoleUse
{
    private const ulong Busy = 1;     // a thread works with it
    private const ulong EndAfter = 2; // it was disposed meanwhile: who works with it ends it
    private const int VersionShift = 2;

    private ulong _state; // 0: not out
    private ulong _version;

    internal readonly bool IsOut => Volatile.Read(in _state) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly bool IsHeld(ulong key) => (Volatile.Read(in _state) & ~(Busy | EndAfter)) == key;

    /// <summary>Handed out: the key of it. What can be read with it was written before.</summary>
    internal ulong HandOut()
    {
        ulong key = ++_version << VersionShift;
        Volatile.Write(ref _state, key);
        return key;
    }

    /// <summary>To work with it; false where it is over.</summary>
    /// <exception cref="ConcurrentUseException">Another thread does.</exception>
    internal bool TryBegin(ulong key, string what)
    {
        ulong seen = Interlocked.CompareExchange(ref _state, key | Busy, key);
        if (seen == key)
        {
            return true;
        }
        if ((seen & ~(Busy | EndAfter)) == key)
        {
            ThrowBusy(what);
        }
        return false;
    }

    /// <summary>To end it: true where that is the caller's business, who works with it from here on.</summary>
    internal bool TryBeginEnd(ulong key)
    {
        for (ulong state = Volatile.Read(ref _state); (state & ~(Busy | EndAfter)) == key;)
        {
            ulong seen = Interlocked.CompareExchange(ref _state, (state & Busy) != 0 ? state | EndAfter : state | Busy, state);
            if (seen == state)
            {
                return (state & Busy) == 0;
            }
            state = seen;
        }
        return false;
    }

    /// <summary>The work is done and the thing stays out. False where it was disposed meanwhile: the caller ends it now.</summary>
    internal bool TryKeep(ulong key) => Interlocked.CompareExchange(ref _state, key, key | Busy) == (key | Busy);

    /// <summary>It is over, for who works with it.</summary>
    internal void End() => Volatile.Write(ref _state, 0);

    /// <summary>Whoever has it, cannot name it any more. True where it was out.</summary>
    internal bool TakeForgotten() => Interlocked.Exchange(ref _state, 0) != 0;

    [DoesNotReturn]
    private static void ThrowBusy(string what) =>
        throw new ConcurrentUseException($"another thread works with this {what} just now; one at a time does");
}
