// Requests and answers that are arrays.
using System;

namespace ZeroBuffer;

public readonly unsafe partial struct Request
{
    /// <summary>The request as an array in shared memory: a view, never a copy.</summary>
    /// <returns>What the descriptor of an array (type 2) says; else the bytes, in one dimension.</returns>
    /// <exception cref="ObjectDisposedException">It was answered.</exception>
    /// <exception cref="CorruptException">The descriptor at its end is impossible.</exception>
    /// <remarks>Valid until the request is answered, which nothing checks. Allocates nothing while the format stays the same.</remarks>
    public ArrayView AsArray()
    {
        HeldRequest held = Held;
        ushort type = held.Fields(_key).Type;
        byte* data = held.Bytes(_key, out nuint size, out _);
        return CalledArray.View(data, size, type, held.Lent);
    }

    /// <summary>The elements of the array, to be changed where they lie: the array that is the answer. Only where <see cref="InPlace"/>.</summary>
    /// <typeparam name="T">The type that <see cref="ElementTypes.Of{T}"/> has for the array's elements.</typeparam>
    /// <exception cref="InvalidOperationException">
    /// The server answers with new data; the request is no array; or the elements are no <typeparamref name="T"/>, of the other byte
    /// order, or more than a span can hold.
    /// </exception>
    /// <exception cref="ObjectDisposedException">It was answered.</exception>
    /// <exception cref="CorruptException">The descriptor at its end is impossible.</exception>
    /// <example><code>
    /// server.Start(request =&gt;
    /// {
    ///     foreach (ref float value in request.ArrayElements&lt;float&gt;())
    ///     {
    ///         value *= 2;
    ///     }
    /// });
    /// </code></example>
    public Span<T> ArrayElements<T>()
        where T : unmanaged
    {
        HeldRequest held = Held;
        ushort type = held.Fields(_key).Type;
        byte* data = held.Bytes(_key, out nuint size, out bool inPlace);
        if (!inPlace)
        {
            ThrowNotInPlace();
        }
        return CalledArray.Elements<T>(data, size, type, held.Lent);
    }

    /// <summary>Answers with a copy of an array (type 2), with its shape and element type. Throws as <see cref="Claim"/>.</summary>
    /// <typeparam name="T">See <see cref="ElementTypes.Of{T}"/>.</typeparam>
    /// <param name="data">All elements, in the order that <paramref name="order"/> says; in place they may be a part of the request.</param>
    /// <param name="shape">Its dimensions, at most 32.</param>
    /// <param name="order">Which index is the fastest in <paramref name="data"/>.</param>
    /// <exception cref="InvalidArgumentException">The shape is impossible, or is not that of <paramref name="data"/>.</exception>
    /// <remarks>Allocates nothing while the format stays the same.</remarks>
    public void WriteArray<T>(ReadOnlySpan<T> data, ReadOnlySpan<long> shape, ArrayOrder order = ArrayOrder.C)
        where T : unmanaged
    {
        ArrayFormat format = CalledArray.FormatOf(data, shape, order, Held.Lent);
        Span<byte> room = Claim(CalledArray.SizeOf(format));
        CalledArray.Fill(room, data, format);
        Respond(room.Length, ArrayDescriptor.FrameType);
    }
}
