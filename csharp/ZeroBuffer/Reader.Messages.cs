// Many small messages of one size with one call: copies, so that nothing is held. How they were written makes no difference.
using System;
using System.Runtime.InteropServices;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

public sealed unsafe partial class Reader
{
    /// <summary>
    /// For streams of many small frames of one size: waits for a frame, for ever, then copies as many as there are, one after the
    /// other. Their room goes back to the writer at once: nothing is held, and there is nothing to dispose.
    /// </summary>
    /// <param name="into">Room for at least one message; what is left over behind the last one that fits is not touched.</param>
    /// <param name="messageSize">Bytes of each, at least 1.</param>
    /// <returns>How many, at least one.</returns>
    /// <exception cref="WrongSizeException">
    /// The next frame has another size. It stays: read it as a frame. One behind others ends the call before it.
    /// </exception>
    /// <exception cref="ArgumentException">There is no room for a message.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The size is less than 1.</exception>
    /// <remarks>Otherwise throws as <see cref="Read()"/>. Allocates nothing.</remarks>
    /// <example><code>
    /// Span&lt;byte&gt; room = stackalloc byte[64 * 64];
    /// int count = reader.ReadMessages(room, messageSize: 64);
    /// </code></example>
    public int ReadMessages(Span<byte> into, int messageSize) => CopyMessages(into, messageSize, Native.Forever);

    /// <summary>As <see cref="ReadMessages(Span{byte}, int)"/>, but waits only so long.</summary>
    /// <param name="into">Room for at least one message; what is left over behind the last one that fits is not touched.</param>
    /// <param name="messageSize">Bytes of each, at least 1.</param>
    /// <param name="timeout">As for <see cref="Read(TimeSpan, out Frame)"/>.</param>
    /// <returns>How many; 0 where the time ran out.</returns>
    /// <remarks>Throws as <see cref="ReadMessages(Span{byte}, int)"/>. Allocates nothing.</remarks>
    public int ReadMessages(Span<byte> into, int messageSize, TimeSpan timeout) =>
        CopyMessages(into, messageSize, Timeouts.Nanoseconds(timeout));

    /// <summary>As <see cref="ReadMessages(Span{byte}, int)"/>: each message is a value.</summary>
    /// <typeparam name="T">A type without references, laid out as the writer has written it.</typeparam>
    /// <param name="into">Room for at least one.</param>
    /// <returns>How many, at least one.</returns>
    /// <remarks>Throws as <see cref="ReadMessages(Span{byte}, int)"/>. Allocates nothing.</remarks>
    /// <example><code>
    /// int count = reader.ReadMessages&lt;Point&gt;(points);
    /// </code></example>
    public int ReadMessages<T>(Span<T> into)
        where T : unmanaged => CopyMessages(MemoryMarshal.AsBytes(into), sizeof(T), Native.Forever);

    /// <summary>As <see cref="ReadMessages{T}(Span{T})"/>, but waits only so long.</summary>
    /// <typeparam name="T">A type without references, laid out as the writer has written it.</typeparam>
    /// <param name="into">Room for at least one.</param>
    /// <param name="timeout">As for <see cref="Read(TimeSpan, out Frame)"/>.</param>
    /// <returns>How many; 0 where the time ran out.</returns>
    /// <remarks>Throws as <see cref="ReadMessages(Span{byte}, int)"/>. Allocates nothing.</remarks>
    public int ReadMessages<T>(Span<T> into, TimeSpan timeout)
        where T : unmanaged => CopyMessages(MemoryMarshal.AsBytes(into), sizeof(T), Timeouts.Nanoseconds(timeout));

    private int CopyMessages(Span<byte> into, int messageSize, long timeoutNs)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(messageSize, 1);
        int most = into.Length / messageSize;
        if (most == 0)
        {
            throw new ArgumentException($"there is no room for a message of {messageSize} bytes", nameof(into));
        }
        _gate.Enter(this);
        nuint count;
        int status;
        fixed (byte* bytes = into)
        {
            status = Native.zb_reader_read_messages(_native, timeoutNs, bytes, (nuint)messageSize, (nuint)most, &count);
        }
        if (status != (int)Status.Ok)
        {
            Failed(status);
            return 0;
        }
        _gate.Leave();
        return (int)count;
    }
}
