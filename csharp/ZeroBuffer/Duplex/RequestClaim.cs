// Room for a request, as a value that is copied freely: what stands behind it, and which claim of it.
using System;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Threading;
using System.Threading.Tasks;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

/// <summary>
/// Room for a request, in the channel itself: fill it, then call. From <see cref="DuplexClient.ClaimRequest"/> and, to be sent
/// without waiting for the answer, <see cref="DuplexClient.ClaimSend"/>.
/// </summary>
/// <remarks>
/// <see cref="Dispose"/> without a call gives the room back: nothing is sent. Copies of this struct are the same claim: it is sent
/// or discarded once, then every member but <see cref="IsOpen"/> and <see cref="Dispose"/> throws
/// <see cref="ObjectDisposedException"/>. Any thread, one at a time. Allocates nothing.
/// </remarks>
/// <example><code>
/// using RequestClaim claim = client.ClaimRequest(1920 * 1080 * 3);
/// Fill(claim.Span);
/// using Response answer = claim.Call(TimeSpan.FromSeconds(1));  // in place: at the address that was filled
/// </code></example>
public readonly unsafe struct RequestClaim : IDisposable, IEquatable<RequestClaim>
{
    private readonly HeldOutgoing? _held;
    private readonly ulong _key;

    internal RequestClaim(HeldOutgoing held, ulong key)
    {
        _held = held;
        _key = key;
    }

    /// <summary>The room, 64-byte aligned; its content is undefined at first.</summary>
    /// <exception cref="ObjectDisposedException">It was sent or discarded.</exception>
    /// <exception cref="InvalidOperationException">It has more than 2 GiB − 1 bytes: use <see cref="Slice"/>.</exception>
    public Span<byte> Span
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            byte* data = Open.Bytes(_key, out nuint size);
            if (size > int.MaxValue)
            {
                throw new InvalidOperationException(
                    $"the claim has {size} bytes; a span has at most {int.MaxValue} elements. Use Slice(offset, length).");
            }
            return new Span<byte>(data, (int)size);
        }
    }

    /// <summary>Bytes claimed.</summary>
    /// <exception cref="ObjectDisposedException">It was sent or discarded.</exception>
    public long Length
    {
        get
        {
            _ = Open.Bytes(_key, out nuint size);
            return (long)size;
        }
    }

    /// <summary>Whether it can still be sent.</summary>
    public bool IsOpen => _held is not null && _held.IsHeld(_key);

    private HeldOutgoing Open
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            if (_held is null)
            {
                HeldOutgoing.ThrowOver();
            }
            return _held;
        }
    }

    /// <summary>Part of the room; for claims of any size.</summary>
    /// <param name="offset">Where it begins.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie in the claim.</exception>
    /// <exception cref="ObjectDisposedException">It was sent or discarded.</exception>
    public Span<byte> Slice(long offset, int length)
    {
        byte* data = Open.Bytes(_key, out nuint size);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)offset + (ulong)length, (ulong)size, nameof(length));
        return new Span<byte>(data + offset, length);
    }

    /// <summary>Sends it and waits for the answer. Throws as <see cref="DuplexClient.Call(ReadOnlySpan{byte}, TimeSpan?, ushort, ulong, long)"/>.</summary>
    /// <param name="timeout">For the answer; null waits for ever.</param>
    /// <param name="length">Bytes to send; null: all of it.</param>
    /// <param name="type">0 normal, from 128 the application's: what is asked for.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <returns>The answer; dispose it.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is longer than the claim, which stays open.</exception>
    /// <exception cref="InvalidArgumentException">The claim is one of <see cref="DuplexClient.ClaimSend"/>; it stays open.</exception>
    public Response Call(TimeSpan? timeout = null, long? length = null, ushort type = 0, ulong tag = 0) =>
        Open.Client.CallClaim(Open, _key, length ?? Length, timeout, type, tag);

    /// <summary>Sends it and awaits the answer. Throws as <see cref="DuplexClient.CallAsync"/>.</summary>
    /// <param name="length">Bytes to send; null: all of it.</param>
    /// <param name="type">0 normal, from 128 the application's: what is asked for.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <param name="cancellationToken">Gives the call up at once.</param>
    /// <returns>The answer; dispose it. To be awaited once.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is longer than the claim, which stays open.</exception>
    /// <exception cref="InvalidArgumentException">The claim is one of <see cref="DuplexClient.ClaimSend"/>; it stays open.</exception>
    public ValueTask<Response> CallAsync(
        long? length = null, ushort type = 0, ulong tag = 0, CancellationToken cancellationToken = default) =>
        Open.Client.CallClaimAsync(Open, _key, length ?? Length, type, tag, cancellationToken);

    /// <summary>Sends it without waiting; the answer comes from <see cref="DuplexClient.Receive()"/>.</summary>
    /// <param name="length">Bytes to send; null: all of it.</param>
    /// <param name="type">0 normal, from 128 the application's: what is asked for.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <returns>The request's sequence, and its answer's.</returns>
    /// <exception cref="ArgumentOutOfRangeException">It is longer than the claim, which stays open.</exception>
    /// <exception cref="InvalidArgumentException">The claim is one of <see cref="DuplexClient.ClaimRequest"/>; it stays open.</exception>
    /// <exception cref="ObjectDisposedException">It was sent or discarded, or the client disposed.</exception>
    public ulong Send(long? length = null, ushort type = 0, ulong tag = 0) => Open.Client.SendClaim(Open, _key, length ?? Length, type, tag);

    /// <summary>Gives the room back unless it was sent. Again is harmless.</summary>
    public void Dispose() => _held?.Discard(_key);

    /// <summary>Whether both are the same claim.</summary>
    /// <param name="other">Another one.</param>
    public bool Equals(RequestClaim other) => _held == other._held && _key == other._key;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is RequestClaim other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(_held is null ? 0 : RuntimeHelpers.GetHashCode(_held), _key);

    /// <summary>Whether both are the same claim.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(RequestClaim left, RequestClaim right) => left.Equals(right);

    /// <summary>Whether they are different claims.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(RequestClaim left, RequestClaim right) => !left.Equals(right);
}
