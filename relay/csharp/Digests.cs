// CRC-32 of contents: one line per frame in a file, and one sum of all. Contents come block by block. Must not know buffers.
using System;
using System.IO;

namespace ZeroBuffer.Relay;

internal sealed class Digests
{
    private readonly string? _path;
    private readonly bool _whole;
    private readonly StreamWriter? _file;
    private uint _wholeCrc;
    private uint _crc;
    private long _size;

    public Digests(string? path, bool whole)
    {
        _path = path;
        _whole = whole;
        try
        {
            _file = path is null ? null : new StreamWriter(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new Outcome(ExitCode.Failed, $"{path}: {error.Message}");
        }
    }

    public string Checksum => Crc32.ToHex(_wholeCrc);

    /// <summary>The next bytes of the frame's content.</summary>
    public void Add(ReadOnlySpan<byte> block)
    {
        _size += block.Length;
        if (_whole)
        {
            _wholeCrc = Crc32.Append(_wholeCrc, block);
        }

        if (_file is not null)
        {
            _crc = Crc32.Append(_crc, block);
        }
    }

    public void EndFrame(ulong sequence, ushort type, ulong tag)
    {
        _file?.WriteLine($"{sequence} {type} {tag} {_size} {Crc32.ToHex(_crc)}");
        (_crc, _size) = (0, 0);
    }

    /// <summary>Throws Outcome where the file could not be written.</summary>
    public void Close()
    {
        try
        {
            _file?.Dispose();
        }
        catch (IOException error)
        {
            throw new Outcome(ExitCode.Failed, $"{_path}: {error.Message}");
        }
    }
}
