// What an answer says as an array.
using System;

namespace ZeroBuffer;

public readonly unsafe partial struct Response
{
    /// <summary>The answer as an array in shared memory: a view, never a copy.</summary>
    /// <returns>What the descriptor of an array (type 2) says; else the bytes, in one dimension.</returns>
    /// <exception cref="ObjectDisposedException">The answer was disposed.</exception>
    /// <exception cref="CorruptException">The descriptor at its end is impossible.</exception>
    /// <remarks>Valid until the answer is disposed, which nothing checks. Allocates nothing while the format stays the same.</remarks>
    public ArrayView AsArray()
    {
        HeldResponse held = Held;
        ushort type = held.Type(_key);
        byte* data = held.Bytes(_key, out nuint size);
        return CalledArray.View(data, size, type, held.Lent);
    }
}
