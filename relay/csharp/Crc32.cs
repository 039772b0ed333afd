// CRC-32 as in zlib, eight bytes at a time: the framework has none, and its package System.IO.Hashing is one more dependency.
using System;
using System.Buffers.Binary;

namespace ZeroBuffer.Relay;

internal static class Crc32
{
    private static readonly uint[][] Tables = MakeTables();

    /// <summary>The CRC of what came before and these bytes.</summary>
    public static uint Append(uint before, ReadOnlySpan<byte> bytes)
    {
        uint[][] t = Tables;
        uint crc = ~before;
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            uint low = BinaryPrimitives.ReadUInt32LittleEndian(bytes) ^ crc;
            uint high = BinaryPrimitives.ReadUInt32LittleEndian(bytes[4..]);
            crc = t[7][(byte)low] ^ t[6][(byte)(low >> 8)] ^ t[5][(byte)(low >> 16)] ^ t[4][low >> 24]
                ^ t[3][(byte)high] ^ t[2][(byte)(high >> 8)] ^ t[1][(byte)(high >> 16)] ^ t[0][high >> 24];
        }

        foreach (byte value in bytes)
        {
            crc = t[0][(byte)(crc ^ value)] ^ (crc >> 8);
        }

        return ~crc;
    }

    /// <summary>Eight lower-case hexadecimal digits.</summary>
    public static string ToHex(uint crc) => crc.ToString("x8", System.Globalization.CultureInfo.InvariantCulture);

    private static uint[][] MakeTables()
    {
        var tables = new uint[8][];
        for (int table = 0; table < 8; ++table)
        {
            tables[table] = new uint[256];
            for (uint i = 0; i < 256; ++i)
            {
                uint crc = table == 0 ? i : tables[table - 1][i];
                if (table != 0)
                {
                    tables[table][i] = tables[0][(byte)crc] ^ (crc >> 8);
                    continue;
                }

                for (int bit = 0; bit < 8; ++bit)
                {
                    crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
                }

                tables[0][i] = crc;
            }
        }

        return tables;
    }
}
