// How many threads are inside an object that any number of them may use at the same time, and how it is closed while they are.
// Knows nothing of what they do.
using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading;

namespace ZeroBuffer.Interop;

/// <summary>A field of a client or server; never copied.</summary>
internal struct UseCount
{
    private int _inside;
    private int _closing;

    internal readonly bool Closing => Volatile.Read(in _closing) != 0;

    /// <summary>Nobody is inside; after <see cref="BeginClose"/> that stays so.</summary>
    internal readonly bool IsEmpty => Volatile.Read(in _inside) == 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Enter(object owner)
    {
        if (!TryEnter())
        {
            ThrowClosed(owner);
        }
    }

    /// <summary>False where it is being closed, or is.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal bool TryEnter()
    {
        Interlocked.Increment(ref _inside); // before the look; pairs with the exchange in BeginClose()
        if (!Closing)
        {
            return true;
        }
        Interlocked.Decrement(ref _inside);
        return false;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Leave() => Interlocked.Decrement(ref _inside);

    /// <summary>From here on nobody else comes in. True once.</summary>
    internal bool BeginClose() => Interlocked.Exchange(ref _closing, 1) == 0;

    [DoesNotReturn]
    private static void ThrowClosed(object owner)
    {
        string name = owner.GetType().Name;
        throw new ObjectDisposedException(name, $"the {name} was disposed");
    }
}
