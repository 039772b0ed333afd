// Room for one frame, as a value that is copied freely: its writer, and which claim of it. And a batch, likewise.
using System;
using System.Runtime.CompilerServices;

namespace ZeroBuffer;

/// <summary>Room for one frame, in the ring itself: fill it, then commit. From <see cref="Writer.Claim(long)"/>.</summary>
/// <remarks>
/// One at a time per writer; the thread that uses the writer fills and commits it. <see cref="Dispose"/> without a commit gives
/// the room back: nothing is sent. Copies of this struct are the same claim: it is committed or discarded once, then every member
/// but <see cref="IsOpen"/> and <see cref="Dispose"/> throws <see cref="ObjectDisposedException"/>. What is written through a span after
/// the commit may reach a reader. Allocates nothing.
/// </remarks>
/// <example><code>
/// using Claim claim = writer.Claim(1024);
/// int length = Fill(claim.Span);
/// claim.Commit(length);
/// </code></example>
public readonly struct Claim : IDisposable, IEquatable<Claim>
{
    private readonly Writer? _writer;
    private readonly long _ticket;

    internal Claim(Writer writer, long ticket)
    {
        _writer = writer;
        _ticket = ticket;
    }

    /// <summary>The room, 64-byte aligned; its content is undefined at first.</summary>
    /// <exception cref="ObjectDisposedException">It was committed or discarded, or the writer disposed.</exception>
    /// <exception cref="InvalidOperationException">It has more than 2 GiB − 1 bytes: use <see cref="Slice"/>.</exception>
    public unsafe Span<byte> Span
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get
        {
            byte* data = Open().ClaimedBytes(_ticket, out nuint size);
            if (size > int.MaxValue)
            {
                throw new InvalidOperationException(
                    $"the claim has {size} bytes; a span has at most {int.MaxValue} elements. Use Slice(offset, length).");
            }
            return new Span<byte>(data, (int)size);
        }
    }

    /// <summary>Bytes claimed.</summary>
    /// <exception cref="ObjectDisposedException">It was committed or discarded, or the writer disposed.</exception>
    public unsafe long Length
    {
        get
        {
            _ = Open().ClaimedBytes(_ticket, out nuint size);
            return (long)size;
        }
    }

    /// <summary>Whether it can still be committed.</summary>
    public bool IsOpen => _writer is not null && _writer.HasClaim(_ticket);

    /// <summary>Part of the room; for claims of any size.</summary>
    /// <param name="offset">Where it begins.</param>
    /// <param name="length">Bytes.</param>
    /// <exception cref="ArgumentOutOfRangeException">The part does not lie in the claim.</exception>
    /// <exception cref="ObjectDisposedException">It was committed or discarded, or the writer disposed.</exception>
    public unsafe Span<byte> Slice(long offset, int length)
    {
        byte* data = Open().ClaimedBytes(_ticket, out nuint size);
        ArgumentOutOfRangeException.ThrowIfNegative(offset);
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((ulong)offset + (ulong)length, (ulong)size, nameof(length));
        return new Span<byte>(data + offset, length);
    }

    /// <summary>The room as a buffer writer, for serialisers; empty at first. Commit with its <see cref="ClaimBufferWriter.Commit"/>.</summary>
    /// <returns>One object per writer, used again and again; it serves the last claim that it was asked for.</returns>
    /// <exception cref="ObjectDisposedException">It was committed or discarded, or the writer disposed.</exception>
    /// <remarks>Allocates once per writer.</remarks>
    public ClaimBufferWriter AsBufferWriter() => Open().BufferWriterFor(this, _ticket);

    /// <summary>Publishes the first <paramref name="length"/> bytes as a frame; the rest of the room goes back to the ring.</summary>
    /// <param name="length">Bytes, 0 … <see cref="Length"/>.</param>
    /// <param name="type">0 normal, from 128 the application's.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <exception cref="ArgumentOutOfRangeException">It is longer than the claim, which stays open.</exception>
    /// <exception cref="ObjectDisposedException">It was committed or discarded, or the writer disposed.</exception>
    /// <exception cref="ForkedException">The writer belongs to the parent process.</exception>
    /// <remarks>Never waits; may wake readers. Allocates nothing.</remarks>
    public void Commit(long length, ushort type = 0, ulong tag = 0) => Open().Commit(_ticket, length, type, tag);

    /// <summary>Publishes the whole claim as a frame.</summary>
    /// <param name="type">0 normal, from 128 the application's.</param>
    /// <param name="tag">A number of the application's.</param>
    /// <remarks>As <see cref="Commit"/>.</remarks>
    public void CommitAll(ushort type = 0, ulong tag = 0) => Open().Commit(_ticket, Length, type, tag);

    /// <summary>Gives the room back unless it was committed; nothing is sent and no sequence used. Again is harmless.</summary>
    /// <exception cref="ConcurrentUseException">Another thread is inside a call of the writer.</exception>
    public void Dispose() => _writer?.Discard(_ticket);

    /// <summary>Whether both are the same claim.</summary>
    /// <param name="other">Another one.</param>
    public bool Equals(Claim other) => _writer == other._writer && _ticket == other._ticket;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Claim other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _ticket.GetHashCode();

    /// <summary>Whether both are the same claim.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(Claim left, Claim right) => left.Equals(right);

    /// <summary>Whether they are different claims.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(Claim left, Claim right) => !left.Equals(right);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private Writer Open()
    {
        if (_writer is null)
        {
            Writer.ThrowClaimOver();
        }
        return _writer;
    }
}

/// <summary>Frames published together when it is disposed. From <see cref="Writer.Batch"/>.</summary>
/// <remarks>Copies of this struct are the same batch; it ends once. Allocates nothing.</remarks>
public readonly struct Batch : IDisposable, IEquatable<Batch>
{
    private readonly Writer? _writer;
    private readonly long _number;

    internal Batch(Writer writer, long number)
    {
        _writer = writer;
        _number = number;
    }

    /// <summary>Publishes what was committed since the batch began, with one wake-up. Again is harmless.</summary>
    /// <exception cref="ConcurrentUseException">Another thread is inside a call of the writer.</exception>
    public void Dispose() => _writer?.EndBatch(_number);

    /// <summary>Whether both are the same batch.</summary>
    /// <param name="other">Another one.</param>
    public bool Equals(Batch other) => _writer == other._writer && _number == other._number;

    /// <inheritdoc/>
    public override bool Equals(object? obj) => obj is Batch other && Equals(other);

    /// <inheritdoc/>
    public override int GetHashCode() => _number.GetHashCode();

    /// <summary>Whether both are the same batch.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator ==(Batch left, Batch right) => left.Equals(right);

    /// <summary>Whether they are different batches.</summary>
    /// <param name="left">One.</param>
    /// <param name="right">The other.</param>
    public static bool operator !=(Batch left, Batch right) => !left.Equals(right);
}
