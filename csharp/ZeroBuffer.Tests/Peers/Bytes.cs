// Bytes to send that are recognised when they arrive.
using System;

namespace ZeroBuffer.Tests.Peers;

internal static class Bytes
{
    /// <summary>All of one value.</summary>
    internal static byte[] Of(int value, int size = 100)
    {
        byte[] bytes = new byte[size];
        Array.Fill(bytes, (byte)value);
        return bytes;
    }

    /// <summary>Each differs from its neighbours, and the whole from that of another seed.</summary>
    internal static byte[] Pattern(int size, int seed)
    {
        byte[] bytes = new byte[size];
        for (int i = 0; i < size; ++i)
        {
            bytes[i] = (byte)(seed + (i * 7) + (i >> 8));
        }
        return bytes;
    }
}
