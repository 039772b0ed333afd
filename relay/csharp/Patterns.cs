// The bytes of made-up frames: the four patterns of relay/README.md, to write and to compare with. Must not know frames.
using System;
using System.Runtime.InteropServices;

namespace ZeroBuffer.Relay;

internal sealed class Patterns
{
    /// <summary>Contents are handed in block by block; all but the last are this long.</summary>
    public const int BlockSize = 64 << 10;

    private const ulong Step = 0x9e3779b97f4a7c15;

    private readonly string _name;
    private readonly ulong _seed;
    private readonly byte[] _counting = new byte[BlockSize + 256];
    private readonly byte[] _expected = new byte[BlockSize];

    public Patterns(string name, ulong seed)
    {
        _name = name;
        _seed = seed;
        for (int i = 0; i < _counting.Length; ++i)
        {
            _counting[i] = (byte)i;
        }
    }

    public static string Check(string name) => Values.OneOf(name, "zeros", "ones", "sequential", "random");

    /// <summary>Fills a block with the content of the frame with this sequence, from the offset on.</summary>
    public void Fill(Span<byte> block, ulong sequence, long offset)
    {
        switch (_name)
        {
            case "zeros":
                block.Clear();
                break;
            case "ones":
                block.Fill(255);
                break;
            case "sequential":
                _counting.AsSpan((int)((sequence + (ulong)offset) & 255), block.Length).CopyTo(block);
                break;
            default:
                FillRandom(block, Mix(Mix(_seed) + sequence) + ((ulong)offset / 8 * Step));
                break;
        }
    }

    /// <summary>The offset in the block of the first byte that is not what Fill writes, and that byte; -1 where all are.</summary>
    public int Compare(ReadOnlySpan<byte> block, ulong sequence, long offset, out byte expected)
    {
        Span<byte> right = _expected.AsSpan(0, block.Length);
        Fill(right, sequence, offset);
        int same = right.CommonPrefixLength(block);
        expected = same < right.Length ? right[same] : (byte)0;
        return same < right.Length ? same : -1;
    }

    private static void FillRandom(Span<byte> block, ulong state)
    {
        Span<ulong> words = MemoryMarshal.Cast<byte, ulong>(block);
        for (int i = 0; i < words.Length; ++i)
        {
            words[i] = Mix(state += Step);
        }

        Span<byte> rest = block[(words.Length * sizeof(ulong))..];
        ulong last = Mix(state + Step);
        MemoryMarshal.AsBytes(new Span<ulong>(ref last))[..rest.Length].CopyTo(rest);
    }

    /// <summary>The finalizer of SplitMix64.</summary>
    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return z ^ (z >> 31);
    }
}
