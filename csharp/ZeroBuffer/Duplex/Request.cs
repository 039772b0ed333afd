// A request that was taken, as a value that is copied freely: what stands behind it, and which request of it.
using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

/// <summary>A request that this end has taken, and the way to answer it.</summary>
/// <remarks>
/// <para>Exactly one answer is given: by <see cref="Respond"/>, <see cref="Write(ReadOnlySpan{byte}, ushort)"/> or
/// <see cref="Fail"/>, else by <see cref="Dispose"/>: in place with the bytes as they lie then, otherwise with an error ("gave no
/// answer"). A handler's request is disposed when the handler returns; what it throws is the answer then.</para>
/// <para>Copies of this struct are the same request. Once it was answered every member but <see cref="IsAnswered"/> and
/// <see cref="Dispose"/> throws <see cref="ObjectDisposedException"/>; spans of it must not be used any more, which nothing checks.
/// Any thread, one at a time. Allocates nothing, unless said otherwise.</para>
/// </remarks>
/// <example><code>
/// using var server = ImmutableDuplexServer.Create("sum");
/// server.Serve(request =&gt;
/// {
///     long sum = 0;
///     foreach (byte value in request.Data)
///     {
///         sum += value;
///     }
///     request.Write(BitConverter.GetBytes(sum));
/// });
/// </code></example>
public readonly unsafe partial struct Request : IDisposable, IEquatable<Request>
{
    private readonly HeldRequest? _held;
    private readonly ulong _key;

    internal Request(HeldRequest held, ulong key)
    {
        _held = held;
        _key = key;
    }

    /// <summary>The bytes, 64-byte aligned.</summary>
    /// <exception cref="ObjectDisposedException">It was answered.</exception>
    /// <exception cref="InvalidOperationException">There are more than 2 GiB − 1, which no span can hold: use <see cref="Slice"/>.</exception>
    public ReadOnlySpan<byte> Data
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            byte* data = Held.Bytes(_key, out nuint size, out _);
            return new ReadOnlySpan<byte>(data, Checked(size));
        }
    }

    /// <summary>The same bytes, to be changed where they lie: they become the answer. Only where <see cref="InPlace"/>.</summary>
    /// <exception cref="ObjectDisposedException">It was answered.</exception>
    /// <exception cref="InvalidOperationException">The server answers with new data, or there are more than a span can hold.</exception>
    public Span<byte> Bytes
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            byte* data = Held.Bytes(_key, out nuint size, out bool inPlace);
            if (!inPlace)
            {
                ThrowNotInPlace();
            }
            return new Span<byte>(data, Checked(size));
        }
    }

    /// <summary>Bytes.</summary>
    /// <exception cref="ObjectDisposedException">It was answered.</exception>
    public long Length
    {
        get
        {
            _ = Held.Bytes(_key, out nuint size, out _);
            return (long)size;
        }
    }

    /// <summary>Whether the answer lies where the request lies.</summary>
    /// <exception cref="ObjectDisposedException">It was answered.</exception>
    public bool InPlace
    {
        get
        {
            _ = Held.Bytes(_key, out _, out bool inPlace);
            return inPlace;
        }
    }

    /// <summary>The caller's number of it; its answer has it too.</summary>
    /// <exception cref="ObjectDisposedException">It was answered.</exception>
    public ulong Sequence => Held.Fields(_key).Sequence;

    /// <summary>What is asked for: 0 normal, 2 an array (docs/arrays.md), 1-127 reserved, from 128 the application's.</summary>
    /// <exception cref="ObjectDisposedException">It was answered.</exception>
    public ushort Type => Held.Fields(_key).Type;

    /// <summary>A number of the caller's.</summary>
    /// <exception cref="ObjectDisposedException">It was answered.</exception>
    public ulong Tag => Held.Fields(_key).Tag;

    /// <summary>Who sent it: <see cref="DuplexServer.CallClient"/> takes this. 0 where the server sent it.</summary>
    /// <exception cref="ObjectDisposedException">It was answered.</exception>
    public ulong Client => Held.Fields(_key).Client;

    /// <summary>Whether it, or a copy, was answered. True for <c>default</c>.</summary>
    public bool IsAnswered => _held is null || !_held.IsHeld(_key);

    private HeldRequest Held
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if (_held is null)
            {
                HeldRequest.ThrowAnswered();
            }
            return _held;
        }
    }

    /// <summary>Part of the bytes; for requests of any size.</summary>
    /// <param name="offset">Where it begins.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie in the request.</exception>
    /// <exception cref="ObjectDisposedException">It was answered.</exception>
    public ReadOnlySpan<byte> Slice(long offset, int length)
    {
        byte* data = Held.Bytes(_key, out nuint size, out _);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)offset + (ulong)length, (ulong)size, nameof(length));
        return new ReadOnlySpan<byte>(data + offset, length);
    }

    /// <summary>The bytes as values of another type, in place.</summary>
    /// <typeparam name="T">A type without references, laid out as the other side has written it.</typeparam>
    /// <exception cref="InvalidOperationException">
    /// The request's length is no multiple of the size of <typeparamref name="T"/>, or there are too many for a span.
    /// </exception>
    /// <exception cref="ObjectDisposedException">It was answered.</exception>
    public ReadOnlySpan<T> As<T>()
        where T : unmanaged
    {
        byte* data = Held.Bytes(_key, out nuint size, out _);
        nuint count = size / (nuint)sizeof(T);
        return count * (nuint)sizeof(T) == size
            ? new ReadOnlySpan<T>(data, Checked(count))
            : throw new InvalidOperationException(
                $"the request has {size} bytes, which is no multiple of the {sizeof(T)} of {typeof(T).Name}");
    }

    /// <summary>Room for an answer, to be filled before <see cref="Respond"/>. Again gives new room.</summary>
    /// <param name="size">Bytes, at most.</param>
    /// <returns>The room. In place it is the request's own memory, and begins with its bytes.</returns>
    /// <exception cref="FrameTooLargeException">It can never fit; in place: the call has not reserved as much.</exception>
    /// <exception cref="PeerClosedException">The client is gone: nobody will read the answer.</exception>
    /// <exception cref="InterruptedWaitException"><c>Interrupt()</c> was called.</exception>
    /// <exception cref="ConcurrentUseException">Another thread works with this request.</exception>
    /// <exception cref="ObjectDisposedException">It was answered, or the server was disposed.</exception>
    /// <remarks>Unless in place, it waits until earlier requests of this lane are answered and the client has made room.</remarks>
    public Span<byte> Claim(int size)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(size);
        return new Span<byte>(Held.Claim(_key, (nuint)size), size);
    }

    /// <summary>Answers with the first <paramref name="length"/> bytes of what was claimed; in place also without a claim.</summary>
    /// <param name="length">Bytes.</param>
    /// <param name="type">0, or from 128 the application's.</param>
    /// <exception cref="InvalidArgumentException">There is not so much room; the request is not answered and stays.</exception>
    /// <exception cref="ConcurrentUseException">Another thread works with this request.</exception>
    /// <exception cref="ObjectDisposedException">It was answered, or the server was disposed.</exception>
    /// <remarks>Never waits after <see cref="Claim"/>; may wake the client.</remarks>
    public void Respond(long length, ushort type = 0)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Held.Respond(_key, (nuint)length, type);
    }

    /// <summary>Answers with a copy. Throws as <see cref="Claim"/>; the request is not answered then, and stays.</summary>
    /// <param name="answer">The bytes; in place they may be a part of the request.</param>
    /// <param name="type">0, or from 128 the application's.</param>
    public void Write(ReadOnlySpan<byte> answer, ushort type = 0) => Held.Write(_key, answer, type);

    /// <summary>Answers with an error: the caller gets a <see cref="RemoteException"/> with this text, cut to the room there is.</summary>
    /// <param name="text">For people.</param>
    /// <exception cref="ConcurrentUseException">Another thread works with this request.</exception>
    /// <exception cref="ObjectDisposedException">It was answered.</exception>
    public void Fail(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        Held.Fail(_key, text);
    }

    /// <summary>Answers what was not answered: see above. Again is harmless.</summary>
    /// <remarks>
    /// In a <c>using</c> block an exception comes by here too, and in place answers with what was changed so far: catch it and
    /// <see cref="Fail"/>, as handlers are called.
    /// </remarks>
    public void Dispose() => _held?.Finish(_key);

    /// <summary>Whether both are the same request, answered or not.</summary>
    /// <param name="other">Another one.</param>
    public bool Equals(Request other) => _held == other._held && _key == other._key;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Request other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_held is null ? 0 : RuntimeHelpers.GetHashCode(_held), _key);

    /// <summary>Whether both are the same request.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(Request left, Request right) => left.Equals(right);

    /// <summary>Whether they are different requests.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(Request left, Request right) => !left.Equals(right);

    /// <summary>For people: sequence, size, type and tag.</summary>
    public override string ToString() =>
        IsAnswered ? "Request (answered)" : $"Request {Sequence}: {Length} bytes, type {Type}, tag {Tag}";

    /// <summary>What a handler threw is the answer, unless there is one.</summary>
    internal void FailUnlessAnswered(Exception error) => _held?.FailUnlessAnswered(_key, TextOf(error));

    private static string TextOf(Exception error)
    {
        try
        {
            return error.Message.Length != 0 ? error.Message : error.GetType().Name;
        }
#pragma warning disable CA1031 // an application's exception: it must not end the thread that serves
        catch (Exception)
#pragma warning restore CA1031
        {
            return error.GetType().Name;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Checked(nuint size)
    {
        if (size > int.MaxValue)
        {
            ThrowTooLong(size);
        }
        return (int)size;
    }

    [DoesNotReturn]
    private static void ThrowTooLong(nuint size) => throw new InvalidOperationException(
        $"the request has {size} elements; a span has at most {int.MaxValue}. Use Slice(offset, length).");

    [DoesNotReturn]
    private static void ThrowNotInPlace() => throw new InvalidOperationException(
        "this server answers with new data (ImmutableDuplexServer): a request is read-only. Claim() room, or Write() the answer.");
}
