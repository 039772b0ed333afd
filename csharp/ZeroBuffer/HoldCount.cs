// Who still holds some lent bytes: the value that was handed out, with all its copies, and memories and pins of it. One word;
// any thread; no locks. Knows nothing of the bytes.
using System;
using System.Runtime.CompilerServices;
using System.Threading;

namespace ZeroBuffer;

/// <summary>A field of who lends; never copied.</summary>
internal struct HoldCount
{
    // Version (47 bits), whether the value itself holds (1 bit), and how many memories and pins do (16 bits). The value knows the
    // version together with that bit: its key. 0: nobody holds anything.
    private const ulong Holders = 0xFFFF;
    private const ulong ValueHolds = 0x10000;
    private const int VersionShift = 17;

    private ulong _state;

    internal readonly bool IsAnyHeld => Volatile.Read(in _state) != 0;

    internal static ulong KeyOf(ulong version) => (version << VersionShift) | ValueHolds;

    internal static ulong VersionOf(ulong key) => key >> VersionShift;

    /// <summary>Handed out. What can be read with the key was written before.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Begin(ulong key) => Volatile.Write(ref _state, key);

    /// <summary>Whether the value of this key was not released.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal readonly bool IsHeld(ulong key) => (Volatile.Read(in _state) & ~Holders) == key;

    /// <summary>The value holds no longer. True for who must give the bytes back.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool Release(ulong key) => Interlocked.CompareExchange(ref _state, 0, key) == key || ReleaseShared(key);

    /// <summary>As <see cref="Release"/>, but only where no memory and no pin holds beside it.</summary>
    internal bool TryReleaseAlone(ulong key) => Interlocked.CompareExchange(ref _state, 0, key) == key;

    /// <summary>One holder more. False where the value was released before.</summary>
    internal bool TryAdd(ulong key)
    {
        for (ulong state = Volatile.Read(ref _state); (state & ~Holders) == key;)
        {
            ulong seen = Interlocked.CompareExchange(ref _state, Counted(state), state);
            if (seen == state)
            {
                return true;
            }
            state = seen;
        }
        return false;
    }

    /// <summary>One more beside any that there is, also where the value itself was released. False where nobody holds.</summary>
    internal bool TryAddBesideAnother(ulong key)
    {
        for (ulong state = Volatile.Read(ref _state); state >> VersionShift == key >> VersionShift;)
        {
            ulong seen = Interlocked.CompareExchange(ref _state, Counted(state), state);
            if (seen == state)
            {
                return true;
            }
            state = seen;
        }
        return false;
    }

    /// <summary>One holder less. True for who must give the bytes back.</summary>
    internal bool Remove()
    {
        for (ulong state = Volatile.Read(ref _state); ;)
        {
            bool last = (state & (Holders | ValueHolds)) == 1;
            ulong seen = Interlocked.CompareExchange(ref _state, last ? 0 : state - 1, state);
            if (seen == state)
            {
                return last;
            }
            state = seen;
        }
    }

    /// <summary>Whoever holds: no longer. True where somebody did, and the bytes must be given back.</summary>
    internal bool ReleaseAll() => Interlocked.Exchange(ref _state, 0) != 0;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private bool ReleaseShared(ulong key)
    {
        for (ulong state = Volatile.Read(ref _state); (state & ~Holders) == key;)
        {
            bool last = (state & Holders) == 0;
            ulong seen = Interlocked.CompareExchange(ref _state, last ? 0 : state & ~ValueHolds, state);
            if (seen == state)
            {
                return last;
            }
            state = seen;
        }
        return false;
    }

    private static ulong Counted(ulong state) => (state & Holders) != Holders
        ? state + 1
        : throw new InvalidOperationException($"there are at most {Holders} memories and pins of it at the same time");
}
