// An answer, as a value that is copied freely: what stands behind it, and which answer of it.
using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;

namespace ZeroBuffer;

/// <summary>The answer to a call: read-only bytes in the channel, seen in place.</summary>
/// <remarks>
/// <para>The answer is <em>held</em>, and its room not used again, until <see cref="Dispose"/>, once, of it or of any copy of this
/// struct. Disposing again, from any thread, does nothing. After that every member but <see cref="IsReleased"/> and
/// <see cref="Dispose"/> throws <see cref="ObjectDisposedException"/>. An answer stays valid after its client was disposed.</para>
/// <para>A span of an answer must not be used after it was disposed: as with every span over memory that has an owner, nothing
/// checks that. Allocates nothing, unless said otherwise. Any thread.</para>
/// </remarks>
/// <example><code>
/// using (Response answer = client.Call(request, TimeSpan.FromSeconds(1)))
/// {
///     Process(answer.Span);
/// }
/// </code></example>
[SuppressMessage("Naming", "CA1720:Identifier contains type name", Justification = "what it is")]
public readonly partial struct Response : IDisposable, IEquatable<Response>
{
    private readonly HeldResponse? _held;
    private readonly ulong _key;

    internal Response(HeldResponse held, ulong key)
    {
        _held = held;
        _key = key;
    }

    /// <summary>The bytes, 64-byte aligned, unchanged until the answer is disposed.</summary>
    /// <exception cref="ObjectDisposedException">The answer was disposed.</exception>
    /// <exception cref="InvalidOperationException">It has more than 2 GiB − 1 bytes, which no span can: use <see cref="Slice"/>.</exception>
    /// <remarks>Of a <see cref="MutableDuplexServer"/> they lie where the request was written.</remarks>
    public unsafe ReadOnlySpan<byte> Span
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            byte* data = Held.Bytes(_key, out nuint size);
            if (size > int.MaxValue)
            {
                ThrowTooLong(size);
            }
            return new ReadOnlySpan<byte>(data, (int)size);
        }
    }

    /// <summary>Bytes.</summary>
    /// <exception cref="ObjectDisposedException">The answer was disposed.</exception>
    public unsafe long Length
    {
        get
        {
            _ = Held.Bytes(_key, out nuint size);
            return (long)size;
        }
    }

    /// <summary>The request that this answers: what <see cref="DuplexClient.Send(ReadOnlySpan{byte}, ushort, ulong, long)"/> gave.</summary>
    /// <exception cref="ObjectDisposedException">The answer was disposed.</exception>
    public ulong Sequence => Held.Sequence(_key);

    /// <summary>0 normal, 2 an array (docs/arrays.md), 1-127 reserved, from 128 the application's.</summary>
    /// <exception cref="ObjectDisposedException">The answer was disposed.</exception>
    public ushort Type => Held.Type(_key);

    /// <summary>Whether the answer, or a copy of it, was disposed. True for <c>default</c>.</summary>
    public bool IsReleased => _held is null || !_held.IsHeld(_key);

    private HeldResponse Held
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if (_held is null)
            {
                HeldResponse.ThrowReleased();
            }
            return _held;
        }
    }

    /// <summary>Part of the bytes; for answers of any size.</summary>
    /// <param name="offset">Where it begins.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie in the answer.</exception>
    /// <exception cref="ObjectDisposedException">The answer was disposed.</exception>
    public unsafe ReadOnlySpan<byte> Slice(long offset, int length)
    {
        byte* data = Held.Bytes(_key, out nuint size);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)offset + (ulong)length, (ulong)size, nameof(length));
        return new ReadOnlySpan<byte>(data + offset, length);
    }

    /// <summary>The bytes as values of another type, in place.</summary>
    /// <typeparam name="T">A type without references, laid out as the other side has written it.</typeparam>
    /// <exception cref="InvalidOperationException">
    /// The answer's length is no multiple of the size of <typeparamref name="T"/>, or there are too many for a span.
    /// </exception>
    /// <exception cref="ObjectDisposedException">The answer was disposed.</exception>
    public unsafe ReadOnlySpan<T> As<T>()
        where T : unmanaged
    {
        byte* data = Held.Bytes(_key, out nuint size);
        nuint count = size / (nuint)sizeof(T);
        if (count * (nuint)sizeof(T) != size)
        {
            throw new InvalidOperationException(
                $"the answer has {size} bytes, which is no multiple of the {sizeof(T)} of {typeof(T).Name}");
        }
        if (count > int.MaxValue)
        {
            ThrowTooLong(size);
        }
        return new ReadOnlySpan<T>(data, (int)count);
    }

    /// <summary>The bytes as memory that keeps the answer held by itself, until it is disposed.</summary>
    /// <returns>
    /// A value to dispose. The answer's room comes back when the answer <em>and</em> every memory of it were disposed, in any order.
    /// </returns>
    /// <exception cref="InvalidOperationException">It has more than 2 GiB − 1 bytes.</exception>
    /// <exception cref="ObjectDisposedException">The answer was disposed.</exception>
    /// <remarks>The object behind it is pooled: nothing is allocated in the long run. Any thread.</remarks>
    public unsafe FrameMemory AsMemory()
    {
        HeldResponse held = Held;
        _ = held.Bytes(_key, out nuint size);
        if (size > int.MaxValue)
        {
            ThrowTooLong(size);
        }
        return held.AsMemory(_key);
    }

    /// <summary>Gives the bytes back, unless this or a copy was disposed before.</summary>
    /// <remarks>Any thread, also after the client was disposed. Never waits; may wake the server.</remarks>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dispose() => _held?.Release(_key);

    /// <summary>Whether both are the same answer, released or not.</summary>
    /// <param name="other">Another answer.</param>
    public bool Equals(Response other) => _held == other._held && _key == other._key;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Response other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_held is null ? 0 : RuntimeHelpers.GetHashCode(_held), _key);

    /// <summary>Whether both are the same answer.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(Response left, Response right) => left.Equals(right);

    /// <summary>Whether they are different answers.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(Response left, Response right) => !left.Equals(right);

    /// <summary>For people: sequence, size and type.</summary>
    public override string ToString() => IsReleased ? "Response (released)" : $"Response {Sequence}: {Length} bytes, type {Type}";

    [DoesNotReturn]
    private static void ThrowTooLong(nuint size) => throw new InvalidOperationException(
        $"the answer has {size} bytes; a span or memory has at most {int.MaxValue} elements. Use Slice(offset, length).");
}

/// <summary>What was copied into the caller's buffer.</summary>
/// <param name="Length">Bytes.</param>
/// <param name="Sequence">The request that this answers.</param>
/// <param name="Type">0, or from 128 the application's.</param>
public readonly record struct Received(int Length, ulong Sequence, ushort Type);
