// What travels: a sequence in the first eight bytes, which the receiver checks. The same numbers as in cpp/cli/bench/message.hpp.
using System;
using System.Buffers.Binary;

namespace ZeroBuffer.Benchmarks;

internal static class Message
{
    internal const int Size = 64;
    internal const ulong Stop = 1UL << 62; // ends a loop

    internal static readonly TimeSpan Connect = TimeSpan.FromSeconds(30);

    internal static BufferOptions SmallRing { get; } = BufferOptions.Default with { PayloadSize = 1 << 20 };

    internal static void SetSequence(Span<byte> message, ulong sequence) =>
        BinaryPrimitives.WriteUInt64LittleEndian(message, sequence);

    internal static ulong Sequence(ReadOnlySpan<byte> message) => BinaryPrimitives.ReadUInt64LittleEndian(message);

    internal static void Check(ulong got, ulong expected)
    {
        if (got != expected)
        {
            throw new InvalidOperationException("a message came out of order or changed: the measurement is worthless");
        }
    }

    internal static void AwaitReader(Writer writer)
    {
        if (!writer.WaitForReaders(1, Connect))
        {
            throw new InvalidOperationException("the other side did not come");
        }
    }
}
