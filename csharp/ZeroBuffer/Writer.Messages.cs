// Many small messages of one size with one call. Each is a frame like any other; readers see no difference.
using System;
using System.Runtime.InteropServices;
using ZeroBuffer.Interop;

namespace ZeroBuffer;

public sealed unsafe partial class Writer
{
    /// <summary>
    /// For streams of many small frames of one size: sends each <paramref name="messageSize"/> bytes of
    /// <paramref name="messages"/> as a frame. They are published some at a time; where the ring is full, this waits, for ever.
    /// </summary>
    /// <param name="messages">One after the other, nothing between them; none is no error.</param>
    /// <param name="messageSize">Bytes of each, at least 1.</param>
    /// <param name="type">Of all: 0 normal, from 128 the application's.</param>
    /// <param name="tag">Of all: a number of the application's.</param>
    /// <returns>
    /// How many were sent, always the first ones. Fewer than all where the wait was interrupted or the readers have gone: call again
    /// with the rest to go on, or to hear why. <see cref="FullPolicy.Drop"/>: those without room are dropped and counted, as many as
    /// this says are not.
    /// </returns>
    /// <exception cref="ArgumentException">The length is no multiple of the size.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The size is less than 1.</exception>
    /// <remarks>Where none was sent it throws as <see cref="Claim(long)"/>. Allocates nothing.</remarks>
    /// <example><code>
    /// int sent = writer.WriteMessages(bytes, messageSize: 64);
    /// </code></example>
    public int WriteMessages(ReadOnlySpan<byte> messages, int messageSize, ushort type = 0, ulong tag = 0) =>
        SendMessages(messages, messageSize, Native.Forever, type, tag);

    /// <summary>As <see cref="WriteMessages(ReadOnlySpan{byte}, int, ushort, ulong)"/>, but waits only so long.</summary>
    /// <param name="messages">One after the other, nothing between them; none is no error.</param>
    /// <param name="messageSize">Bytes of each, at least 1.</param>
    /// <param name="timeout">To wait for room: zero looks once; <see cref="System.Threading.Timeout.InfiniteTimeSpan"/> waits for ever.</param>
    /// <param name="type">Of all: 0 normal, from 128 the application's.</param>
    /// <param name="tag">Of all: a number of the application's.</param>
    /// <returns>How many were sent, always the first ones; 0 where the time ran out before the first.</returns>
    /// <exception cref="ArgumentException">The length is no multiple of the size.</exception>
    /// <exception cref="ArgumentOutOfRangeException">The size is less than 1.</exception>
    /// <remarks>Where none was sent and the time did not run out it throws as <see cref="Claim(long)"/>. Allocates nothing.</remarks>
    public int WriteMessages(ReadOnlySpan<byte> messages, int messageSize, TimeSpan timeout, ushort type = 0, ulong tag = 0) =>
        SendMessages(messages, messageSize, Timeouts.Nanoseconds(timeout), type, tag);

    /// <summary>As <see cref="WriteMessages(ReadOnlySpan{byte}, int, ushort, ulong)"/>: each value is a message.</summary>
    /// <typeparam name="T">A type without references; the reader sees it as it lies in memory.</typeparam>
    /// <param name="messages">The values; none is no error.</param>
    /// <param name="type">Of all: 0 normal, from 128 the application's.</param>
    /// <param name="tag">Of all: a number of the application's.</param>
    /// <returns>How many were sent, always the first ones.</returns>
    /// <remarks>Throws as <see cref="Claim(long)"/>. Allocates nothing.</remarks>
    /// <example><code>
    /// int sent = writer.WriteMessages&lt;Point&gt;(points);
    /// </code></example>
    public int WriteMessages<T>(ReadOnlySpan<T> messages, ushort type = 0, ulong tag = 0)
        where T : unmanaged => SendMessages(MemoryMarshal.AsBytes(messages), sizeof(T), Native.Forever, type, tag);

    /// <summary>As <see cref="WriteMessages{T}(ReadOnlySpan{T}, ushort, ulong)"/>, but waits only so long.</summary>
    /// <typeparam name="T">A type without references; the reader sees it as it lies in memory.</typeparam>
    /// <param name="messages">The values; none is no error.</param>
    /// <param name="timeout">To wait for room: zero looks once; <see cref="System.Threading.Timeout.InfiniteTimeSpan"/> waits for ever.</param>
    /// <param name="type">Of all: 0 normal, from 128 the application's.</param>
    /// <param name="tag">Of all: a number of the application's.</param>
    /// <returns>How many were sent, always the first ones; 0 where the time ran out before the first.</returns>
    /// <remarks>Throws as <see cref="Claim(long)"/>. Allocates nothing.</remarks>
    public int WriteMessages<T>(ReadOnlySpan<T> messages, TimeSpan timeout, ushort type = 0, ulong tag = 0)
        where T : unmanaged =>
        SendMessages(MemoryMarshal.AsBytes(messages), sizeof(T), Timeouts.Nanoseconds(timeout), type, tag);

    private int SendMessages(ReadOnlySpan<byte> messages, int messageSize, long timeoutNs, ushort type, ulong tag)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(messageSize, 1);
        int count = Math.DivRem(messages.Length, messageSize, out int rest);
        if (rest != 0)
        {
            throw new ArgumentException($"{messages.Length} bytes are no multiple of the {messageSize} of a message", nameof(messages));
        }
        _gate.Enter(this);
        nuint written;
        int status;
        fixed (byte* bytes = messages)
        {
            status = Native.zb_writer_write_messages(
                _native, bytes, (nuint)messageSize, (nuint)count, timeoutNs, type, tag, &written);
        }
        return Done(status) ? (int)written : 0;
    }
}
