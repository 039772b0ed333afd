// What a relay does to the bytes that it passes on, one pass over memory from the input ring into the output ring; and what a server
// does to those of a request.
using System;
using System.Numerics;
using System.Runtime.InteropServices;

namespace ZeroBuffer.Relay;

internal static class Transforms
{
    private const int BlockSize = 32 << 10; // stays in the first cache between copying and turning round

    public static string Check(string name) => Values.OneOf(name, "none", "reverse", "xor");

    /// <summary>Writes the transformed bytes.</summary>
    public static void Apply(string transform, byte key, ReadOnlySpan<byte> from, Span<byte> to)
    {
        if (transform == "xor")
        {
            Xor(from, to, key);
            return;
        }

        from.CopyTo(to);
        if (transform == "reverse")
        {
            to.Reverse();
        }
    }

    public static void ApplyInPlace(string transform, byte key, Span<byte> bytes)
    {
        if (transform == "xor")
        {
            Xor(bytes, bytes, key);
        }
        else if (transform == "reverse")
        {
            bytes.Reverse();
        }
    }

    /// <summary>Writes the transformed first <paramref name="length"/> bytes of the frame into the claim.</summary>
    public static void Apply(string transform, byte key, in Frame frame, in Claim claim, long length)
    {
        for (long offset = 0; offset < length; offset += BlockSize)
        {
            int part = (int)Math.Min(BlockSize, length - offset);
            ReadOnlySpan<byte> from = frame.Slice(offset, part);
            Span<byte> to = claim.Slice(transform == "reverse" ? length - offset - part : offset, part);
            Apply(transform, key, from, to);
        }
    }

    private static void Xor(ReadOnlySpan<byte> from, Span<byte> to, byte key)
    {
        var keys = new Vector<byte>(key);
        ReadOnlySpan<Vector<byte>> vectors = MemoryMarshal.Cast<byte, Vector<byte>>(from);
        Span<Vector<byte>> results = MemoryMarshal.Cast<byte, Vector<byte>>(to);
        for (int i = 0; i < vectors.Length; ++i)
        {
            results[i] = vectors[i] ^ keys;
        }

        for (int i = vectors.Length * Vector<byte>.Count; i < from.Length; ++i)
        {
            to[i] = (byte)(from[i] ^ key);
        }
    }
}
